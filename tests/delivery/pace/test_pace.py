"""The pace of all machines together: four of them on one database, and a clock that is moved."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select

from digest.db import Database
from digest.delivery.counts import count_deliveries
from digest.delivery.models import Batch, BatchState, SendingPace
from digest.delivery.pace import Pace, ask_again, free_at, hold, put_off, take, waits
from digest.delivery.sending.batch_worker import EditionSend, send_batch, settle_and_claim
from digest.delivery.sending.dispatcher import dispatch
from digest.delivery.sending.queue import claim, due
from digest.delivery.sending.worker_processes import StopSignal
from digest.mail.mailing import Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer, NotSent
from tests.delivery.conftest import MakeReaders, MakeSending
from tests.delivery.fake_sleep import InstantWaits

HOUR = timedelta(hours=1)


@dataclass
class Machines:
    """Four machines that send one edition by a common clock, each in its turn."""

    sending: EditionSend
    pace: Pace
    now: datetime
    sent: list[tuple[datetime, list[str]]] = field(default_factory=list)
    answer: Answer = field(default_factory=Accepted)

    def __post_init__(self) -> None:
        transport = MemoryTransport(answer=self._answer)
        self.machines = [
            replace(
                self.sending,
                transport=transport,
                clock=lambda: self.now,
                owner=f"machine {number}",
                pace=self.pace,
            )
            for number in range(4)
        ]

    def _answer(self, mailing: Mailing) -> Answer:
        self.sent.append((self.now, [reader.address for reader in mailing.recipients]))
        return self.answer

    def turn(self, machine: EditionSend) -> bool:
        """Let a machine claim and send once; return whether it had something to send."""
        _, claimed = settle_and_claim(machine, None, more=True)
        if claimed is not None:
            settle_and_claim(machine, send_batch(machine, claimed), more=False)
        return claimed is not None

    def next_due(self) -> datetime | None:
        with self.sending.store.read() as session:
            return due(session, self.sending.edition_id, self.now, self.pace)

    def send(self, until: datetime | None = None) -> None:
        """Send until nothing waits, or until a time."""
        while (at := self.next_due()) is not None and (until is None or at <= until):
            self.now = max(at, self.now)
            while any(self.turn(machine) for machine in self.machines):
                self.machines.append(self.machines.pop(0))

    def most_in_an_hour(self, domain: str = "") -> int:
        times = [(at, sum(each.endswith(domain) for each in who)) for at, who in self.sent]
        return max(
            sum(number for at, number in times if begin <= at < begin + HOUR) for begin, _ in times
        )


def many(database: Database) -> int:
    """Return how many readers are enough for some hours; fewer on the slower database."""
    return 400 if database.is_sqlite else 250


def test_four_machines_keep_the_limit_of_every_hour_and_use_it(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(many(database))
    machines = Machines(make_sending(batch_size=10), Pace(per_hour=100), now)
    machines.send()
    assert sum(len(who) for _, who in machines.sent) == many(database)
    assert machines.most_in_an_hour() <= 100
    hours = (machines.sent[-1][0] - now) / HOUR
    assert (many(database) - len(machines.sent[-1][1])) / hours >= 95
    assert max(len(who) for at, who in machines.sent) == 2  # never an hour's mail at once


def test_a_slow_mailbox_provider_holds_back_nobody_else(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(60, domain="gmail.com")
    make_readers(60)
    pace = Pace(by_scope={"Gmail": 20})
    machines = Machines(make_sending(batch_size=10, pace=pace), pace, now)
    machines.send(until=now)
    assert Counter(each.partition("@")[2] for _, who in machines.sent for each in who) == {
        "gmail.com": 1,
        "example.org": 60,
    }
    machines.send()
    assert sum(len(who) for _, who in machines.sent) == 120
    assert machines.most_in_an_hour("gmail.com") <= 20


def test_a_mailbox_provider_waits_for_its_own_limit_and_for_no_slower_one(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(3, domain="gmail.com")
    make_readers(3, domain="yahoo.com")
    pace = Pace(by_scope={"Gmail": 6, "Yahoo and AOL": 60})
    machines = Machines(make_sending(batch_size=10, pace=pace), pace, now)
    machines.send(until=now + timedelta(minutes=5))
    times = [at - now for at, who in machines.sent if who[0].endswith("yahoo.com")]
    assert times == [timedelta(minutes=minute) for minute in range(3)]


def test_a_slow_mailbox_provider_begins_at_once(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    """Begun after all others, its readers alone would take as long again."""
    make_readers(60)
    make_readers(20, domain="gmail.com")
    pace = Pace(per_hour=40, by_scope={"Gmail": 10})
    machines = Machines(make_sending(batch_size=10, pace=pace), pace, now)
    machines.send()
    assert machines.most_in_an_hour() <= 40
    assert machines.sent[-1][0] - now <= timedelta(hours=2, minutes=10)


def test_who_waits_after_a_failure_is_not_asked_earlier_for_a_limit(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(3, domain="gmail.com")
    machines = Machines(make_sending(batch_size=1), Pace(by_scope={"Gmail": 60}), now)
    put_off = now + timedelta(minutes=30)
    with database.write() as session:
        first = session.exec(select(Batch).order_by(col(Batch.number)).limit(1)).one()
        first.not_before = put_off
    machines.send()
    assert [at for at, _ in machines.sent] == [now, now + timedelta(minutes=1), put_off]


def test_a_provider_s_limit_that_came_after_the_plan_holds_for_mixed_batches(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(4, domain="googlemail.com")
    make_readers(4)
    machines = Machines(make_sending(batch_size=8), Pace(by_scope={"Gmail": 20}), now)
    machines.send()
    assert sum(len(who) for _, who in machines.sent) == 8
    assert (machines.sent[-1][0] - now) >= timedelta(minutes=9)


@pytest.mark.parametrize("minutes", [(5,), (10, 5), (5, 10)])
def test_of_pauses_that_a_provider_asked_for_the_longest_holds(
    database: Database, now: datetime, minutes: tuple[int, ...]
) -> None:
    with database.write() as session:
        session.add(SendingPace(scope="all", held_until=now + timedelta(days=1)))  # a wrong clock's
    for each in minutes:
        with database.write() as session:
            hold(session, now + timedelta(minutes=each))
    with database.read() as session:
        assert free_at(session, Pace(), now) == now + timedelta(minutes=max(minutes))


@pytest.mark.parametrize(
    "pace",
    [Pace(per_hour=10), Pace(by_scope={"example.org": 10}), Pace(requests=1)],
    ids=["in all", "at a provider", "requests"],
)
def test_one_of_four_that_ask_at_once_may_go(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    now: datetime,
    pace: Pace,
) -> None:
    make_readers(8)
    sending = make_sending(batch_size=1)
    together, got = threading.Barrier(4), list[bool]()

    def ask() -> None:
        together.wait(30)
        with database.write() as session:
            taken = claim(
                session,
                edition_id=sending.edition_id,
                newsletter="weekly",
                owner=threading.current_thread().name,
                now=now,
                lease=60,
                pace=pace,
            )
        got.append(taken is not None)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(got) == [False, False, False, True]


def test_a_batch_that_waits_for_longer_than_its_provider_goes_on_waiting(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(3, domain="gmail.com")
    machines = Machines(make_sending(batch_size=1), Pace(by_scope={"Gmail": 20}), now)
    put_off = now + timedelta(minutes=10)
    with database.write() as session:
        last = session.exec(select(Batch).order_by(col(Batch.number).desc())).all()[0]
        last.not_before = put_off
    machines.send()
    times = [at for at, _ in machines.sent]
    assert times[1] < put_off == times[2]


def test_a_limit_that_came_after_the_plan_cuts_its_batches(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(9)
    machines = Machines(make_sending(batch_size=9), Pace(per_hour=150), now)
    machines.send()
    assert [len(who) for _, who in machines.sent] == [3, 3, 3]
    with database.read() as session:
        counts = count_deliveries(session, machines.sending.edition_id)
        states = Counter(session.exec(select(Batch.state)).all())
    assert (counts.balances, counts.accepted) == (True, 9)
    assert states == {BatchState.SPLIT: 1, BatchState.ACCEPTED: 3}


def test_no_more_requests_are_under_way_than_may_be_and_a_dead_sender_s_count_for_its_lease(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(9)
    sending = replace(make_sending(batch_size=1), clock=lambda: now, pace=Pace(requests=2))
    held = [settle_and_claim(sending, None, more=True)[1] for _ in range(3)]
    assert [each is not None for each in held] == [True, True, False]
    with database.read() as session:
        assert due(session, sending.edition_id, now, sending.pace) == now + timedelta(seconds=1)
    later = replace(sending, clock=lambda: now + timedelta(seconds=sending.lease))
    assert settle_and_claim(later, None, more=True)[1] is not None


def test_after_a_429_every_machine_waits_as_long_as_it_says(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(4)
    machines = Machines(make_sending(batch_size=1), Pace(), now)
    machines.answer = NotSent(status=429, detail="429", wait=40.0, counts=False)
    assert [machines.turn(machine) for machine in machines.machines] == [True, False, False, False]
    assert machines.next_due() == now + timedelta(seconds=40)
    with database.read() as session:
        held = waits(session, Pace(), now)
    assert held is not None
    assert held.words == "waits until 09:00 UTC for the pause that the provider asked for"
    machines.answer, machines.now = Accepted(), now + timedelta(seconds=40)
    assert machines.turn(machines.machines[3])


@pytest.mark.parametrize("days", [1, 365])
def test_a_time_from_a_clock_that_was_ahead_holds_nobody(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    now: datetime,
    days: int,
) -> None:
    make_readers(2)
    machines = Machines(make_sending(batch_size=1), Pace(per_hour=100), now)
    ahead = now + timedelta(days=days)
    with database.write() as session:
        session.add(SendingPace(scope="all", next_at=ahead, held_until=ahead))
    assert machines.turn(machines.machines[0])
    assert not machines.turn(machines.machines[1])


def test_without_a_limit_no_row_is_written(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(9)
    assert dispatch(make_sending()).accepted == 9
    with database.read() as session:
        assert session.exec(select(SendingPace)).all() == []


def test_a_send_waits_for_its_pace_and_finishes(
    database: Database, make_readers: MakeReaders, make_sending: MakeSending, now: datetime
) -> None:
    make_readers(5)
    stop_event = InstantWaits()
    sending = replace(
        make_sending(batch_size=5),
        clock=lambda: now + timedelta(seconds=sum(stop_event.waits)),
        pace=Pace(per_hour=60),
    )
    counts = dispatch(sending, concurrency=1, stop_signal=StopSignal(stopping=stop_event))
    assert (counts.accepted, counts.pending) == (5, 0)
    assert sum(stop_event.waits) >= 4 * 60
    with database.read() as session:
        sizes = session.exec(select(Batch.size).where(col(Batch.state) != BatchState.SPLIT)).all()
    assert sizes == [1] * 5


def test_what_an_hour_may_have_is_kept_when_the_day_s_limit_changes(
    database: Database, now: datetime
) -> None:
    pace = Pace(per_hour=2)
    with database.write() as session:
        assert take(session, pace, {"all": 1}, now, readers=1) is None
        put_off(session, now + timedelta(days=1), now)
        ask_again(session, pace.per_hour, now)
        assert free_at(session, pace, now) == now + timedelta(minutes=30)


def test_without_a_limit_an_hour_nobody_waits_once_the_day_s_limit_changes(
    database: Database, now: datetime
) -> None:
    with database.write() as session:
        put_off(session, now + timedelta(days=1), now)
        ask_again(session, 0, now)
        assert free_at(session, Pace(per_hour=2), now) is None
