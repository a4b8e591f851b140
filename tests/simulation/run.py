"""One run of the simulation: a seed's world to its end, and the checks of the end."""

from __future__ import annotations

import sqlite3
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

from digest.db import Database
from digest.delivery.counts import count_deliveries
from digest.delivery.pace import UNLIMITED, Pace, active_warm_up, ask_again, end_warm_up
from digest.delivery.reporting.status import issue_status
from digest.delivery.sending import control
from digest.issues.models import Edition, Issue, IssueState, Newsletter
from digest.migrations.all_tables import METADATA
from subscribers.models import Standing, Subscriber, Subscription
from tests.simulation import people
from tests.simulation.invariants import InvariantChecker, Violation
from tests.simulation.job_queue import SimulatedJobQueue
from tests.simulation.pacing import GMAIL, PaceChecker, TooFast
from tests.simulation.provider import FAULTS, Provider
from tests.simulation.world import BEGIN, NEWSLETTER, World, open_watch

MOST_ROUNDS = 60  #: of setting right what a world left behind


@dataclass(frozen=True)
class RunResult:
    """The result of one seed; *fault* is the violation as text, with the trace."""

    seed: int
    fault: str = ""
    checks: int = 0
    mails: int = 0
    requests: int = 0
    deaths: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    trace: tuple[str, ...] = ()


class SimulationDatabase:
    """One database that is emptied for each seed, so that compiled statements are kept."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "world.db"
        self.database = Database(f"sqlite:///{self.path}")
        METADATA.create_all(self.database.engine)

    def clear(self) -> None:
        """Delete every row, and restart the ids at 1."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as db:
            tables = db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
                " AND name NOT LIKE 'directory_words%'"  # triggers keep the full-text index
            ).fetchall()
            db.execute("BEGIN IMMEDIATE")
            for (table,) in tables:
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
            db.execute("COMMIT")

    def close(self) -> None:
        """Close the store."""
        self.database.close()


def run(seed: int, stage: SimulationDatabase) -> RunResult:
    """Run one seed; an exception of the engine becomes a fault of the result."""
    with _world(seed, stage) as world:
        fault = ""
        try:
            _live(world)
            _settle(world)
        except (Violation, TooFast) as found:
            fault = str(found)
        except Exception:  # a crash of the engine is a finding like any other
            fault = traceback.format_exc()
        return RunResult(
            seed=seed,
            fault=fault,
            checks=world.watch.checks,
            mails=len(world.provider.mails),
            requests=world.provider.requests,
            deaths=sum("dies" in line for line in world.trace),
            faults=world.provider.faults,
            trace=tuple(world.trace),
        )


@contextmanager
def _world(seed: int, stage: SimulationDatabase) -> Iterator[World]:
    stage.clear()
    random = Random(seed)  # noqa: S311 - a seed is the point
    readers = _people(stage.database, random)
    with closing(open_watch(stage.path)) as db:
        provider, pace = _provider(random, readers), _pace(random)
        yield World(
            seed=seed,
            database=stage.database,
            random=random,
            provider=provider,
            watch=InvariantChecker(db, provider.one_by_one, PaceChecker(db, pace)),
            pace=pace,
            jobs=_job_queue(random),
            by_jobs=random.random() < 0.5,
            canary="watch@example.com" if random.random() < 0.2 else "",
            wave=random.choice([0, 0, 0, 1, 3, 30]),
            action_rate=random.choice([0.0, 0.15, 0.3]),
            death_rate=random.choice([0.1, 0.4, 0.8]),
            act=people.act,
        )


def _people(database: Database, random: Random) -> list[str]:
    """Store a small list and one or two built issues; return the addresses."""
    number = random.randint(3, 20)
    readers = [f"r{n}@{'example.org' if n % 3 else 'gmail.com'}" for n in range(1, number)]
    with database.write() as session:
        session.add(Newsletter(id=1, slug=NEWSLETTER, name="Weekly"))
        session.add_all(
            Subscriber(id=n, address=who, address_key=who, created_at=BEGIN)
            for n, who in enumerate(readers, 1)
        )
        session.flush()
        session.add_all(
            Subscription(
                subscriber_id=n, newsletter=NEWSLETTER, standing=Standing.CONFIRMED, since=BEGIN
            )
            for n in range(1, len(readers) + 1)
        )
        for number in range(1, random.choice([1, 1, 2]) + 1):
            state = IssueState.BUILT
            session.add(
                Issue(
                    id=number, newsletter_id=1, number=number, period=f"2026-W{number}",
                    state=state, built_at=BEGIN,
                )
            )  # fmt: skip
            session.flush()
            session.add(
                Edition(
                    id=number, issue_id=number, subject="S", html="<p>H</p>", text="T",
                    fingerprint="f", frozen_at=BEGIN,
                )
            )  # fmt: skip
    return readers


def _provider(random: Random, readers: list[str]) -> Provider:
    """Return a provider without faults, with a few, or with many."""
    temper = random.choice([0.0, 0.5, 1.0, 4.0])
    troubles = {name: weight * temper for name, weight in FAULTS.items() if random.random() < 0.6}
    bad = {who for who in readers if random.random() < random.choice([0.0, 0.0, 0.15])}
    return Provider(
        random=random,
        troubles=troubles,
        bad=bad,
        names=random.choice(["all", "first", "none"]),
        cap=random.choice([1, 2, 1000, 1000, 1000]),
        bounces=random.choice([1, 1, 40]),
        one_by_one=random.random() < 0.4,
    )


def _pace(random: Random) -> Pace:
    """Return no limit, mostly, or several together."""
    if random.random() < 0.6:
        return UNLIMITED
    return Pace(
        per_hour=random.choice([0, 2, 7, 60, 120]),
        by_scope=random.choice([{}, {GMAIL: 1}, {GMAIL: 4}]),
        requests=random.choice([0, 0, 1, 2]),
        warm_up=random.random() < 0.6,
    )


def _job_queue(random: Random) -> SimulatedJobQueue:
    """Return a queue that keeps what it is told, or one that doesn't."""
    return SimulatedJobQueue(
        random, losses=random.choice([0.0, 0.1, 0.4]), repeats=random.choice([0.0, 0.1, 0.4])
    )


def _live(world: World) -> None:
    if world.pace.warm_up:
        people.warm_up(world)
    for _ in range(world.random.randint(5, 25)):
        people.act(world)


def _settle(world: World) -> None:
    """Stop the faults, and resolve what is left as a person would; this must terminate."""
    world.note("the troubles end")
    world.provider.heal()
    world.jobs.losses = world.jobs.repeats = 0.0
    world.action_rate = world.death_rate = 0.0
    for number in range(MOST_ROUNDS):
        # Past every lease and every wait; a warm-up is judged by the mails of some days alone.
        world.now += timedelta(days=1 if world.pace.warm_up else 3)
        if not _round(world, number):
            break
    else:
        raise Violation("I13: it doesn't come to an end")
    _ended(world)
    _converged(world)


def _round(world: World, number: int) -> bool:
    """Do what a person would do next; false when nothing is left to do.

    After some rounds, they release what a first wave still holds back, and in the end they call off
    what the provider refuses to everybody.
    """
    if world.pace.warm_up:
        _look_after_warm_up(world)
    for (key,) in world.rows("SELECT key FROM batch WHERE state = 'in-doubt' ORDER BY id"):
        people.decide(world, key)
    rows = world.rows(
        "SELECT i.id, e.id, i.state FROM issue i JOIN edition e ON e.issue_id = i.id"
        " WHERE i.state <> 'sent' ORDER BY i.id"
    )
    for issue, edition, state in rows:
        if state == "built":
            people.freeze(world, issue, edition)
            continue
        if state == "cancelled":
            world.look_after(edition)
            continue
        _stuck_is_reported(world, issue, edition)
        with world.write() as session:
            row = session.get_one(Issue, issue)
            if number < MOST_ROUNDS / 2 or _took_any(world, edition):
                control.resume(session, row, world.clock(), past_first_wave=number >= 3)
            else:
                control.cancel(session, row, "the provider refuses it to everybody")
                continue
        if not world.by_jobs:
            world.send(edition)
    _work(world)
    return _is_open(world)


def _took_any(world: World, edition: int) -> bool:
    """Return whether the provider said of any mail of an edition that it takes it.

    A mixed answer may refuse everybody; of one that took some, a batch is accepted.
    """
    return bool(
        world.rows(
            "SELECT 1 FROM attempt a JOIN batch b ON b.id = a.batch_id OR b.attempt = a.key"
            " WHERE b.edition_id = ? AND (a.outcome = 'accepted'"
            " OR a.outcome = 'mixed' AND b.state = 'accepted')",
            edition,
        )
    )


def _work(world: World) -> None:
    """Let a worker do all there is, for some hours where only so many may go in each."""
    if world.by_jobs:
        for _ in range(6 if world.pace.is_limited else 1):
            world.now += timedelta(hours=1)
            world.minute()
            world.work(jobs=1_000)
        world.minute()


def _look_after_warm_up(world: World) -> None:
    """End a warm-up that stopped in the last round, and judge one that is on by its news."""
    with world.write() as session:
        plan = active_warm_up(session)
        if plan is not None and plan.stopped_at is not None:
            now = world.clock()
            end_warm_up(session, by="Ada", why="the log", now=now)
            ask_again(session, world.pace.per_hour, now)
    for _ in range(5):
        people.news(world)
    people.judge(world)


def _is_open(world: World) -> bool:
    """Whether there is anything left to do; an issue with nobody in it may stay as it is."""
    doubts = world.rows("SELECT 1 FROM batch WHERE state IN ('in-doubt', 'started')")
    going = world.rows("SELECT 1 FROM issue WHERE state IN ('prepared', 'paused')")
    return bool(doubts or going)


def _stuck_is_reported(world: World, issue: int, edition: int) -> None:
    """I13: whatever is stuck is in status, with the next step."""
    with world.database.read() as session:
        where = issue_status(
            session, session.get_one(Issue, issue), session.get_one(Edition, edition), world.now
        )
    stuck = world.rows(
        "SELECT b.key FROM batch b LEFT JOIN attempt a ON a.key = b.attempt"
        " WHERE b.edition_id = ? AND (b.state IN ('in-doubt', 'parked')"
        " OR b.state IN ('started', 'claimed') AND a.lease_until <= ?)",
        edition,
        str(world.now.replace(tzinfo=None)),
    )
    named = {problem.batch for problem in where.problems}
    silent = [key for (key,) in stuck if key[:8] not in named]
    if silent or not where.counts.balances:
        raise Violation(f"I13: status doesn't name {len(silent)} stuck batches")


def _ended(world: World) -> None:
    """Everybody is accounted for: mailed once, refused, or left out with a reason."""
    provider, watch = world.provider, world.watch
    copies = Counter(mail.delivery for mail in provider.mails)
    extra = copies - Counter(watch.rightly_mailed(provider))
    fates = world.rows(
        "SELECT d.id, d.outcome, i.state FROM delivery d JOIN edition e ON e.id = d.edition_id"
        " JOIN issue i ON i.id = e.issue_id"
    )
    for number, outcome, state in fates:
        due = outcome is None and state != "cancelled" and number not in watch.accepted_wrongly
        if due and not copies[number]:
            raise Violation(f"I2: delivery {number} is lost")
        if outcome is not None and copies[number] > extra[number]:
            raise Violation(f"I2: delivery {number} is {outcome}, and was mailed")
    with world.database.read() as session:
        for edition in world.watch.candidates:
            counts = count_deliveries(session, edition)
            if counts.in_doubt or counts.pending:
                raise Violation(f"I2: at the end {counts}")


def _converged(world: World) -> None:
    """I5: all events once more, in another order, change nothing."""
    everything = [*world.provider.told, *world.provider.news]
    people.tell(world, everything)
    before = _standing(world)
    world.random.shuffle(everything)
    people.tell(world, everything)
    if _standing(world) != before:
        raise Violation("I5: events told again, in another order, changed something")
    _wrong_decisions_are_reported(world)


def _standing(world: World) -> list[object]:
    return [
        world.rows("SELECT id, outcome, news, news_at FROM delivery ORDER BY id"),
        world.rows("SELECT id, state, size FROM batch ORDER BY id"),
        world.rows("SELECT id, suppressed FROM subscriber ORDER BY id"),
        world.rows("SELECT count(*) FROM mail_event"),
    ]


def _wrong_decisions_are_reported(world: World) -> None:
    """C17: a decision that an event proved wrong raises an alarm."""
    heard = {copy.attempt for copy in world.watch.heard & world.watch.decided}
    for attempt, contradicted in world.rows(
        "SELECT attempt_key, contradicted FROM decision WHERE verdict = 'unsent'"
    ):
        if attempt in heard and contradicted is None:
            raise Violation("C17: a wrong decision was proved wrong, and nobody is told")
