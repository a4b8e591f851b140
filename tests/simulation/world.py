"""The simulated world: store, senders, provider and readers in one thread, by one seed.

The seed decides whatever waits, dies or runs concurrently. The senders are the engine's own
`dispatch`; in each of their gaps (before and after each commit, during a request, during a wait)
the rest of the world goes on, or the sender dies.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import orjson
from sqlmodel import Session, col, select

from digest.db import Database
from digest.delivery.pace import UNLIMITED, Pace
from digest.delivery.sending.batch_worker import EditionSend, send_one
from digest.delivery.sending.dispatcher import dispatch, mark_sent_if_done
from digest.delivery.sending.personalization import recipient_builder
from digest.delivery.sending.recovery import recover
from digest.delivery.sending.rollout import judge_rollout
from digest.delivery.sending.settlement import RetryPolicy
from digest.delivery.sending.worker_processes import StopSignal
from digest.issues.models import Edition
from digest.letters.internal_mail import send_seed_copy
from digest.mail.mailing import Content, Mailbox, Mailing
from digest.mail.sendgrid.payload import encode
from digest.mail.sendgrid.responses import classify
from digest.mail.transport import Answer, Mixed, NotSent, PreparedRequest, SingleAnswer
from subscribers.tokens import Hashes, Tokens
from tests.simulation.invariants import SEATS, InvariantChecker, words_of
from tests.simulation.job_queue import BatchJob, SimulatedJobQueue
from tests.simulation.provider import CUT_OFF, Provider

BEGIN = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SECRET = "a secret for simulations, long enough"
NEWSLETTER = "weekly"
CONTENT = Content(subject="S", html="<p>H</p>", text="T", sender=Mailbox("us@example.com", "Us"))
VARIANTS = {seat: replace(CONTENT, html=words_of(seat)) for seat in {*SEATS.values()}}
TOKENS = Tokens([SECRET])
HASHES = Hashes([SECRET])
RECIPIENTS = recipient_builder(NEWSLETTER, base_url="https://news.example.com", tokens=TOKENS)
APART = (0, 0, 0, 2, -2, 400, -400, 90_000, -90_000)  #: seconds between the clocks of machines
UNTRIED = NotSent(detail="the connection ended before it", wait=0.0, counts=False)
DEEPEST = 3  #: how many things may go on inside one another
MAX_WAITS = 40  #: how long a person waits for a sender that only waits


class Killed(BaseException):
    """The death of a sender: no code of the engine may catch it."""


@dataclass(eq=False)
class Process:
    """One run of `digest send`, or of `digest worker`."""

    owner: str
    dies_in: int  #: ticks; below zero never
    stops_in: int  #: ticks until it gets a SIGTERM
    alive: bool = True
    seen: bool = True  #: whether others can tell that it lives; not from another machine
    ahead: float = 0.0  #: seconds by which its machine's clock is ahead
    waits: int = 0
    stop_signal: StopSignal = field(default_factory=StopSignal)


@dataclass
class World:
    """One seed's world."""

    seed: int
    database: Database
    random: Random
    provider: Provider
    watch: InvariantChecker
    jobs: SimulatedJobQueue
    by_jobs: bool = False  #: whether workers send, or `digest send`
    now: datetime = BEGIN
    canary: str = ""  #: the watched address that gets a copy of each issue first
    pace: Pace = UNLIMITED
    wave: int = 0  #: how many readers go out alone first
    depth: int = 0
    action_rate: float = 0.1  #: how much goes on in each gap
    death_rate: float = 0.4  #: the share of senders that die
    processes: dict[str, Process] = field(default_factory=dict)
    trace: list[str] = field(default_factory=list)
    act: Callable[[World], None] = lambda _: None  #: one thing that happens, chosen by the seed

    def clock(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def note(self, words: str) -> None:
        self.trace.append(f"{self.now:%d %H:%M:%S} {'  ' * self.depth}{words}")

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session that no death interrupts; check every invariant after its commit."""
        with self.database.write() as session:
            yield session
        self.look()

    def look(self) -> None:
        """Check every invariant now."""
        self.watch.look(self.provider)

    def meanwhile(self) -> None:
        """Run other actions in this gap, by chance."""
        while self.depth < DEEPEST and self.chance(self.action_rate):
            self.depth += 1
            try:
                self.act(self)
            finally:
                self.depth -= 1

    def tick(self, process: Process, where: str) -> None:
        """One step of a sender: it may die here, be told to stop, or be overtaken."""
        process.dies_in -= 1
        process.stops_in -= 1
        if process.stops_in == 0:
            self.note(f"{process.owner} is told to stop, {where}")
            process.stop_signal.stop()
        if process.dies_in == 0:
            self.note(f"{process.owner} dies {where}")
            process.alive = False
            raise Killed

    def send(self, edition: int) -> None:
        """Run `digest send` until it ends or dies."""
        process = self._process("sender")
        self.note(f"{process.owner} sends edition {edition}")
        sending = self._sending(process, edition)
        try:
            if self.canary:
                send_seed_copy(sending, self.canary)
            counts = dispatch(
                sending, concurrency=1, stop_signal=process.stop_signal, is_alive=self._is_alive
            )
            self.note(f"{process.owner} ends: {counts.accepted} accepted, {counts.pending} pending")
        except Killed:
            pass
        finally:
            process.alive = False
        self.look()

    def work(self, jobs: int) -> None:
        """Run a worker until it has run so many jobs, finds none, or dies."""
        process = self._process("worker")
        stopping = process.stop_signal.stopping
        self.note(f"{process.owner} begins")
        try:
            for _ in range(jobs):
                job = None if stopping.is_set() else self.jobs.take(process.owner)
                if job is None:
                    break
                self._run(process, job)
                self.jobs.finish(job)
                self.meanwhile()
        except Killed:
            pass
        finally:
            process.alive = False
        self.look()

    def _run(self, process: Process, job: BatchJob) -> None:
        rows = self.rows("SELECT edition_id FROM batch WHERE id = ?", job.batch)
        for (edition,) in rows:  # none where the batch is gone
            sending = self._sending(process, edition)
            settled = send_one(sending, job.batch, process.stop_signal.stopping)
            outcome = settled.outcome if settled else "nothing to do"
            self.note(f"{process.owner} looks at batch {job.batch}: {outcome}")

    def minute(self) -> None:
        """Do what a worker does each minute: look after every issue, and find lost jobs."""
        self.note("a minute is over")
        self.jobs.sweep({owner for owner, process in self.processes.items() if not process.alive})
        with self.write() as session:
            for edition in session.exec(select(Edition.id).order_by(col(Edition.id))).all():
                recover(session, edition_id=edition or 0, now=self.clock(), alive=self._is_alive)
                judge_rollout(session, edition or 0, self.clock())
                mark_sent_if_done(session, edition or 0, self.clock())
            self.jobs.enqueue_batches(session, self.clock())

    def _sending(self, process: Process, edition: int) -> EditionSend:
        return EditionSend(
            store=_Store(self, process),
            transport=_Transport(self, process),
            clock=lambda: self.clock() + timedelta(seconds=process.ahead),
            owner=process.owner,
            edition_id=edition,
            newsletter=NEWSLETTER,
            issue=f"weekly-{edition}",
            content=CONTENT,
            variants=VARIANTS,
            recipients=RECIPIENTS,
            lease=120.0,
            retry_policy=RetryPolicy(jitter=lambda: 0.5),
            pace=self.pace,
            job_queue=self.jobs,
            step=lambda name: self._step(process, name),
        )

    def look_after(self, edition: int) -> None:
        """Do what `digest send` does for an issue that is stopped: move on what the dead held."""
        with self.write() as session:
            recover(session, edition_id=edition, now=self.clock(), alive=self._is_alive)
            mark_sent_if_done(session, edition, self.clock())
        self.note(f"what the dead held of edition {edition} is moved on")

    def _step(self, process: Process, name: str) -> None:
        self.note(f"{process.owner} {name}")
        self.tick(process, f"after it {name}")
        self.meanwhile()

    def _process(self, kind: str) -> Process:
        number = len(self.processes) + 1
        dies = self.random.randint(1, 40) if self.chance(self.death_rate) else -1
        stops = self.random.randint(1, 40) if self.chance(0.1) else -1
        process = Process(f"{kind}-{number}", dies, stops, seen=self.chance(0.8))
        if not self.pace.is_limited:
            process.ahead = self.random.choice(APART)
        process.stop_signal = StopSignal(stopping=_WaitingSignal(self, process))
        self.processes[process.owner] = process
        return process

    def _is_alive(self, owner: str) -> bool | None:
        process = self.processes[owner]
        return process.alive if process.seen else None

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """Read what is committed, past the engine."""
        return self.watch.rows(sql, *values)


@dataclass
class _Store:
    """One sender's store: the sender may die right before and after each commit."""

    world: World
    process: Process

    @contextmanager
    def read(self) -> Iterator[Session]:
        with self.world.database.read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        with self.world.database.write() as session:
            yield session
            self.world.tick(self.process, "before a commit")
        self.world.look()
        self.world.tick(self.process, "after a commit")


@dataclass
class _Transport:
    """One sender's transport; its wire format and the parsing of answers are the engine's own."""

    world: World
    process: Process

    def prepare(self, mailing: Mailing) -> PreparedRequest:
        return PreparedRequest(
            payload=encode(mailing),
            recipients=len(mailing.recipients),
            one_by_one=self.world.provider.one_by_one,
        )

    def hand_over(self, request: PreparedRequest) -> Answer:
        world = self.world
        # From here the request is on its way, and nothing of ours can call it back.
        world.watch.leaves(request)
        if request.one_by_one:
            return self._relay(request)
        world.tick(self.process, "before its request arrives")
        world.meanwhile()
        body = orjson.loads(request.payload)
        world.watch.arrives(body, body["personalizations"])
        exchange = world.provider.answer(request.payload, world.now)
        world.look()
        world.note(f"{self.process.owner} is answered {exchange.status} in {exchange.phase}")
        world.tick(self.process, "before it reads the answer")
        world.meanwhile()
        return classify(exchange, recipients=request.recipients, now=world.now.timestamp())

    def _relay(self, request: PreparedRequest) -> Answer:
        """Hand the mails over one by one; the sender may die between any two."""
        world, body = self.world, orjson.loads(request.payload)
        answers: list[SingleAnswer] = []
        for mail in body["personalizations"]:
            world.tick(self.process, "before a mail of its request arrives")
            world.meanwhile()
            if answers and answers[-1] is UNTRIED:
                answers.append(UNTRIED)
                continue
            world.watch.arrives(body, [mail])
            answers.append(world.provider.relay(body, mail, world.now))
            world.look()
            if isinstance(answers[-1], CUT_OFF) and world.chance(0.5):
                answers.append(UNTRIED)
        answers = answers[: request.recipients]
        words = ", ".join(answer.outcome for answer in answers)
        world.note(f"{self.process.owner} is answered one by one: {words}")
        world.tick(self.process, "before it reads the answers")
        world.meanwhile()
        world.watch.answered(body, answers)
        return answers[0] if len(answers) == 1 else Mixed(answers=answers)


class _WaitingSignal(Event):
    """A sender's stop event; a wait on it advances the simulated clock."""

    def __init__(self, world: World, process: Process) -> None:
        super().__init__()
        self._world, self._process = world, process

    def wait(self, timeout: float | None = None) -> bool:
        self._process.waits += 1
        # A process may always wake late; one that waits for its pace does, so that a run is short.
        is_paced = self._world.pace.is_limited
        if self._process.waits > (MAX_WAITS // 5 if is_paced else MAX_WAITS):
            self.set()
        late = self._world.random.choice([0, 900, 3600] if is_paced else [0, 0, 60, 900])
        self._world.now += timedelta(seconds=(timeout or 0) + late)
        self._world.tick(self._process, "while it waits")
        self._world.meanwhile()
        return self.is_set()


def open_watch(path: Path) -> sqlite3.Connection:
    """Open the store read-only."""
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False)
