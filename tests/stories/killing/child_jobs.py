"""The jobs of a child process before it is killed: plan, send, recover, process events, vote."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from benchmarks import ready_issue
from digest.app.installation import App, open_app
from digest.comparisons.models import Call
from digest.db import Database
from digest.delivery.job_queue import QueueName
from digest.delivery.sending import StopSignal
from digest.delivery.sending.control import DoubtResolution, resolve
from digest.delivery.sending.dispatcher import dispatch, recover_dead_senders
from digest.errors import WrongState
from digest.mail.memory import MemoryTransport
from digest.settings import Settings, load
from digest.votes import Ballot, BallotResult, VoteTarget, VoteTerms, cast_votes
from digest.web.app import make_site
from digest.web.server import serve
from digest.worker import run_worker
from subscribers.signup import GroupCommit
from subscribers.tokens import Hashes
from tests.stories.killing import installation


@dataclass
class Reaper:
    """Kills this very process at the n-th step, or freezes it at another; 0 is never."""

    at: int
    freeze_at: int = 0
    steps: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    started_after: float | None = None  #: seconds until the first request left
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, name: str) -> None:
        with self._turn:
            self.steps.append(name)
            if name == "started" and self.started_after is None:
                self.started_after = time.monotonic() - self.began
            if len(self.steps) == self.at:
                os.kill(os.getpid(), signal.SIGKILL)
            if len(self.steps) == self.freeze_at:
                # To this very thread: it stops before it takes another step.
                signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)

    def watch(self, engine: Engine) -> None:
        """Take each statement and each commit of a database as a step, before and after it."""
        hooks: dict[str, Callable[..., None]] = {
            "before_cursor_execute": lambda *_: self("statement"),
            "after_cursor_execute": lambda *_: self("executed"),
            "commit": lambda *_: self("commit"),
        }
        for name, hook in hooks.items():
            event.listen(engine, name, hook)


def warm() -> None:
    """Load what a send loads, so that a child starts in a moment."""
    installation.sendgrid("http://127.0.0.1:9")
    MemoryTransport()


def plan(path: str, batch_size: int, die_at: int = 0) -> int:
    """Freeze the audience; each statement is a step. Returns how many there were."""
    database, reaper = Database(f"sqlite:///{path}"), Reaper(die_at)
    reaper.watch(database.engine)
    installation.plan(database, batch_size)
    reaper("committed")
    return len(reaper.steps)


def send(  # noqa: PLR0913 - what a run may vary, by name
    *,
    path: str,
    url: str,
    die_at: int = 0,
    stop_at: int = 0,
    concurrency: int = 1,
    fine: bool = False,
    lease: float = 300.0,
    ahead: float = 0.0,
    gate: str = "",
) -> dict[str, Any]:
    """Send until nothing is left; a step is a durable one or, if *fine*, each statement too.

    *ahead* is how many seconds the child's clock is ahead; at a *gate* (a pipe) it waits to be
    let through; at step *stop_at* it freezes itself.
    """
    if gate:
        Path(gate).read_bytes()
    database, reaper = Database(f"sqlite:///{path}"), Reaper(die_at, stop_at)
    if fine:
        reaper.watch(database.engine)
    sending = installation.sending(
        database,
        installation.sendgrid(url),
        step=reaper,
        lease=lease,
        clock=lambda: installation.now() + timedelta(seconds=ahead),
    )
    counts = dispatch(sending, concurrency=concurrency)
    return {"steps": reaper.steps, "started_after": reaper.started_after, **counts.as_dict()}


def work(*, url: str, outbox: str, epoch: str, die_at: int = 0) -> list[str]:
    """Work on the batches that wait, until none does; each commit is a step, before and after it.

    Returns the steps.
    """
    place = {"database_url": url, "outbox": Path(outbox), "epoch_file": Path(epoch)}
    app, reaper = open_app(load({}, secret=installation.SECRET, **place)), Reaper(die_at)
    app.sending.begin()
    event.listen(app.database.engine, "commit", lambda _: reaper("before a commit"))
    event.listen(Session, "after_commit", lambda _: reaper("after a commit"))
    run_worker(app, queues=[QueueName.SEND], concurrency=1, stop_signal=StopSignal(), wait=False)
    return reaper.steps


def freeze(*, settings: dict[str, str]) -> int | None:
    """Freeze the audience of the issue; returns its size, or nothing where another was faster."""
    try:
        return ready_issue.plan(ready_issue.installation(settings)).candidates
    except (WrongState, IntegrityError):
        return None


def command(*, folder: str, settings: dict[str, str], arguments: list[str]) -> None:
    """Be the digest command, in that folder; what it says goes to files there."""
    from digest.cli import main

    os.chdir(folder)
    for name, number in (("out", 1), ("err", 2)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    os.environ.update(settings)
    sys.argv = ["digest", *arguments]
    with suppress(SystemExit):
        main()


def recover(*, path: str, die_at: int = 0) -> int:
    """Move on what the dead left behind; each statement is a step. Returns how many there were."""
    database, reaper = Database(f"sqlite:///{path}"), Reaper(die_at)
    reaper.watch(database.engine)
    recover_dead_senders(installation.sending(database, MemoryTransport()))
    reaper("committed")
    return len(reaper.steps)


def decide(*, path: str, batches: list[str]) -> None:
    """Record, for each batch, that a person looked and found that it was never taken."""
    database = Database(f"sqlite:///{path}")
    for key in batches:
        with database.write() as session:
            resolve(
                session,
                key,
                DoubtResolution.UNSENT,
                by="Ada",
                why="not in the log",
                now=installation.now(),
            )


def site(*, path: str, key: str, port_file: str, die_at: int = 0) -> None:
    """Serve the webhook until killed; statements and answers are steps; its port goes to a pipe."""
    app, reaper = _app(path, key), Reaper(die_at)
    reaper.watch(app.database.engine)
    listening = socket.create_server(("127.0.0.1", 0))
    Path(port_file).write_text(str(listening.getsockname()[1]), "ascii")
    serve(_noted(make_site(app), reaper), listening)


def drain(*, path: str) -> int:
    """Apply the events that wait, as the site does when it starts; returns how many."""
    return _app(path).events.consumer().apply_all()


def _app(path: str, key: str = "") -> App:
    # No .env: a developer's own settings must not reach a test.
    given: dict[str, Any] = {"webhook_keys": key, "secret": installation.SECRET, "_env_file": None}
    return App(
        settings=Settings(**given), database=Database(f"sqlite:///{path}"), clock=installation.now
    )


def _noted(site: Any, reaper: Reaper) -> Any:
    """Take the moment before an answer leaves, and the one after it, as steps."""

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        async def noted(message: Any) -> None:
            reaper(f"before {message['type']}")
            await send(message)
            reaper(f"after {message['type']}")

        await site(scope, receive, noted if scope["type"] == "http" else send)

    return asgi


def vote(*, path: str, answered: str, calls: list[tuple[int, int, int, str]], die_at: int) -> int:
    """Cast votes together, and note each as it is answered; statements are steps.

    A vote is a reader, a comparison, a tool and a call. Returns how many steps there were.
    """
    database, reaper = Database(f"sqlite:///{path}"), Reaper(die_at)
    reaper.watch(database.engine)
    asyncio.run(_flood(database, reaper, Path(answered), calls))
    return len(reaper.steps)


async def _flood(
    database: Database, reaper: Reaper, answered: Path, calls: list[tuple[int, int, int, str]]
) -> None:
    writer, terms = GroupCommit(database), VoteTerms(hashes=Hashes([installation.SECRET]))
    work = _Casting(terms)

    async def one(number: int) -> None:
        reader, comparison, tool, call = calls[number]
        target = VoteTarget(reader, comparison, 1, installation.now())
        result = await writer.together(work.cast, Ballot(target, {tool: Call(call)}))
        assert result.held is None
        reaper("answered")
        with answered.open("a", encoding="ascii") as file:
            file.write(f"{number}\n")

    await asyncio.gather(*(one(number) for number in range(len(calls))))
    writer.stop()


@dataclass(frozen=True)
class _Casting:
    terms: VoteTerms

    def cast(self, session: Session, ballots: Sequence[Ballot]) -> list[BallotResult]:
        return cast_votes(session, ballots, self.terms, installation.now())
