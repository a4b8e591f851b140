"""`digest subscribers`: import, export, lookup, erasure, and their output."""

from __future__ import annotations

import csv
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlmodel import select
from typer.testing import CliRunner, Result

from digest.cli.audience import app
from digest.cli.context import CommandContext, Unconfirmed
from digest.comparisons.models import Call
from digest.db import Database
from digest.delivery.events.dead_letters import UNKNOWN
from digest.delivery.models import DeadLetter
from digest.errors import NotFound
from digest.issues.models import Newsletter
from subscribers import address_change, consent, lifecycle, store, suppression
from subscribers.address.syntax import parse
from subscribers.errors import BadAddress, BadToken, UnknownReader
from subscribers.importer import ImportOptions, import_list
from subscribers.models import ConsentAct, Standing, Subscriber
from subscribers.store import Evidence
from subscribers.tokens import Hashes, LetterCause, Purpose, Tokens
from tests.votes.conftest import new_poll

SECRET = "a secret for these tests, long enough"
CONSENT = "They ticked the box on the old site."

Digest = Callable[..., Result]


@pytest.fixture
def digest(database: Database) -> Digest:
    """Return a function that runs ``digest subscribers`` and hands back what it printed."""
    with database.write() as session:
        session.add(Newsletter(slug="weekly", name="Weekly AI Tool Verdicts"))

    def run(*arguments: str) -> Result:
        call = CommandContext(database_url=database.url.render_as_string(hide_password=False))
        result = CliRunner().invoke(app, list(arguments), obj=call, env={"DIGEST_SECRET": SECRET})
        call.app.database.close()
        return result

    return run


@pytest.fixture
def reader(database: Database, now: datetime) -> int:
    with database.write() as session:
        number = store.add(session, parse("reader@example.com"), now)
        store.join(session, number, "weekly", Standing.CONFIRMED, now, source="form")
        evidence = Evidence(channel="form", wording="Send me the [weekly] mail.")
        consent.record(session, number, "weekly", ConsentAct.CONFIRMED, evidence, now)
    return number


@pytest.fixture
def list_file(tmp_path: Path) -> str:
    path = tmp_path / "list.csv"
    path.write_text("email\nanna@example.com\nreader@example.com\nnobody\n")
    return str(path)


def facts(result: Result) -> dict[str, object]:
    parsed: dict[str, object] = orjson.loads(result.stdout)
    return parsed


def test_who_joins_a_german_newsletter_by_a_list_gets_letters_in_german(
    digest: Digest, database: Database, list_file: str
) -> None:
    with database.write() as session:
        session.add(Newsletter(slug="wochen", name="Wochen", language="de"))
    digest("import", list_file, "--consent", CONSENT, "--newsletter", "wochen")
    digest("add", "otto@example.com", "--consent", CONSENT, "--newsletter", "wochen")
    digest("add", "paul@example.com", "--consent", CONSENT)

    with database.read() as session:
        languages = dict(session.exec(select(Subscriber.address, Subscriber.language)).all())
    assert languages == {
        "anna@example.com": "de",
        "reader@example.com": "de",
        "otto@example.com": "de",
        "paul@example.com": "en",
    }


def test_a_rehearsed_import_tells_counts_and_reasons(
    digest: Digest, list_file: str, reader: int
) -> None:
    result = digest("import", list_file, "--consent", CONSENT, "--dry-run", "--json")
    assert facts(result) == {
        "layout": "plain",
        "dry_run": True,
        "lines": 3,
        "added": 1,
        "refused": 2,
        "reasons": {
            "an address has an @ between the name and the domain": 1,
            "is subscribed already": 1,
        },
        "resumed_at": 0,
        "standings": {"not said": 3},
        "still_mailed": 0,
        "still_mailed_lines": [],
        "ignored_columns": [],
        "note": "",
    }


def test_an_import_says_what_to_do_about_a_reader_who_left_by_the_list(
    digest: Digest, tmp_path: Path, reader: int
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("email,status\nreader@example.com,unsubscribed\n")
    output = " ".join(digest("import", str(path), "--consent", CONSENT).stdout.split())
    assert "1 reader left, but still gets mail here (line 2)" in output
    assert "digest subscribers leave ADDRESS" in output


def test_topics_are_told_of_who_chose_some(digest: Digest, database: Database, reader: int) -> None:
    assert "topics" not in digest("show", "reader@example.com").stdout
    with database.write() as session:
        topics = ["Audio", "[Legal]"]
        store.set_topics(session, reader, "weekly", topics, among=[Standing.CONFIRMED])
    assert "topics: Audio, [Legal]" in digest("show", "reader@example.com").stdout


def test_a_pause_is_told_of_who_is_paused_and_not_of_who_has_left(
    digest: Digest, database: Database, reader: int, now: datetime
) -> None:
    with database.write() as session:
        lifecycle.pause(session, reader, "weekly", now + timedelta(days=30), now)
    assert "paused until 2026-12-24" in digest("show", "reader@example.com").stdout
    with database.write() as session:
        lifecycle.leave(session, reader, "weekly", Evidence(channel="page"), now)
    output = digest("show", "reader@example.com").stdout
    assert "unsubscribed since" in output
    assert "until" not in output


@pytest.mark.parametrize("command", ["import", "count", "export", "leave"])
def test_a_newsletter_that_is_not_there_is_named_before_anything_is_done(
    digest: Digest, database: Database, list_file: str, reader: int, command: str
) -> None:
    given = {"import": [list_file, "--consent", CONSENT], "leave": ["reader@example.com"]}
    result = digest(command, *given.get(command, []), "--newsletter", "wekly")
    assert isinstance(result.exception, NotFound)
    assert "wekly" in str(result.exception)
    assert "weekly" in (result.exception.next_step or "")
    with database.read() as session:
        assert store.find(session, "anna@example.com") is None


def test_an_import_is_counted_afterwards(digest: Digest, list_file: str) -> None:
    assert "2 joined" in digest("import", list_file, "--consent", CONSENT).stdout
    assert facts(digest("count", "--json"))["mailable"] == 2


def test_refused_lines_are_written_with_their_reasons(
    digest: Digest, list_file: str, tmp_path: Path
) -> None:
    target = tmp_path / "refused.csv"
    digest("import", list_file, "--consent", CONSENT, "--refused", str(target))
    assert target.read_text().splitlines()[:2] == [
        "email,digest_refused_line,digest_refused_reason",
        "nobody,4,an address has an @ between the name and the domain",
    ]


def test_the_file_of_refused_lines_is_whole_after_an_interrupted_import(
    digest: Digest, database: Database, tmp_path: Path, now: datetime
) -> None:
    path, target = tmp_path / "list.csv", tmp_path / "refused.csv"
    path.write_text("email\n" + "".join(f"r{n}@example.com\nnobody{n}\n" for n in range(6)))
    refused_lines = [["email", "digest_refused_line", "digest_refused_reason"]]

    def die(lines: int, _position: int) -> None:
        if lines == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_list(
            database,
            path,
            ImportOptions(newsletter="weekly", consent=CONSENT),
            hashes=Hashes([SECRET]),
            now=now,
            chunk=4,
            on_refused=lambda line, reason, fields: refused_lines.append(
                [*fields, str(line), reason]
            ),
            on_progress=die,
        )
    with target.open("w") as file:  # and then a chunk whose commit it didn't live to see
        csv.writer(file).writerows([*refused_lines, ['that never "was"', "11", "of a chunk"]])
        file.write('nobody5,"13')
    result = digest("import", str(path), "--consent", CONSENT, "--refused", str(target))
    assert "Continued an interrupted import, after 8 lines." in result.stdout
    with target.open(newline="") as file:
        rows = list(csv.reader(file))
    assert [row[1] for row in rows[1:]] == ["3", "5", "7", "9", "11", "13"]
    assert [row[0] for row in rows[1:]] == [f"nobody{n}" for n in range(6)]


def test_a_file_that_holds_no_refused_lines_is_not_added_to(
    digest: Digest, database: Database, tmp_path: Path, now: datetime
) -> None:
    path, target = tmp_path / "list.csv", tmp_path / "refused.csv"
    path.write_text("email\nanna@example.com\nben@example.com\nnobody\n")
    target.write_text("name,city\nAnn,Ulm\n")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    wish, hashes = ImportOptions(newsletter="weekly", consent=CONSENT), Hashes([SECRET])
    with pytest.raises(KeyboardInterrupt):
        import_list(database, path, wish, hashes=hashes, now=now, chunk=1, on_progress=die)
    digest("import", str(path), "--consent", CONSENT, "--refused", str(target))
    assert target.read_text().splitlines()[0].startswith("email,digest_refused_line")
    assert "Ulm" not in target.read_text()


def test_a_column_is_left_aside_by_its_name_and_the_report_says_so(
    digest: Digest, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("email,Newsletter,Lead status\nanna@example.com,no,lost\n")
    given = ["import", str(path), "--consent", CONSENT, "--ignore-column", "newsletter"]
    assert '--ignore-column "Lead status"' in str(digest(*given).exception)
    output = digest(*given, "--ignore-column", "Lead status").stdout
    assert "1 joined" in output
    assert "Ignored, as you asked: Lead status, newsletter." in output
    assert "No column says who left" in output


def test_a_rehearsal_says_how_many_stand_how_at_the_former_service(
    digest: Digest, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        "uuid,email,name,attributes,status\n1,a@example.com,,{},enabled\n"
        "2,b@example.com,,{},blocklisted\n3,c@example.com,,{},sleeping\n"
    )
    result = digest("import", str(path), "--consent", CONSENT, "--dry-run")
    output = " ".join(result.stdout.split())
    assert "unsubscribed │ 1" in output
    assert "words that Digest doesn't know" in output
    assert "who left a single list" in output


def test_an_import_without_a_statement_is_wrong_usage(digest: Digest, list_file: str) -> None:
    assert digest("import", list_file).exit_code == 2


def test_the_list_is_exported(digest: Digest, reader: int) -> None:
    lines = digest("export").stdout.splitlines()
    assert lines[1].startswith("reader@example.com,confirmed,,form,")


def test_a_reader_is_shown(digest: Digest, reader: int) -> None:
    assert "weekly: confirmed since 2026-11-24" in digest("show", "Reader@Example.com").stdout


def test_one_who_only_asked_for_a_link_to_vote_is_shown_and_forgotten(
    digest: Digest, database: Database, now: datetime
) -> None:
    with database.write() as session:
        store.add(session, parse("voter@example.com"), now)
    assert "subscriptions: none" in digest("show", "voter@example.com").stdout
    assert digest("forget", "voter@example.com", "--yes").exit_code == 0
    assert "address: not stored, only a hash" in digest("show", "voter@example.com").stdout


def test_a_reader_s_votes_are_shown_and_stay_without_a_person(
    digest: Digest, database: Database, reader: int, now: datetime
) -> None:
    poll = new_poll(database, now)
    poll.cast(poll.ballot(reader, Call.SHIP, Call.SKIP))
    poll.cast(poll.ballot(reader, comparison=poll.comparison(), machine=True))
    assert "votes: 3, 1 not counted" in digest("show", "reader@example.com").stdout
    shown: Any = facts(digest("show", "reader@example.com", "--json"))["votes"]
    assert [vote["not_counted"] for vote in shown] == [None, None, "scanner"]
    assert digest("forget", "reader@example.com", "--yes").exit_code == 0
    assert (poll.count(0), poll.count(1)) == ((1, 0), (0, 1))


def test_the_history_shows_the_wording_as_it_is(digest: Digest, reader: int) -> None:
    assert "[weekly]" in digest("history", "reader@example.com").stdout


def test_a_forgotten_reader_is_gone_and_known_by_hash_only(
    digest: Digest, list_file: str, reader: int
) -> None:
    forgotten = digest("forget", "reader@example.com", "--yes")
    assert "a keyed hash stay. Votes stay in the counts, without the reader." in forgotten.stdout
    again = digest("import", list_file, "--consent", CONSENT, "--json")
    assert "asked to be forgotten here" in str(facts(again)["reasons"])
    assert "erased" in digest("show", "reader@example.com").stdout


def test_forgetting_by_command_takes_a_reader_out_of_what_was_told(
    digest: Digest, database: Database, reader: int, now: datetime
) -> None:
    with database.write() as session:
        response = "550 <reader@example.com>: no reader at example.com"
        session.add(DeadLetter(at=now, why=UNKNOWN, said=response))
    digest("forget", "reader@example.com", "--yes")
    with database.read() as session:
        assert session.exec(select(DeadLetter.said)).one() == "550 <…>: no … at …"


def test_a_mailbox_that_said_this_was_not_me_is_shown_and_let_through_again(
    digest: Digest, database: Database
) -> None:
    hashes = Hashes([SECRET])
    unasked = LetterCause(suppression.mailbox_hash("ann@example.com", hashes), "weekly")
    with database.write() as session:
        lifecycle.decline(session, unasked, Evidence(channel="page"), datetime.now(UTC))
    assert facts(digest("show", "ann+news@example.com", "--json"))["declined_at"]
    assert "this wasn’t me" in digest("show", "ann@example.com").stdout
    assert "allowed again" in digest("suppress", "ann@example.com", "--lift").stdout
    assert isinstance(digest("show", "ann@example.com").exception, UnknownReader)


def test_a_suppression_is_made_and_lifted(digest: Digest, reader: int) -> None:
    digest("suppress", "reader@example.com")
    assert facts(digest("count", "--json"))["excluded"] == {"suppressed: manual": 1}
    digest("suppress", "reader@example.com", "--lift")
    assert facts(digest("count", "--json"))["mailable"] == 1


def test_who_asked_to_be_forgotten_is_not_let_back_in_by_an_operator(
    digest: Digest, list_file: str, reader: int
) -> None:
    digest("forget", "reader@example.com", "--yes")
    lifted = digest("suppress", "reader@example.com", "--lift")
    assert lifted.exit_code == 1
    assert "asked to be erased" in lifted.stdout
    assert "erased" in digest("show", "reader@example.com").stdout
    digest("suppress", "reader@example.com")
    assert digest("suppress", "reader@example.com", "--lift").exit_code == 1
    again = digest("import", list_file, "--consent", CONSENT, "--json")
    assert "asked to be forgotten here" in str(facts(again)["reasons"])


def test_the_history_says_why_an_address_is_not_mailed(digest: Digest, reader: int) -> None:
    digest("suppress", "reader@example.com")
    assert "manual" in digest("history", "reader@example.com").stdout
    digest("forget", "reader@example.com", "--yes")
    output = digest("history", "reader@example.com").stdout
    assert "names nobody" in output
    assert "manual" in output  # the stricter of the two


def test_an_address_that_is_only_somebody_s_wish_can_be_forgotten(
    digest: Digest, database: Database, reader: int, now: datetime
) -> None:
    with database.write() as session:
        new = parse("new@example.com")
        address_change.request_change(session, reader, "weekly", new, Hashes([SECRET]), now)
    assert "unconfirmed address change" in digest("show", "new@example.com").stdout
    assert digest("forget", "new@example.com", "--yes").exit_code == 0
    assert isinstance(digest("forget", "new@example.com", "--yes").exception, UnknownReader)


def test_files_of_addresses_are_for_their_owner_alone(
    digest: Digest, reader: int, list_file: str, tmp_path: Path
) -> None:
    out, refused = tmp_path / "out.csv", tmp_path / "refused.csv"
    out.touch(mode=0o644)
    digest("export", "--to", str(out))
    digest("import", list_file, "--consent", CONSENT, "--refused", str(refused))
    assert [stat.S_IMODE(path.stat().st_mode) for path in (out, refused)] == [0o600, 0o600]


@pytest.mark.parametrize("command", ["show", "history", "forget"])
def test_nobody_is_said_to_be_unknown_without_naming_them(digest: Digest, command: str) -> None:
    fault = digest(command, "stranger@example.com").exception
    assert isinstance(fault, UnknownReader)
    assert "stranger" not in str(fault)


def test_a_bad_address_is_refused_in_words(digest: Digest) -> None:
    assert isinstance(digest("show", "stranger").exception, BadAddress)


def test_who_wrote_to_us_leaves_by_address_or_by_the_token_in_their_subject(
    digest: Digest, reader: int, database: Database
) -> None:
    token = Tokens([SECRET]).sign(Purpose.UNSUBSCRIBE, f"{reader}:weekly")
    assert "Unsubscribed." in digest("leave", token).stdout
    assert "nothing changed" in digest("leave", "reader@example.com").stdout
    with database.read() as session:
        entry = consent.entries(session, reader)[-1]
    assert (entry["act"], entry["channel"]) == (ConsentAct.WITHDRAWN, "mail")


def test_a_token_that_is_not_ours_makes_nobody_leave(digest: Digest, reader: int) -> None:
    assert isinstance(digest("leave", "abcdef").exception, BadToken)
    assert isinstance(digest("leave", "nobody@example.com").exception, UnknownReader)


def test_what_is_done_to_a_reader_is_told_as_facts(digest: Digest, reader: int) -> None:
    address = "reader@example.com"
    suppressed = {"suppressed": True, "reason": "manual", "changed": True}
    assert facts(digest("suppress", address, "--json")) == suppressed
    lifted = {"suppressed": False, "reason": None, "changed": True}
    assert facts(digest("suppress", address, "--lift", "--json")) == lifted
    left = {"newsletter": "weekly", "unsubscribed": True}
    assert facts(digest("leave", address, "--json")) == left
    assert facts(digest("forget", address, "--yes", "--json")) == {"erased": True}


def test_the_list_is_exported_as_json_with_each_field_as_it_is(
    digest: Digest, database: Database, now: datetime, reader: int
) -> None:
    [row] = orjson.loads(digest("export", "--json").stdout)
    assert (row["email"], row["status"]) == ("reader@example.com", "confirmed")


def test_a_list_of_nobody_is_an_empty_array(digest: Digest) -> None:
    assert orjson.loads(digest("export", "--json").stdout) == []


def test_a_file_of_refused_lines_can_be_imported_again_once_it_is_mended(
    digest: Digest, tmp_path: Path
) -> None:
    path, refused = tmp_path / "list.csv", tmp_path / "refused.csv"
    path.write_text("email,name,status\nann@example.org,Ann,subscribed\nzed,Zed,subscribed\nx\n")
    digest("import", str(path), "--consent", CONSENT, "--refused", str(refused))
    assert refused.read_text().splitlines() == [
        "email,name,status,digest_refused_line,digest_refused_reason",
        "zed,Zed,subscribed,3,an address has an @ between the name and the domain",
        "x,,,4,an address has an @ between the name and the domain",
    ]
    refused.write_text(refused.read_text().replace("zed,", "zed@example.org,"))
    again = tmp_path / "again.csv"
    done = digest("import", str(refused), "--consent", CONSENT, "--refused", str(again))
    assert "1 joined" in done.stdout
    assert again.read_text().splitlines()[0].count("digest_refused_line") == 1


def test_a_list_without_a_header_gets_one_in_its_file_of_refused_lines(
    digest: Digest, tmp_path: Path
) -> None:
    path, refused = tmp_path / "list.csv", tmp_path / "refused.csv"
    path.write_text("Ann,ann@example.org\nZed,zed\n")
    digest("import", str(path), "--consent", CONSENT, "--refused", str(refused))
    lines = refused.read_text().splitlines()
    assert lines[0] == "column_1,email,digest_refused_line,digest_refused_reason"
    assert lines[1].startswith("Zed,zed,2,")


def test_a_consent_statement_that_is_too_short_is_said_to_be_too_short(
    digest: Digest, list_file: str
) -> None:
    fault = digest("import", list_file, "--consent", "ticked").exception
    assert "too short" in str(fault)
    assert "10 characters" in str(fault)


def test_one_reader_is_added_with_the_statement_as_evidence(
    digest: Digest, database: Database
) -> None:
    assert "Added to weekly." in digest("add", "new@example.com", "--consent", CONSENT).stdout
    with database.read() as session:
        reader = store.find(session, "new@example.com")
        assert reader is not None
        entry = consent.entries(session, reader.id)[-1]
    assert (entry["act"], entry["wording"]) == (ConsentAct.IMPORTED, CONSENT)
    again = digest("add", "new@example.com", "--consent", CONSENT, "--json")
    assert (again.exit_code, facts(again)["reason"]) == (1, "is subscribed already")


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("leave", "reader@example.com"), "left here"),
        (("suppress", "reader@example.com"), "must not be mailed"),
        (("forget", "reader@example.com", "--yes"), "asked to be forgotten here"),
    ],
)
def test_who_left_or_was_suppressed_or_erased_is_not_added(
    digest: Digest, reader: int, command: tuple[str, ...], reason: str
) -> None:
    digest(*command)
    fault = digest("add", "reader@example.com", "--consent", CONSENT).exception
    assert reason in str(fault)
    assert "reader@example.com" not in str(fault)
    assert facts(digest("count", "--json"))["mailable"] == 0


def test_forget_asks_and_without_a_terminal_names_the_flag(digest: Digest, reader: int) -> None:
    fault = digest("forget", "reader@example.com").exception
    assert isinstance(fault, Unconfirmed)
    assert "--yes" in str(fault.next_step)
    assert facts(digest("show", "reader@example.com", "--json"))["number"] == reader


def test_show_of_an_erased_reader_reads_well(digest: Digest, reader: int) -> None:
    digest("forget", "reader@example.com", "--yes")
    assert "address: not stored, only a hash" in digest("show", "reader@example.com").stdout


def test_suppressions_are_imported_with_a_rehearsal_listed_and_exported(
    digest: Digest, reader: int, tmp_path: Path
) -> None:
    path, out = tmp_path / "barred.csv", tmp_path / "out.csv"
    path.write_text("Email,reason\nreader@example.com,complaint\nstranger@example.com,\nnobody,\n")
    rehearsed = facts(digest("suppressions", "import", str(path), "--dry-run", "--json"))
    assert (rehearsed["added"], facts(digest("count", "--json"))["mailable"]) == (2, 1)
    done = facts(digest("suppressions", "import", str(path), "--json"))
    assert {**done, "dry_run": True} == rehearsed
    assert (done["unreadable_lines"], done["reasons"]) == ([4], {"complaint": 1, "manual": 1})
    assert facts(digest("suppressions", "import", str(path), "--json"))["already"] == 2
    listed: dict[str, Any] = facts(digest("suppressions", "list", "--json"))
    assert (listed["total"], [row["email"] for row in listed["known"]]) == (
        2,
        ["reader@example.com"],
    )
    shown = digest("suppressions", "export", "--to", str(out))
    assert "1 more is only stored as a keyed hash" in shown.stderr
    assert out.read_text().splitlines()[1].startswith("reader@example.com,complaint,")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert facts(digest("count", "--json"))["mailable"] == 0
