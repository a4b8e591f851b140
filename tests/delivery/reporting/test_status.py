"""The status of an issue: requests under way, and those of senders that ended."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import select

from digest.db import Database
from digest.delivery.models import Rollout
from digest.delivery.reporting.status import IssueStatus, issue_status
from digest.delivery.sending.batch_worker import EditionSend, send_batch, settle_and_claim
from digest.issues.approval import EditorialStanding
from digest.issues.models import Edition, Issue, IssueState
from digest.service import IssueOutlook, status_facts
from tests.delivery.conftest import MakeReaders, MakeSending


def status(database: Database, now: datetime, *, lives: bool | None) -> IssueStatus:
    with database.read() as session:
        issue, edition = session.exec(select(Issue)).one(), session.exec(select(Edition)).one()
        return issue_status(session, issue, edition, now, is_alive=lambda _: lives)


@pytest.fixture
def sending(make_readers: MakeReaders, make_sending: MakeSending) -> EditionSend:
    make_readers(5)
    return make_sending()


def claimed(sending: EditionSend, *, started: bool) -> None:
    _, claim = settle_and_claim(sending, None, more=True)
    assert claim is not None
    if started:
        send_batch(sending, claim)


@pytest.mark.parametrize("lives", [True, None], ids=["lives", "is elsewhere"])
def test_a_request_whose_sender_lives_is_under_way_and_no_problem(
    database: Database, sending: EditionSend, now: datetime, lives: bool | None
) -> None:
    claimed(sending, started=True)
    seen = status(database, now, lives=lives)
    assert (seen.counts.in_doubt, seen.counts.under_way, seen.problems) == (3, 3, ())


@pytest.mark.parametrize(("lives", "claimed_readers"), [(True, 3), (None, 3), (False, 0)])
def test_a_claim_counts_as_claimed_while_its_sender_lives(
    database: Database,
    sending: EditionSend,
    now: datetime,
    lives: bool | None,
    claimed_readers: int,
) -> None:
    claimed(sending, started=False)
    seen = status(database, now, lives=lives)
    assert (seen.counts.pending, seen.claimed, seen.counts.balances) == (5, claimed_readers, True)
    assert seen.next_step == ""  # another process has it; or the problem says what to do


@pytest.mark.parametrize(("lives", "later"), [(False, 0), (None, 1), (True, 1)])
def test_a_request_whose_sender_ended_is_in_doubt_before_anybody_takes_note(
    database: Database, sending: EditionSend, now: datetime, lives: bool | None, later: int
) -> None:
    claimed(sending, started=True)
    seen = status(database, now + timedelta(hours=later), lives=lives)
    [problem] = seen.problems
    assert (seen.counts.in_doubt, seen.counts.under_way, seen.counts.balances) == (3, 0, True)
    assert (problem.readers, problem.since) == (3, now)
    assert problem.what.startswith("may have been sent")
    assert problem.next_step.startswith("digest send 1")
    assert problem.evidence is not None


def test_a_claim_whose_sender_ended_was_not_sent(
    database: Database, sending: EditionSend, now: datetime
) -> None:
    claimed(sending, started=False)
    seen = status(database, now, lives=False)
    [problem] = seen.problems
    assert (seen.counts.pending, seen.counts.in_doubt) == (5, 0)
    assert problem.what.startswith("not sent")
    assert (problem.next_step, problem.evidence) == ("digest send 1 takes it up again", None)


@pytest.mark.parametrize("state", ["in-doubt", "parked", "started"])
def test_an_outcome_in_the_words_of_an_older_version_hides_no_problem(
    database: Database, sending: EditionSend, now: datetime, state: str
) -> None:
    claimed(sending, started=True)
    with database.write() as session:
        session.execute(text("UPDATE attempt SET outcome = 'indoubt'"))
        session.execute(
            text("UPDATE batch SET state = :state WHERE state = 'started'"), {"state": state}
        )
    assert len(status(database, now, lives=False).problems) == 1


def test_a_half_sent_issue_is_sending_in_words_and_prepared_in_its_state(
    database: Database, sending: EditionSend, now: datetime
) -> None:
    facts = status(database, now, lives=None).as_dict()
    assert (facts["phase"], facts["state"], facts["pending"]) == ("sending", "prepared", 5)
    assert facts["next_step"] == "digest send 1 sends what waits"


@pytest.mark.parametrize(
    ("served", "step"),
    [(True, "nothing: it goes on by itself"), (False, "digest send 1 sends what waits")],
)
def test_what_waits_is_left_to_the_service_where_there_is_one(
    database: Database, sending: EditionSend, now: datetime, served: bool, step: str
) -> None:
    outlook = IssueOutlook(dated=now.date(), editorial=EditorialStanding(), goes_on=served)
    assert status_facts(status(database, now, lives=None), outlook)["next_step"] == step


def test_an_issue_that_its_first_wave_paused_says_what_is_needed(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(5)
    edition = make_sending(first_wave=3).edition_id
    with database.write() as session:
        session.add(Rollout(edition_id=edition, last_batch=1, wait_seconds=60, judge_at=now))
        issue = session.exec(select(Issue)).one()
        issue.state, issue.note = IssueState.PAUSED, "of the first 3 readers 2 bounced"
    step = status(database, now, lives=None).problems[0].next_step
    assert "digest report 1" in step
    assert "digest resume 1 --past-first-wave" in step
    assert "goes on by itself" not in step
