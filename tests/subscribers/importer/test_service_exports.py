"""Which rows of other services' exports become readers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digest.db import Database
from subscribers.errors import BadImport
from tests.subscribers.conftest import OPTIONS, REHEARSAL, Import, addresses
from tests.subscribers.importer.service_files import SAMPLES, Sample


@pytest.fixture(params=SAMPLES, ids=lambda sample: f"{sample.layout}-{sample.name}")
def sample(request: pytest.FixtureRequest) -> Sample:
    given: Sample = request.param
    return given


def test_a_service_s_file_is_read_as_it_means_it(load_csv: Import, sample: Sample) -> None:
    content = "\n".join(sample.lines) + "\n"
    report = load_csv(content, REHEARSAL, sample.name)
    assert (report.layout, report.standings) == (sample.layout, sample.standings)
    assert report.added == sample.standings.get("subscribed", 0)


@pytest.mark.parametrize("word", ["nonsubscribed", "unsubscribed", "cleaned", "sms_only"])
def test_a_file_named_for_those_who_left_or_never_agreed_brings_nobody_in(
    database: Database, load_csv: Import, word: str
) -> None:
    content = "Email Address,First Name\nann@example.com,Ann\n"
    with pytest.raises(BadImport, match="Import the file of the subscribed ones"):
        load_csv(content, name=f"{word}_email_audience_export_a6140fbbfe.csv")
    assert addresses(database) == []


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("email,active_subscription,expiry,plan,created_at", "active_subscription"),
        ("id,email_address,creation_date,notes,tags", "creation_date"),
        ("EMAIL,FIRSTNAME,ADDED_TIME,MODIFIED_TIME", "ADDED_TIME"),
        ("Record ID,First Name,Email", "Record ID"),
        ("Email Address,First Name,LEID,EUID", "LEID"),
    ],
    ids=["Substack", "Buttondown's unsubscribers", "Brevo", "HubSpot", "Mailchimp"],
)
def test_a_service_s_file_without_the_column_that_tells_who_left_is_a_question(
    database: Database, load_csv: Import, header: str, column: str
) -> None:
    cells = ["ann@example.com" if "email" in name.lower() else "" for name in header.split(",")]
    content = f"{header}\n{','.join(cells)}\n"
    with pytest.raises(BadImport, match=f'--ignore-column "{column}"'):
        load_csv(content)
    assert addresses(database) == []
    load_csv(content, replace(OPTIONS, ignored=frozenset({column})))
    assert addresses(database) == ["ann@example.com"]


def test_listmonk_s_report_says_that_it_can_not_tell_who_left_one_list(load_csv: Import) -> None:
    content = "uuid,email,name,attributes,status\nu,ann@example.com,A,{},enabled\n"
    assert "who left a single list" in load_csv(content).note
    assert load_csv("email\nben@example.com\n").note == ""


def test_listmonk_s_report_warns_of_nothing_that_a_column_of_the_file_tells(
    load_csv: Import,
) -> None:
    content = (
        "uuid,email,name,attributes,status,subscription_status\n"
        "u,ann@example.com,A,{},enabled,confirmed\nu,ben@example.com,A,{},enabled,unsubscribed\n"
    )
    report = load_csv(content)
    assert (report.added, report.note) == (1, "")


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("id,email_address,creation_date,unsubscription_date", "unsubscription_date"),
        ("EMAIL,ADDED_TIME,MODIFIED_TIME,Blocklist date", "Blocklist date"),
    ],
    ids=["Buttondown's unsubscribers", "Brevo"],
)
def test_no_column_is_to_be_ignored_where_another_speaks_of_those_who_left(
    load_csv: Import, header: str, column: str
) -> None:
    with pytest.raises(BadImport, match=f'This file has "{column}"') as refused:
        load_csv(f"{header}\n,,,\n")
    assert "--ignore-column" not in str(refused.value)


def test_a_file_whose_name_misleads_is_imported_under_another(load_csv: Import) -> None:
    with pytest.raises(BadImport, match=r'"Unsubscribe Date.csv".* rename it'):
        load_csv("email\nann@example.com\n", name="Unsubscribe Date.csv")
