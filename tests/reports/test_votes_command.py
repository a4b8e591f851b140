"""`digest votes`: what editors read of the votes on a comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date

import orjson
import pytest
from typer.testing import CliRunner, Result

from digest.cli import app as digest_app
from digest.cli.issue.comparison_votes import sparkline
from digest.comparisons import store
from digest.comparisons.models import Call
from digest.comparisons.schema import ComparisonDraft, ContenderDraft, VerdictDraft
from digest.comparisons.store import store_draft
from digest.db import Database
from digest.errors import NotFound
from digest.issues.models import Edition, Issue, IssueState, Newsletter, Placement
from digest.reports.vote_sentences import held_words, scan_words
from digest.votes import HeldReason, ScanNumbers, ScanSign, VoteCount, VotesOnDay
from digest.votes.models import DailyCount, ScannedCopy, Vote
from tests.conftest import NOW

Digest = Callable[..., Result]
FIRST, LAST = date(2026, 11, 24), date(2026, 11, 26)


@pytest.fixture
def compared(sqlite_database: Database) -> Iterator[Database]:
    """A store with "ant-vs-bee", and an issue with it, its edition being number 1."""
    with sqlite_database.write() as session:
        said = (VerdictDraft(seat=1, quote="It does what it says."),)
        sides = (
            ContenderDraft(name="Ant", panel_share=75.0, verdicts=said),
            ContenderDraft(name="Bee", panel_share=25.0, community_share=44.0, verdicts=said),
        )
        draft = ComparisonDraft(title="Ant vs Bee", contenders=sides)
        store_draft(session, draft, now=NOW)
        session.add(Newsletter(id=1, slug="weekly", name="Weekly"))
        session.flush()
        session.add(
            Issue(
                id=1, newsletter_id=1, number=1, period="2026-W48", state=IssueState.SENT,
                built_at=NOW, prepared_at=NOW,
            )
        )  # fmt: skip
        session.flush()
        session.add(Placement(issue_id=1, position=1, comparison_id=1, revision_id=1))
        session.add(
            Edition(
                id=1, issue_id=1, subject="S", html="H", text="T", fingerprint="f", frozen_at=NOW
            )
        )
    with closing(sqlite_database):
        yield sqlite_database


@pytest.fixture
def digest(compared: Database) -> Digest:
    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(digest_app, ["--database", str(compared.url), *arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def vote(database: Database) -> None:
    """Let 30 readers vote in two days, ten of whom aren't counted; two copies were scanned."""
    with database.write() as session:
        side = store.latest(session, store.by_slug(session, "ant-vs-bee")).contenders[0]
        session.add_all(
            Vote(
                comparison_id=1,
                tool_id=side.tool_id,
                subscriber_id=reader,
                call=Call.SHIP if reader != 30 else None,
                held=HeldReason.SCANNER
                if reader < 8
                else HeldReason.NETWORK
                if reader < 11
                else None,
                edition_id=1,
                at=NOW,
                mailbox_hash=f"{reader}",
            )
            for reader in range(1, 31)
        )
        session.add_all(
            DailyCount(comparison_id=1, tool_id=side.tool_id, day=at, ships=ships, skips=skips)
            for at, ships, skips in ((FIRST, 6, 4), (LAST, 9, 0))
        )
        session.add_all(
            ScannedCopy(subscriber_id=n, edition_id=1, sign=ScanSign.BURST, at=NOW, pressed=n == 1)
            for n in (1, 2)
        )


def test_people_read_shares_turnout_and_what_is_not_counted(
    compared: Database, digest: Digest
) -> None:
    vote(compared)
    lines = digest("votes", "ant-vs-bee").stdout.splitlines()
    assert lines[:2] == [
        "Ant vs Bee",
        "19 readers have voted since 24 November 2026. 1 vote was taken back.",
    ]
    table = [line.split() for line in lines[3:6]]
    assert table[1] == ["Ant", "79%", "57–91%", "19", "75%", "—", "▅▅▇"]
    assert table[2] == ["Bee", "—", "—", "0", "25%", "44%"]
    assert "10 votes are held: 7 pressed by scanners, 3 from many new addresses on one" in lines[7]
    assert lines[-1] == (
        "Scanners followed the links in 2 copies (several links at once: 2)."
        " They pressed the button in 1."
    )


def test_programs_read_each_day(compared: Database, digest: Digest) -> None:
    vote(compared)
    facts = orjson.loads(digest("votes", "ant-vs-bee", "--json").stdout)
    [ant, _] = facts["tools"]
    assert (facts["turnout"], facts["taken_back"], facts["since"]) == (19, 1, "2026-11-24")
    assert facts["held"] == {"scanner": 7, "network": 3}
    assert facts["scans"] == {"copies": 2, "signs": {"burst": 2}, "pressed": 1}
    assert [each["ships"] for each in ant["days"]] == [6, 6, 15]


def test_a_comparison_without_votes_says_so_in_a_line(digest: Digest) -> None:
    assert digest("votes", "ant-vs-bee").stdout == "Ant vs Bee\nNo votes yet.\n"


def test_an_unknown_comparison_is_answered_with_what_to_do(digest: Digest) -> None:
    with pytest.raises(NotFound, match="no comparison is called bee") as told:
        digest("votes", "bee")
    assert told.value.next_step == "digest comparisons list"


@pytest.mark.parametrize("reason", HeldReason)
def test_each_reason_is_said_of_one_vote_and_of_several(reason: HeldReason) -> None:
    assert held_words({reason: 1}).startswith("1 vote is held: 1 ")
    assert held_words({reason: 2}).startswith("2 votes are held: 2 ")


@pytest.mark.parametrize("sign", ScanSign)
def test_each_sign_of_a_scanner_is_said(sign: ScanSign) -> None:
    assert scan_words(ScanNumbers(signs={sign: 1})).startswith("Scanners followed the links in 1 c")
    assert scan_words(ScanNumbers(signs={})) == ""


def test_a_long_history_is_drawn_in_few_bars_and_ends_with_today() -> None:
    history = [VotesOnDay(FIRST, VoteCount()), *[VotesOnDay(FIRST, VoteCount(0, 1))] * 88]
    bars = sparkline([*history, VotesOnDay(LAST, VoteCount(1, 0))])
    assert (len(bars), bars[1], bars[-1]) == (16, "▁", "█")
    assert sparkline([]) == ""
