"""The import job: rows accepted, refused and reported, in any form of file."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from digest.db import Database
from subscribers import consent, export, lifecycle, store, suppression
from subscribers.errors import BadImport
from subscribers.importer import ImportOptions, ImportReport, Refusal
from subscribers.models import Standing, SuppressionReason
from subscribers.store import Evidence
from subscribers.tokens import Hashes
from tests.subscribers.conftest import (
    CONSENT,
    NEWSLETTER,
    OPTIONS,
    REHEARSAL,
    SECRET,
    Import,
    MakeReader,
    addresses,
)


def test_a_plain_list_comes_in(database: Database, load_csv: Import) -> None:
    report = load_csv("email,name\nAnna@example.com,Anna\nben@example.org,Ben\n")
    assert (report.lines, report.added) == (2, 2)
    assert addresses(database) == ["Anna@example.com", "ben@example.org"]


def test_every_reader_comes_with_the_statement_as_evidence(
    database: Database, load_csv: Import
) -> None:
    load_csv("email\nanna@example.com\n")
    with database.read() as session:
        reader = store.find(session, "anna@example.com")
        assert reader is not None
        entries = consent.entries(session, reader.id)
    assert [(entry["act"], entry["wording"]) for entry in entries] == [("imported", CONSENT)]


@pytest.mark.parametrize("consent", ["", "   ", "yes"])
def test_a_list_nobody_answers_for_is_refused(consent: str) -> None:
    with pytest.raises(BadImport, match="--consent"):
        ImportOptions(newsletter=NEWSLETTER, consent=consent)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfemail,name\r\nanna@example.com,Anna\r\n",
        b"Name;E-Mail\nAnna;anna@example.com\n",
        b"email\tname\nanna@example.com\tAnna\n",
        b'"Name","Email Address"\n"Doe, Anna","anna@example.com"\n',
        b'name,email\n"Anna\nof two lines",anna@example.com\n',
        b"anna@example.com\n",
        b"\n\nemail\n\nanna@example.com\n\n",
        "email,name\nanna@example.com,Anna\n".encode("utf-16"),
        b"name,email\n\xfcber,anna@example.com\n",
        b"email\ranna@example.com\r",
        b"sep=;\r\nname;email\r\nDoe, Anna;anna@example.com\r\n",
        b"name|email\nDoe, Anna|anna@example.com\n",
        "email,name\nanna@example.com,Anna\n".encode("utf-16-le"),
        "email,name\nanna@example.com,Anna\n".encode("utf-16-be"),
        b"email\nAnn <anna@example.com>\n",
        b'"Doe, Ann" <anna@example.com>\n',
    ],
    ids=["bom", "semicolon", "tab", "quotes", "two-line", "headless", "blanks", "utf16", "latin1",
         "old-mac", "sep", "bar", "utf16-le", "utf16-be", "named", "named-headless"],
)  # fmt: skip
def test_H11_a_list_is_read_whatever_its_form(
    database: Database, load_csv: Import, content: bytes
) -> None:
    load_csv(content)
    assert addresses(database) == ["anna@example.com"]


SERVICES = [
    (
        "Mailchimp",
        "Email Address,First Name,MEMBER_RATING,OPTIN_TIME,LEID,EUID,UNSUB_TIME,CLEAN_TIME",
        "stays@example.com,A,2,2024-01-01,1,a,,",
        {
            "left@example.com,A,2,,1,b,2024-02-01 10:00:00,": Refusal.LEFT_THERE,
            "bad@example.com,A,2,,1,c,,2024-02-01 10:00:00": Refusal.BOUNCED_THERE,
        },
    ),
    (
        "Substack",
        "email,active_subscription,expiry,plan,email_disabled,created_at,first_payment_at",
        "stays@example.com,false,,other,false,2025-01-01,",
        {"left@example.com,false,,other,true,2025-01-01,": Refusal.LEFT_THERE},
    ),
    (
        "Buttondown",
        "id,email_address,creation_date,notes,tags,type",
        "1,stays@example.com,2024-01-01,,,regular",
        {
            "2,left@example.com,2024-01-01,,,unsubscribed": Refusal.LEFT_THERE,
            "3,new@example.com,2024-01-01,,,unactivated": Refusal.UNCONFIRMED_THERE,
        },
    ),
    (
        "Ghost",
        "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,"
        "deleted_at,labels,tiers",
        "1,stays@example.com,A,,true,false,,2024-01-01,,,",
        {
            "2,left@example.com,A,,false,false,,2024-01-01,,,": Refusal.LEFT_THERE,
            "4,silent@example.com,A,,,false,,2024-01-01,,,": Refusal.LEFT_THERE,
            "3,gone@example.com,A,,true,false,,2024-01-01,2024-03-01,,": Refusal.LEFT_THERE,
        },
    ),
    (
        "Kit",
        "first_name,email,created_at,state,tags",
        "A,stays@example.com,2024-01-01,active,",
        {
            "B,left@example.com,2024-01-01,cancelled,": Refusal.LEFT_THERE,
            "C,bad@example.com,2024-01-01,bounced,": Refusal.BOUNCED_THERE,
            "D,angry@example.com,2024-01-01,complained,": Refusal.COMPLAINED_THERE,
        },
    ),
    (
        "beehiiv",
        "email,status,created,utm_source,utm_medium",
        "stays@example.com,active,2024-01-01,x,y",
        {
            "left@example.com,inactive,2024-01-01,x,y": Refusal.LEFT_THERE,
            "new@example.com,pending,2024-01-01,x,y": Refusal.UNCONFIRMED_THERE,
        },
    ),
    (
        "listmonk",
        "uuid,email,name,attributes,status,created_at,updated_at",
        'u,stays@example.com,A,"{}",enabled,2024-01-01,2024-01-01',
        {
            'u,left@example.com,A,"{}",blocklisted,2024-01-01,2024-01-01': Refusal.LEFT_THERE,
            'u,odd@example.com,A,"{}",sleeping,2024-01-01,2024-01-01': Refusal.UNKNOWN_THERE,
        },
    ),
]


@pytest.mark.parametrize(
    ("name", "header", "good", "bad"), SERVICES, ids=[service[0] for service in SERVICES]
)
def test_the_exports_of_other_services_are_known_by_their_columns(
    database: Database,
    load_csv: Import,
    name: str,
    header: str,
    good: str,
    bad: dict[str, Refusal],
) -> None:
    report = load_csv("\n".join([header, good, *bad]) + "\n")
    assert report.layout == name
    assert addresses(database) == ["stays@example.com"]
    assert report.refused == {
        refusal.value: list(bad.values()).count(refusal) for refusal in set(bad.values())
    }


def test_our_own_export_brings_the_same_addresses_in(database: Database, load_csv: Import) -> None:
    given = ["+plus@example.com", "-dash@example.com", "=sum@example.com", "anna@example.com"]
    load_csv("\n".join(["email", *map(export.escape_formula, given)]))
    assert sorted(addresses(database)) == sorted(given)


def test_our_own_export_says_who_must_not_be_mailed(database: Database, load_csv: Import) -> None:
    lines = [
        "email,status,suppressed,source,since,created_at,language",
        "stays@example.com,confirmed,,form,2026-11-24,2026-11-24,en",
        "bounced@example.com,confirmed,hard-bounce,form,2026-11-24,2026-11-24,en",
        "angry@example.com,confirmed,complaint,form,2026-11-24,2026-11-24,en",
        "stopped@example.com,confirmed,manual,form,2026-11-24,2026-11-24,en",
        "break@example.com,paused,,form,2026-11-24,2026-11-24,en",
        "left@example.com,unsubscribed,,form,2026-11-24,2026-11-24,en",
    ]
    report = load_csv("\n".join(lines) + "\n")
    assert report.layout == "Digest"
    assert addresses(database) == ["stays@example.com"]
    assert report.refused == {
        "bounced at the former service": 1,
        "complained at the former service": 1,
        "must not be mailed, the former service says": 1,
        "takes a break at the former service, and wants no mail now": 1,
        "left at the former service": 1,
    }


def test_each_refused_line_is_reported_with_its_number_and_reason(load_csv: Import) -> None:
    refused: list[tuple[int, str]] = []
    load_csv(
        "email\nanna@example.com\nnobody\nanna@EXAMPLE.com\nben@example.test\n",
        on_refused=lambda line, reason, _fields: refused.append((line, reason)),
    )
    assert refused == [
        (3, "an address has an @ between the name and the domain"),
        (4, "stands in the list twice"),
        (5, "the domain is reserved and can't receive mail"),
    ]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("sep=;\nemail;name\n\n\nanna@example.com;A\nnobody;B\n", 6),
        ('name,email\n"Anna\nof two lines",anna@example.com\nB,nobody\n', 4),
        ("anna@example.com\n\nnobody\n", 3),
    ],
    ids=["blanks", "two-line", "headless"],
)
def test_a_refused_line_has_the_number_an_editor_shows(
    load_csv: Import, content: str, line: int
) -> None:
    lines: list[int] = []
    load_csv(content, on_refused=lambda line, _reason, _fields: lines.append(line))
    assert lines == [line]


@pytest.mark.parametrize(
    "cell", ["ann@example.org <anna@example.com>", "A <anna@example.com> <b@example.com>", "A <>"]
)
def test_a_cell_that_may_name_two_addresses_names_none(load_csv: Import, cell: str) -> None:
    assert load_csv(f"email\n{cell}\n").added == 0


def test_nobody_who_left_bounced_complained_or_was_erased_comes_back(
    database: Database, load_csv: Import, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    with database.write() as session:
        make_reader(session, "left@example.com", Standing.UNSUBSCRIBED)
        make_reader(session, "asked@example.com", Standing.PENDING)
        make_reader(session, "here@example.com")
        for word, reason in {
            "bounced": SuppressionReason.HARD_BOUNCE,
            "angry": SuppressionReason.COMPLAINT,
            "stopped": SuppressionReason.MANUAL,
        }.items():
            suppression.suppress(session, f"{word}@example.com", reason, hashes, now)
            suppression.suppress(session, "old@example.com", SuppressionReason.MOVED, hashes, now)
        gone = make_reader(session, "gone@example.com")
        lifecycle.erase(session, gone, Evidence(channel="page"), hashes, now)
    words = ["left", "asked", "here", "bounced", "angry", "stopped", "gone", "old", "new"]
    report = load_csv("email\n" + "".join(f"{word}@example.com\n" for word in words))
    assert addresses(database) == ["here@example.com", "new@example.com"]
    assert report.refused == {
        "left here": 1,
        "has signed up here and not confirmed yet": 1,
        "is subscribed already": 1,
        "bounced here": 1,
        "complained here": 1,
        "must not be mailed, an operator or the provider says": 1,
        "asked to be forgotten here": 1,
        "has another address here since": 1,
    }


def test_an_erased_address_is_known_after_the_secret_has_changed(
    database: Database, load_csv: Import, hashes: Hashes, now: datetime
) -> None:
    with database.write() as session:
        suppression.suppress(session, "gone@example.com", SuppressionReason.ERASED, hashes, now)
    rotated = Hashes(["a newer secret that is long enough", SECRET])
    report = load_csv("email\ngone@example.com\n", hashes=rotated)
    assert report.refused == {"asked to be forgotten here": 1}


def test_H11_an_erased_address_is_known_under_the_oldest_of_many_secrets(
    database: Database, load_csv: Import, hashes: Hashes, now: datetime
) -> None:
    with database.write() as session:
        suppression.suppress(session, "gone@example.com", SuppressionReason.ERASED, hashes, now)
    newer = [f"secret number {number} that is long enough" for number in range(9)]
    report = load_csv("email\ngone@example.com\nnew@example.com\n", hashes=Hashes([*newer, SECRET]))
    assert (report.added, report.refused) == (1, {"asked to be forgotten here": 1})


def test_a_reader_of_another_newsletter_may_join_this_one(
    database: Database, load_csv: Import
) -> None:
    load_csv("email\nanna@example.com\n")
    report = load_csv(
        "email\nanna@example.com\n", ImportOptions(newsletter="daily", consent=CONSENT)
    )
    assert report.added == 1


def test_a_rehearsal_counts_as_the_real_thing_and_changes_nothing(
    database: Database, load_csv: Import, make_reader: MakeReader
) -> None:
    with database.write() as session:
        make_reader(session, "left@example.com", Standing.UNSUBSCRIBED)
    content = "email\n" + "".join(
        f"{word}@example.com\n" for word in ["a", "left", "b", "A", "c", "b"]
    )
    rehearsed = load_csv(content, REHEARSAL, chunk=2)
    assert addresses(database) == []
    real = load_csv(content, chunk=2)
    assert (rehearsed.added, rehearsed.refused) == (real.added, real.refused)
    assert (real.added, real.refused) == (3, {"left here": 1, "stands in the list twice": 2})


def test_the_same_list_again_adds_nobody(database: Database, load_csv: Import) -> None:
    load_csv("email\nanna@example.com\n")
    again = load_csv("email\nanna@example.com\n", now=datetime.now().astimezone())
    assert (again.added, again.refused) == (0, {"is subscribed already": 1})


@pytest.mark.parametrize("rehearsal", [False, True])
def test_a_reader_who_gets_mail_here_and_left_by_a_later_list_is_reported(
    database: Database, load_csv: Import, make_reader: MakeReader, rehearsal: bool
) -> None:
    with database.write() as session:
        make_reader(session, "ann@example.com")
        make_reader(session, "left@example.com", Standing.UNSUBSCRIBED)
    content = "email,status\n" + "".join(
        f"{word}@example.com,unsubscribed\n" for word in ["left", "never", "ann"]
    )
    report = load_csv(content, replace(OPTIONS, rehearsal=rehearsal))
    assert (report.still_mailed, report.still_mailed_lines) == (1, (4,))
    assert addresses(database) == ["ann@example.com"]


@pytest.mark.parametrize("chunk", [1, 2, 100])
@pytest.mark.parametrize("word", ["unsubscribed", "bounced", "complained", "banned", "odjinud"])
def test_an_address_that_a_list_says_left_stays_out_whatever_another_line_says(
    database: Database, load_csv: Import, word: str, chunk: int
) -> None:
    lines = ["ann@example.com,active", f"Ann@Example.com,{word}", f"ben@example.com,{word}"]
    lines += ["BEN@example.com,active", "cid@example.com,active"]
    content = "\n".join(["email,status", *lines])
    rehearsed = load_csv(content, REHEARSAL, chunk=chunk)
    real = load_csv(content, chunk=chunk)
    assert addresses(database) == ["cid@example.com"]
    assert real.refused["another line of the list says, or may say, that this address left"] == 2
    assert (rehearsed.added, rehearsed.refused) == (real.added, real.refused)


def test_an_import_that_goes_on_knows_who_left_in_its_first_part(
    database: Database, load_csv: Import
) -> None:
    lines = ["ann@example.com,unsubscribed", "ben@example.com,active", "ANN@example.com,active"]
    content = "\n".join(["email,status", *lines, "Ben@example.com,unsubscribed"])

    def stop(_lines: int, _position: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        load_csv(content, chunk=1, on_progress=stop)
    assert load_csv(content, chunk=1).resumed_at == 1
    assert addresses(database) == []


class Stop(Exception):
    """The process is gone."""


def test_an_interrupted_import_goes_on_where_it_stopped(
    database: Database, load_csv: Import, now: datetime
) -> None:
    content = "email\n" + "".join(f"reader{n}@example.com\n" for n in range(10))

    def stop_in_the_middle(lines: int, _position: int) -> None:
        if lines == 6:
            raise Stop

    with pytest.raises(Stop):
        load_csv(content, chunk=3, on_progress=stop_in_the_middle)
    report = load_csv(content, chunk=3, now=now + timedelta(hours=1))
    assert (report.resumed_at, report.lines, report.added) == (6, 10, 10)
    assert len(addresses(database)) == 10


def test_of_two_imports_of_one_list_at_once_one_is_refused(
    database: Database, load_csv: Import
) -> None:
    content = "email\n" + "".join(f"reader{n}@example.com\n" for n in range(10))
    others: list[ImportReport] = []

    def let_another_one_pass(_lines: int, _position: int) -> None:
        others.append(load_csv(content, chunk=3))

    with pytest.raises(BadImport, match="another import of this list is running"):
        load_csv(content, chunk=3, on_progress=let_another_one_pass)
    assert (others[0].lines, others[0].added, others[0].refused) == (10, 10, {})
    assert len(addresses(database)) == 10


def test_refused_lines_are_reported_before_their_chunk_is_committed(
    database: Database, load_csv: Import
) -> None:
    seen: list[list[str]] = []
    load_csv(
        "email\nnobody\nanna@example.com\n",
        on_refused=lambda _line, _reason, fields: seen.append(fields),
        on_progress=lambda *_: seen.append(addresses(database)),
    )
    assert seen == [["nobody"], ["anna@example.com"]]


def test_every_line_is_counted_by_its_standing_at_the_former_service(load_csv: Import) -> None:
    lines = ["a@example.com,active", "A@example.com,active", "nobody,unsubscribed"]
    lines += ["b@example.com,bounced", "c@example.com,pending", "d@example.com,perhaps"]
    content = "\n".join(["email,status", *lines])

    def stop(lines: int, _position: int) -> None:
        if lines == 4:
            raise Stop

    with pytest.raises(Stop):
        load_csv(content, chunk=2, on_progress=stop)
    rehearsed, real = load_csv(content, REHEARSAL), load_csv(content)
    assert real.resumed_at == 4
    assert real.standings == rehearsed.standings
    assert real.standings == {
        "subscribed": 2,
        "unsubscribed": 1,
        "bounced": 1,
        "pending": 1,
        "not understood": 1,
    }


@pytest.mark.parametrize("rehearsal", [False, True])
def test_an_interrupted_import_goes_on_with_the_same_columns_only(
    load_csv: Import, rehearsal: bool
) -> None:
    content = "email,status\n" + "".join(f"r{n}@example.com,bounced\n" for n in range(9))

    def stop(_lines: int, _position: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        load_csv(content, chunk=3, on_progress=stop)
    other = replace(OPTIONS, ignored=frozenset({"status"}), rehearsal=rehearsal)
    with pytest.raises(BadImport, match="the same --ignore-column"):
        load_csv(content, other, chunk=3)


@pytest.mark.parametrize("rehearsal", [False, True])
def test_an_interrupted_import_goes_on_under_the_same_statement_only(
    database: Database, load_csv: Import, rehearsal: bool
) -> None:
    content = "email\n" + "".join(f"reader{n}@example.com\n" for n in range(10))

    def stop(_lines: int, _position: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        load_csv(content, chunk=3, on_progress=stop)
    with pytest.raises(BadImport, match="in the same words"):
        load_csv(
            content, replace(OPTIONS, consent="They told us so.", rehearsal=rehearsal), chunk=3
        )
    assert len(addresses(database)) == 3


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "empty"),
        ("name,city\nAnna,Ulm\n", "column of addresses"),
        ("email\n" + "x" * 70_000 + "\n", "longer than"),
        ('email\n"' + "x,\n" * 70_000, "can't be read"),
        ("PK\x03\x04 and so on", "workbook or an archive"),
        ('sep="\nemail\nanna@example.com\n', "column of addresses"),
        ("name/city\nAnna/Ulm\n", "read as 1 column, separated by"),
    ],
    ids=["empty", "no-address", "long-line", "open-quote", "workbook", "sep", "delimiter"],
)
def test_H11_what_is_no_list_is_refused_in_words(
    load_csv: Import, content: str, reason: str
) -> None:
    with pytest.raises(BadImport, match=reason):
        load_csv(content)


@pytest.mark.parametrize("rest", ["b@example.com\n" * 3, 'b@example.com,"Doe, Jo"\n' * 900])
def test_H11_a_quotation_mark_that_is_never_closed_swallows_nobody(
    database: Database, load_csv: Import, rest: str
) -> None:
    with pytest.raises(BadImport, match="opened in line 3 is never closed"):
        load_csv(f'email,name\na@example.com,Ann\n"c@example.com,Cid\n{rest}')


def test_a_note_of_many_lines_is_no_mark_too_many(load_csv: Import) -> None:
    note = '"She said ""yes"",\nand\nmeant it."'
    assert load_csv(f"email,note\na@example.com,{note}\nb@example.com,\n").added == 2


def test_H11_a_line_without_end_is_refused_in_little_memory(load_csv: Import) -> None:
    content = b"email\n" + b"x" * 30_000_000
    tracemalloc.start()
    try:
        with pytest.raises(BadImport):
            load_csv(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize("junk", ["\x00", "a\x00b@example.com", "\ufffd", "=1+1", "';DROP TABLE x"])
def test_H02_junk_in_a_line_costs_that_line_only(
    database: Database, load_csv: Import, junk: str
) -> None:
    report = load_csv(f"email\n{junk}\nanna@example.com\n")
    assert (report.added, sum(report.refused.values())) == (1, 1)


def test_memory_does_not_grow_with_the_list(load_csv: Import) -> None:
    def peak(readers: int) -> int:
        content = "email\n" + "".join(f"r{readers}.{n}@example.com\n" for n in range(readers))
        tracemalloc.start()
        try:
            load_csv(content, chunk=500)
            return tracemalloc.get_traced_memory()[1] - len(content)
        finally:
            tracemalloc.stop()

    peak(1_000)  # the first run fills caches
    assert peak(8_000) < 1.5 * peak(2_000)
