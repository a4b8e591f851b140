"""docs/moving.md: its commands, run as they stand there on files as each service writes them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.stories.conftest import Installation
from tests.subscribers.importer.service_files import (
    CLEANED,
    MAILCHIMP,
    SAMPLES,
    TIME,
    UNSUBSCRIBED,
    Sample,
    member,
)

PAGE = (Path(__file__).parents[2] / "docs" / "moving.md").read_text("utf-8")


def export(service: str, number: int = 0) -> str:
    """Return a file of a service, of those that the importer's own tests read."""
    files: list[Sample] = [sample for sample in SAMPLES if sample.layout == service]
    return "\n".join(files[number].lines)


BARRED = re.compile("id,creation|.*,(undeliverable|complained|blocked),")
FILES = {
    "Mailchimp": {
        "subscribed_email_audience_export_1a2b.csv": export("Mailchimp"),
        "unsubscribed_email_audience_export_1a2b.csv": "\n".join(
            [
                MAILCHIMP.format(UNSUBSCRIBED),
                member("left@example.com", TIME, TIME, f",{TIME},Autumn,1234,NORMAL,"),
            ]
        ),
        "cleaned_email_audience_export_1a2b.csv": "\n".join(
            [
                MAILCHIMP.format(CLEANED),
                member("bad@example.com", TIME, TIME, f",{TIME},Autumn,1234"),
            ]
        ),
    },
    "Substack": {"email_list.csv": export("Substack")},
    "Ghost": {
        "members.csv": export("Ghost"),
        "bounces.csv": "email,code,error,created_at\nbad@example.com,550,No such user,2026-01-02",
        "complaints.csv": "email,created_at\nangry@example.com,2026-01-02",
    },
    "listmonk": {
        "subscribers.csv": export("listmonk"),
        "blocklisted.csv": "uuid,email,name,attributes,status\nu3,bad@example.com,C,{},blocklisted",
    },
    "Buttondown": {
        "subscribers.csv": export("Buttondown"),
        "barred.csv": "\n".join(filter(BARRED.match, export("Buttondown").splitlines())),
    },
}
SUPPRESSED = {
    "Mailchimp": {"hard-bounce": 1, "left": 1},
    "Substack": {},
    "Ghost": {"hard-bounce": 1, "complaint": 1},
    "listmonk": {"hard-bounce": 1},
    "Buttondown": {"manual": 3},
}


@pytest.mark.parametrize("service", FILES)
def test_the_commands_for_a_service_bring_in_its_readers_and_bar_the_others(
    empty: Installation, service: str
) -> None:
    for name, content in FILES[service].items():
        (empty.folder / name).write_text(f"{content}\n", "utf-8")
    section = PAGE.partition(f"\n## {service}\n")[2].partition("\n## ")[0]
    lines = section.partition("```sh\n")[2].partition("```")[0].splitlines()
    assert {word for line in lines for word in shlex.split(line) if word in FILES[service]} == set(
        FILES[service]
    )
    empty.done("init")
    for line in lines:
        empty.done(*shlex.split(line)[1:])

    expected = next(sample.standings for sample in SAMPLES if sample.layout == service)
    assert empty.done("subscribers", "count", "--json").facts["mailable"] == expected["subscribed"]
    barred = empty.done("subscribers", "suppressions", "list", "--json").facts
    assert barred["reasons"] == SUPPRESSED[service]
