"""The warm-up: a limit for each day, what counts against it, and what stops it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import update
from sqlmodel import Session, col, select

from digest.db import Database
from digest.delivery.models import Batch, BatchState, Delivery, DeliveryStatus, WarmUp
from digest.delivery.pace import (
    Pace,
    WarmUpLimits,
    active_warm_up,
    day_left,
    end_warm_up,
    go_on,
    judge_warm_up,
    start_warm_up,
    warm_up_days,
    warm_up_today,
)
from digest.delivery.reporting.status import issue_status
from digest.delivery.sending import control
from digest.delivery.sending.dispatcher import WAITS, dispatch
from digest.delivery.sending.queue import Claim, claim
from digest.delivery.sending.settlement import Settlement
from digest.delivery.sending.worker_processes import StopSignal
from digest.errors import WrongState
from digest.issues.models import Edition, Issue, IssueState
from tests.delivery.conftest import MakeReaders, MakeSending
from tests.delivery.fake_sleep import InstantWaits
from tests.delivery.lock_waits import meanwhile
from tests.delivery.pace.test_pace import Machines

WARMING = Pace(warm_up=True)
LIMITS = WarmUpLimits()
DAY = timedelta(days=1)


def begin(
    database: Database, now: datetime, *, days: int = 3, first: int = 3, last: int = 7
) -> None:
    with database.write() as session:
        start_warm_up(session, now=now, days=days, first=first, last=last)


def the_issue(database: Database) -> Issue:
    with database.read() as session:
        return session.exec(select(Issue)).one()


def report(session: Session, status: DeliveryStatus, number: int, now: datetime) -> None:
    """Have the provider report a status of so many mails that were accepted."""
    accepted = session.exec(
        select(Delivery)
        .join(Batch, col(Delivery.id).between(col(Batch.first_delivery), col(Batch.last_delivery)))
        .where(Batch.state == BatchState.ACCEPTED)
        .limit(number)
    )
    for row in accepted.all():
        row.news, row.news_at = status, int(now.timestamp())


@pytest.mark.parametrize(("days", "first", "last"), [(30, 200, 20_000), (2, 10, 20), (10, 7, 7)])
def test_the_limits_grow_evenly_from_the_first_to_the_last(
    days: int, first: int, last: int, now: datetime
) -> None:
    plan = WarmUp(began_at=now, days=days, first_limit=first, last_limit=last)
    limits = [each.limit for each in warm_up_days(plan)]
    assert (len(limits), limits[0], limits[-1]) == (days, first, last)
    assert limits == sorted(limits)
    assert all(later <= 2 * earlier for earlier, later in pairwise(limits))


def test_a_plan_that_more_than_doubles_each_day_is_refused(
    database: Database, now: datetime
) -> None:
    with pytest.raises(WrongState, match=r"3\.2 times the readers of the day before"):
        begin(database, now, days=3, first=100, last=1000)
    with pytest.raises(WrongState, match="is below the first day's"):
        begin(database, now, first=10, last=5)


def test_each_day_has_its_limit_over_all_machines_and_the_rest_waits_for_the_next(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(20)
    begin(database, now)
    machines = Machines(make_sending(batch_size=4), WARMING, now)
    machines.send()
    by_day: dict[datetime, int] = {}
    for at, who in machines.sent:
        by_day[at] = by_day.get(at, 0) + len(who)
    midnight = datetime(2026, 11, 25, tzinfo=UTC)
    assert by_day == {now: 3, midnight: 5, midnight + DAY: 7, midnight + 2 * DAY: 5}


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_two_machines_that_ask_at_once_keep_the_day_s_limit(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(8)
    begin(database, now, first=5)
    sending = make_sending(batch_size=4)

    def ask(session: Session) -> Claim | None:
        return claim(
            session,
            edition_id=sending.edition_id,
            newsletter="weekly",
            owner="a machine",
            now=now,
            lease=60,
            pace=WARMING,
        )

    def ask_as_well() -> Claim | None:
        with database.write() as session:
            return ask(session)

    assert meanwhile(database, ask, ask_as_well).result() is None
    last = ask_as_well()
    assert last is not None
    assert len(last.readers) == 1
    assert ask_as_well() is None


def test_a_day_without_mail_does_not_count(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(9)
    begin(database, now)
    machines = Machines(make_sending(batch_size=4), WARMING, now)
    machines.send(until=now)
    with database.read() as session:
        numbers = [
            today.number if (today := warm_up_today(session, now + days * DAY)) else None
            for days in (0, 1, 9)
        ]
    assert numbers == [1, 2, 2]


def test_what_was_not_sent_takes_nothing_of_the_day(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(9)
    begin(database, now)
    machines = Machines(make_sending(batch_size=2), WARMING, now)
    machines.turn(machines.machines[0])
    with database.write() as session:
        session.connection().execute(
            update(Batch)
            .where(col(Batch.state) == BatchState.ACCEPTED)
            .values(state=BatchState.PENDING, attempt=None)
        )
    with database.read() as session:
        assert day_left(session, now) == 3


def test_a_send_says_until_when_it_waits_and_goes_on_by_itself(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(8)
    evening = datetime(2026, 11, 24, 23, 40, tzinfo=UTC)
    begin(database, evening)
    stop_event = InstantWaits()
    told: list[Settlement] = []
    sending = replace(
        make_sending(batch_size=3),
        clock=lambda: evening + timedelta(seconds=sum(stop_event.waits)),
        pace=WARMING,
    )
    counts = dispatch(
        sending,
        concurrency=1,
        stop_signal=StopSignal(stopping=stop_event),
        progress=told.append,
    )
    assert counts.accepted == 8
    waits = [each.detail for each in told if each.outcome == WAITS]
    assert waits == ["waits until 00:00 UTC for the day's limit of 3"]
    assert len(stop_event.waits) <= 20 * 60 / 30 + 60  # twenty minutes, and no busy wait


def test_the_status_of_an_issue_says_what_it_waits_for(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(8)
    begin(database, now)
    Machines(make_sending(batch_size=3), WARMING, now).send(until=now)
    with database.read() as session:
        edition = session.exec(select(Edition)).one()
        status = issue_status(session, the_issue(database), edition, now, pace=WARMING)
    assert status.waits == "waits until 00:00 UTC for the day's limit of 3"
    assert status.problems == ()


@pytest.mark.parametrize(
    ("status", "word"),
    [(DeliveryStatus.BOUNCED, "bounced"), (DeliveryStatus.COMPLAINED, "complained")],
)
def test_too_many_bounces_or_complaints_stop_it_and_pause_every_issue(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    now: datetime,
    status: DeliveryStatus,
    word: str,
) -> None:
    make_readers(30)
    begin(database, now, first=20, last=40)
    machines = Machines(make_sending(batch_size=10), WARMING, now)
    machines.send(until=now)
    with database.write() as session:
        report(session, status, 2, now)
    with database.write() as session:
        why = judge_warm_up(session, now, LIMITS)
    assert f"2 {word} (10.0%; limit" in why
    issue = the_issue(database)
    assert (issue.state, issue.note) == (IssueState.PAUSED, f"the warm-up stopped: {why}")
    with database.read() as session:
        edition = session.exec(select(Edition)).one()
        [problem] = issue_status(session, issue, edition, now).problems
    assert "digest warmup start goes on from an earlier day" in problem.next_step


def test_a_send_that_waits_for_the_next_day_is_stopped_by_its_bounces(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    def bounce() -> None:
        if len(stop_event.waits) == 1:
            with database.write() as session:
                report(session, DeliveryStatus.BOUNCED, 2, now)

    make_readers(30)
    begin(database, now, first=20, last=40)
    stop_event = InstantWaits(meanwhile=bounce)
    sending = replace(
        make_sending(batch_size=10),
        clock=lambda: now + timedelta(seconds=sum(stop_event.waits)),
        pace=WARMING,
    )
    counts = dispatch(sending, concurrency=1, stop_signal=StopSignal(stopping=stop_event))
    assert (counts.accepted, counts.pending) == (20, 10)
    assert "2 bounced (10.0%; limit" in the_issue(database).note
    assert sum(stop_event.waits) < 5 * 60


def test_one_complaint_stops_nothing(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(30)
    begin(database, now, first=20, last=40)
    Machines(make_sending(batch_size=10), WARMING, now).send(until=now)
    with database.write() as session:
        report(session, DeliveryStatus.COMPLAINED, 1, now)
    with database.write() as session:
        assert judge_warm_up(session, now, LIMITS) == ""


def test_while_it_is_stopped_nothing_goes_even_if_a_person_resumes_the_issue(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(30)
    begin(database, now, first=20, last=40)
    machines = Machines(make_sending(batch_size=10), WARMING, now)
    machines.send(until=now)
    with database.write() as session:
        report(session, DeliveryStatus.BOUNCED, 5, now)
    with database.write() as session:
        judge_warm_up(session, now, LIMITS)
        control.resume(session, session.exec(select(Issue)).one(), now)
    assert not machines.turn(machines.machines[0])
    assert the_issue(database).note.startswith("the warm-up stopped: of 20 readers since")


def test_started_again_it_goes_on_from_a_day_of_half_the_limit_and_judges_what_follows(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(200)
    begin(database, now, days=5, first=10, last=80)
    machines = Machines(make_sending(batch_size=10), WARMING, now)
    machines.send(until=now + 2 * DAY)
    with database.write() as session:
        report(session, DeliveryStatus.BOUNCED, 20, machines.now)
    later = machines.now + timedelta(minutes=5)
    with database.write() as session:
        assert judge_warm_up(session, later, LIMITS)
        plan = active_warm_up(session)
        assert plan is not None
        stopped_on = plan.day
        go_on(session, plan, later)
    with database.write() as session:
        assert judge_warm_up(session, later, LIMITS) == ""
        today = warm_up_today(session, later)
    assert (stopped_on, today and today.number) == (3, 1)


def test_a_person_ends_it_with_a_name_and_a_reason(database: Database, now: datetime) -> None:
    begin(database, now)
    with database.write() as session, pytest.raises(WrongState, match="a name and a reason"):
        end_warm_up(session, by="Ada", why=" ", now=now)
    with database.write() as session:
        end_warm_up(session, by="Ada", why="moved to a warm domain", now=now)
    with database.read() as session:
        assert active_warm_up(session) is None
        assert warm_up_today(session, now) is None
    with database.write() as session, pytest.raises(WrongState, match="no warm-up is on"):
        end_warm_up(session, by="Ada", why="again", now=now)


def test_one_plan_is_on_at_a_time(database: Database, now: datetime) -> None:
    begin(database, now)
    with pytest.raises(WrongState, match="a warm-up is on: day 1 of 3"):
        begin(database, now)
