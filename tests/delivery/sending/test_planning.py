"""Planning: the audience of an edition, frozen into deliveries and batches."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from digest.comparisons.schema import ComparisonDraft, ContenderDraft, VerdictDraft
from digest.comparisons.store import by_slug, latest, store_draft
from digest.db import Database
from digest.delivery.counts import count_deliveries
from digest.delivery.models import Batch, BatchState, Delivery
from digest.delivery.sending import control
from digest.delivery.sending.audience_size import (
    ExpectedAudience,
    count_audience,
    expected_audience,
)
from digest.delivery.sending.candidates import HAD_CANCELLED
from digest.delivery.sending.planning import (
    PlannedAudience,
    plan_deliveries,
)
from digest.delivery.sending.queue import claim
from digest.errors import WrongState
from digest.issues.models import Edition, Issue, IssueState, Placement
from subscribers import store
from subscribers.models import JOINED, Standing
from tests.delivery.conftest import MakeReaders, MakeSending

MakeIssue = Callable[[], tuple[int, int]]


def planned(
    database: Database, ids: tuple[int, int], now: datetime, size: int = 4
) -> PlannedAudience:
    with database.write() as session:
        return plan_deliveries(
            session,
            issue=session.get_one(Issue, ids[0]),
            edition=session.get_one(Edition, ids[1]),
            newsletter="weekly",
            batch_size=size,
            now=now,
        )


def drawn(number: int, *categories: str) -> ComparisonDraft:
    verdicts = (VerdictDraft(seat=1, quote="Said."),)
    left, right = (
        ContenderDraft(name=f"{side} {number}", category=category, verdicts=verdicts)
        for side, category in zip(("Lathe", "Mortar"), categories, strict=True)
    )
    return ComparisonDraft(title=f"Comparison {number}", contenders=(left, right))


def carry(database: Database, issue_id: int, now: datetime, *pairs: tuple[str, str]) -> None:
    """Store an issue that carries a comparison for each pair of categories."""
    with database.write() as session:
        for number, pair in enumerate(pairs, start=1):
            kept = by_slug(session, store_draft(session, drawn(number, *pair), now=now).slug)
            assert kept.id is not None
            revision = latest(session, kept).id
            assert revision is not None
            session.add(
                Placement(
                    issue_id=issue_id,
                    position=number,
                    comparison_id=kept.id,
                    revision_id=revision,
                )
            )


def choose(database: Database, reader: int, *topics: str) -> None:
    with database.write() as session:
        assert store.set_topics(session, reader, "weekly", list(topics), among=JOINED)


def left_out(database: Database) -> dict[int, str | None]:
    """Return the reason of each excluded reader."""
    with database.read() as session:
        rows = session.exec(select(Delivery).where(col(Delivery.outcome).is_not(None))).all()
        return {row.subscriber_id: row.reason for row in rows}


def test_everybody_who_confirmed_is_in_exactly_one_batch(
    database: Database, make_readers: MakeReaders, make_issue: MakeIssue, now: datetime
) -> None:
    make_readers(10)
    make_readers(3, standing=Standing.UNSUBSCRIBED)
    audience = planned(database, make_issue(), now)
    with database.read() as session:
        batches = session.exec(select(Batch).order_by(Batch.number)).all()  # type: ignore[arg-type]  # a column
        deliveries = session.exec(select(Delivery)).all()
    assert (audience.candidates, audience.excluded, audience.batches) == (10, 0, 3)
    assert [batch.size for batch in batches] == [4, 4, 2]
    covered = [n for b in batches for n in range(b.first_delivery, b.last_delivery + 1)]
    assert covered == sorted(d.id for d in deliveries if d.id is not None)


def test_who_is_suppressed_or_paused_is_a_candidate_and_excluded(
    database: Database, make_readers: MakeReaders, make_issue: MakeIssue, now: datetime
) -> None:
    make_readers(3)
    make_readers(2, suppressed="hard-bounce")
    make_readers(1, standing=Standing.PAUSED)
    ids = make_issue()
    with database.read() as session:
        expected = expected_audience(session, "weekly", None, now)
    audience = planned(database, ids, now)
    with database.read() as session:
        counts = count_deliveries(session, ids[1])
        reasons = {d.reason for d in session.exec(select(Delivery)).all() if d.reason}
    assert (audience.candidates, audience.excluded) == (6, 3)
    assert expected == ExpectedAudience(readers=3, excluded=3)
    assert counts.balances
    assert reasons == {"suppressed: hard-bounce", "paused"}


def test_a_batch_of_nobody_needs_no_sender(
    database: Database, make_readers: MakeReaders, make_issue: MakeIssue, now: datetime
) -> None:
    make_readers(2, suppressed="manual")
    make_readers(2)
    planned(database, make_issue(), now, size=2)
    with database.read() as session:
        states = {batch.state for batch in session.exec(select(Batch)).all()}
    assert states == {BatchState.EMPTY, BatchState.PENDING}


def test_an_issue_is_frozen_once(
    database: Database, make_readers: MakeReaders, make_issue: MakeIssue, now: datetime
) -> None:
    make_readers(2)
    ids = make_issue()
    planned(database, ids, now)
    with pytest.raises(WrongState, match="already frozen"):
        planned(database, ids, now)
    with database.read() as session:
        assert len(session.exec(select(Delivery)).all()) == 2


def test_an_issue_for_nobody_is_refused_and_stays_as_it_was(
    database: Database, make_issue: MakeIssue, now: datetime
) -> None:
    ids = make_issue()
    with pytest.raises(WrongState, match="nobody is subscribed"):
        planned(database, ids, now)
    with database.read() as session:
        assert session.get_one(Issue, ids[0]).state is IssueState.BUILT


def test_who_finds_no_topic_of_theirs_in_an_issue_is_excluded_with_the_reason(
    database: Database, make_readers: MakeReaders, make_issue: MakeIssue, now: datetime
) -> None:
    ids, readers = make_issue(), make_readers(3)
    carry(database, ids[0], now, ("Audio", "Audio"), ("Bücher & Text", "Video"))
    choose(database, readers[0], "security", "audio/video")
    choose(database, readers[1], "security", "bücher & text")
    audience = planned(database, ids, now)
    assert left_out(database) == {readers[0]: "no topic of theirs"}
    assert (audience.candidates, audience.excluded) == (3, 1)
    with database.read() as session:
        assert count_deliveries(session, ids[1]).balances


@pytest.mark.parametrize("kept", [None, "null", "[]"])
def test_who_chose_no_topic_gets_every_issue_however_that_is_kept(
    database: Database,
    make_readers: MakeReaders,
    make_issue: MakeIssue,
    now: datetime,
    kept: str | None,
) -> None:
    make_readers(1)
    with database.write() as session:
        statement = text("UPDATE subscription SET topics = CAST(:kept AS JSON)")
        if database.is_sqlite:
            statement = text("UPDATE subscription SET topics = :kept")
        session.connection().execute(statement, {"kept": kept})
    ids = make_issue()
    carry(database, ids[0], now, ("Audio", "Audio"))
    planned(database, ids, now)
    assert left_out(database) == {}


@pytest.mark.parametrize(
    ("pairs", "excluded"),
    [
        ([("", "")], 0),
        ([("Audio", "Audio"), ("", "")], 0),
        ([("Audio", "")], 1),
        ([], 0),
    ],
)
def test_a_comparison_without_any_category_is_for_everybody(
    database: Database,
    make_readers: MakeReaders,
    make_issue: MakeIssue,
    now: datetime,
    pairs: list[tuple[str, str]],
    excluded: int,
) -> None:
    ids, readers = make_issue(), make_readers(1)
    carry(database, ids[0], now, *pairs)
    choose(database, readers[0], "Security")
    assert planned(database, ids, now).excluded == excluded


def test_an_issue_s_topics_are_those_it_was_built_with(
    database: Database, make_readers: MakeReaders, make_issue: MakeIssue, now: datetime
) -> None:
    ids, readers = make_issue(), make_readers(1)
    carry(database, ids[0], now, ("Audio", "Audio"))
    choose(database, readers[0], "audio")
    with database.write() as session:
        assert store_draft(session, drawn(1, "Video", "Video"), now=now).revision == 2
    planned(database, ids, now)
    assert left_out(database) == {}


def test_who_may_not_be_mailed_is_left_out_for_that_and_not_for_a_topic(
    database: Database, make_readers: MakeReaders, make_issue: MakeIssue, now: datetime
) -> None:
    ids, readers = make_issue(), make_readers(1, suppressed="complaint")
    carry(database, ids[0], now, ("Audio", "Audio"))
    choose(database, readers[0], "Security")
    planned(database, ids, now)
    assert left_out(database) == {readers[0]: "suppressed: complaint"}


def test_topics_chosen_after_the_freezing_hold_from_the_next_issue_on(
    database: Database, make_readers: MakeReaders, make_issue: MakeIssue, now: datetime
) -> None:
    ids, readers = make_issue(), make_readers(1)
    carry(database, ids[0], now, ("Audio", "Audio"))
    planned(database, ids, now)
    choose(database, readers[0], "Security")
    with database.write() as session:
        taken = claim(
            session, edition_id=ids[1], newsletter="weekly", owner="test", now=now, lease=60
        )
    assert taken is not None
    assert [row[1] for row in taken.readers] == readers


def test_who_got_the_cancelled_issue_is_left_out_of_the_one_built_for_its_week(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    accepted, doubted, _unsent = make_readers(3)
    sending = make_sending(batch_size=1)
    with database.write() as session:
        states = {1: BatchState.ACCEPTED, 2: BatchState.IN_DOUBT}
        for batch in session.exec(select(Batch)).all():
            batch.state = states.get(batch.number, batch.state)
        control.cancel(session, session.exec(select(Issue)).one(), "wrong list")
        anew = Issue(
            newsletter_id=1, number=2, period="2026-W48", state=IssueState.BUILT, built_at=now
        )
        session.add(anew)
        session.flush()
        edition = Edition(
            issue_id=anew.id or 0, subject="S", html="H", text="T", fingerprint="f", frozen_at=now
        )
        session.add(edition)
        session.flush()
        ahead = count_audience(session, anew, "weekly", now)
        plan_deliveries(
            session, issue=anew, edition=edition, newsletter="weekly", batch_size=9, now=now
        )
        left_out = session.exec(
            select(Delivery.subscriber_id, Delivery.reason).where(
                Delivery.edition_id == edition.id, col(Delivery.outcome).is_not(None)
            )
        ).all()
    assert (ahead.readers, ahead.excluded) == (1, 2)
    assert sorted(left_out) == [(accepted, HAD_CANCELLED), (doubted, HAD_CANCELLED)]
    assert sending.edition_id != edition.id


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_plan_tells_the_server_how_large_the_lists_are(
    database: Database,
    make_issue: Callable[[], tuple[int, int]],
    make_readers: MakeReaders,
    now: datetime,
) -> None:
    make_readers(30)
    planned(database, make_issue(), now)
    with database.read() as session:
        known = session.connection().exec_driver_sql(
            "SELECT relname, reltuples FROM pg_class WHERE relkind = 'r'"
            " AND relname IN ('subscriber', 'subscription', 'delivery')"
        )
        sizes = {row.relname: int(row.reltuples) for row in known}
    assert sizes == {"subscriber": 30, "subscription": 30, "delivery": 30}
