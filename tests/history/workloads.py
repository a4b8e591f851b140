"""The daily work of an installation with a long history, each as one call.

Nothing here knows which statements the work runs: that is what is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx2
import orjson
import typer
from sqlmodel import Session, col, select
from typer.testing import CliRunner

from benchmarks.ready_issue import plan_in
from digest.app.installation import App
from digest.cli.context import CommandContext
from digest.cli.issue import drafting, status_command
from digest.cli.report import app as report_commands
from digest.delivery.erasure import make_nameless
from digest.delivery.models import Attempt, Batch
from digest.delivery.reporting import issues_sent_to
from digest.delivery.sending import StopSignal, queue
from digest.delivery.sending.settlement import RetryPolicy, settle
from digest.issues.models import Edition, Issue, IssueState
from digest.mail.transport import Accepted
from digest.service.job_registry import jobs_of
from digest.service.jobs import MINUTE
from digest.web.app import make_site
from digest.web.metrics import metrics_text
from digest.web.provider_webhook import RejectedPosts
from digest.web.server import listen, serve_in_thread
from subscribers import lifecycle
from subscribers.address.syntax import parse
from subscribers.models import Subscriber
from subscribers.signup.requests import SignupRequest, record_requests
from subscribers.store import Evidence
from subscribers.tokens import DatedTarget

EVENTS = 1000
_MOMENTS = count(1)
Work = Callable[[], object]


class _Undone(Exception):
    """Ends a transaction whose work isn't to stay."""


@contextmanager
def undone(app: App) -> Iterator[Session]:
    """Open a session whose work is rolled back."""
    with suppress(_Undone), app.database.write() as session:
        yield session
        raise _Undone


@dataclass(frozen=True)
class Workloads:
    """The work on one installation, by name; *site* is a client of its site."""

    app: App
    site: httpx2.Client

    def named(self) -> dict[str, Work]:
        """Return every piece of work."""
        return {
            "digest status": lambda: self._command("status"),
            "digest status ISSUE": lambda: self._command("status", str(self._last_sent())),
            "/metrics": lambda: metrics_text(self.app, RejectedPosts()),  # the page keeps them 15 s
            "front page": lambda: self._page("/"),
            "digest report": lambda: self._command("report", str(self._last_sent())),
            "digest pick": lambda: self._command("pick"),
            "1,000 events": self._events,
            "sign-up": self._sign_up,
            "a reader's data": self._reader,
            "plan and claim": self._plan_and_claim,
            "a minute of the service": self._minute,
        }

    def _command(self, *arguments: str) -> None:
        call = CommandContext(is_interactive=lambda: False)
        call.app, call.settings = self.app, self.app.settings
        done = CliRunner().invoke(_commands(), [*arguments, "--json"], obj=call)
        assert not _is_fault(done.exception), done.output
        orjson.loads(done.stdout)

    def _page(self, path: str) -> None:
        answer = self.site.get(path)
        assert answer.status_code == httpx2.codes.OK, answer.text

    def _last_sent(self) -> int:
        with self.app.database.read() as session:
            numbers = session.exec(select(Issue.number).where(Issue.state == IssueState.SENT))
            return max(number or 0 for number in numbers)

    def _events(self) -> None:
        """Take a post of the provider in: each mail bounces, is opened, or is left by its link."""
        number, moment = self._last_sent(), next(_MOMENTS)
        with self.app.database.read() as session:
            edition = session.exec(
                select(Edition.id).join(Issue).where(Issue.number == number)
            ).one()
            batch, attempt = session.exec(
                select(Batch, Attempt)
                .where(Batch.edition_id == edition, Attempt.batch_id == Batch.id)
                .limit(1)
            ).one()
        events = [
            _event(attempt.key, batch.first_delivery + n % batch.size, n, moment)
            for n in range(EVENTS)
        ]
        events.append(
            {**_event("", 0, 0, moment), "event": "bounce", "email": "reader7@example.org"}
        )
        consumer = self.app.events.consumer()
        consumer.receive(orjson.dumps(events), moment)
        assert consumer.apply_all() == len(events)

    def _sign_up(self) -> None:
        """Sign up, get the letter, confirm, and leave again."""
        app, now = self.app, self.app.clock()
        address = parse(f"new{next(_MOMENTS)}-{now:%H%M%S%f}@example.com")
        asked = SignupRequest(
            address=address,
            newsletter="weekly",
            form="page",
            wording="Yes, send it to me.",
            language="en",
            network="192.0.2.0/24",
            seen_from="192.0.2.0/24",
        )
        limits = app.public_site.rate_limits
        with app.database.write() as session:
            record_requests(session, [asked], limits=limits, hashes=app.hashes, now=now)
        app.public_site.process_sign_ups()
        app.letters.send_waiting(1)
        with app.database.write() as session:
            reader = session.exec(
                select(Subscriber).where(Subscriber.address_key == address.key)
            ).one()
            target = DatedTarget(reader.id or 0, "weekly", now)
            evidence = Evidence(channel="page")
            lifecycle.confirm(session, target, evidence, app.hashes, now)
            lifecycle.leave(session, reader.id or 0, "weekly", evidence, now)

    def _reader(self) -> None:
        """Gather what is kept of a reader's issues, as an erasure and an export do."""
        with self.app.database.read() as session:
            reader = session.exec(select(Subscriber).order_by(col(Subscriber.id)).limit(1)).one()
            issues_sent_to(session, reader.id or 0)
        with undone(self.app) as session:
            make_nameless(session, reader.id or 0)

    def _plan_and_claim(self) -> None:
        """Freeze the issue's audience, claim a batch, start it and settle it."""
        app, now = self.app, self.app.clock()
        with undone(app) as session:
            plan_in(app, session, self._built())
            edition = session.exec(select(Edition).where(Edition.issue_id == self._built())).one()
            claimed = queue.claim(
                session,
                edition_id=edition.id or 0,
                newsletter="weekly",
                owner="host/1/1",
                now=now,
                lease=120,
            )
            assert claimed
            assert queue.start(session, claimed, request_hash="0" * 64, now=now)
            assert queue.is_still_held(session, claimed)
            settle(
                session,
                batch_id=claimed.batch_id,
                attempt=claimed.attempt,
                readers=[row[0] for row in claimed.readers],
                answer=Accepted(provider_id="an-id", status=202),
                now=now,
                retry_policy=RetryPolicy(),
            )
            queue.due(session, edition.id or 0, now)

    def _built(self) -> int:
        with self.app.database.read() as session:
            return session.exec(select(Issue.id).where(Issue.state == IssueState.BUILT)).one() or 0

    def _minute(self) -> None:
        """Run what the service does each minute."""
        for job in jobs_of(self.app, StopSignal()):
            if job.every == MINUTE:
                job.run(self.app.clock())


@contextmanager
def workloads(app: App) -> Iterator[Workloads]:
    """Yield the work on an installation whose site answers meanwhile."""
    with (
        serve_in_thread(make_site(app), listen(0)) as url,
        httpx2.Client(
            base_url=url, transport=httpx2.HTTPTransport(retries=10), timeout=600
        ) as http,
    ):
        yield Workloads(app, http)


def _commands() -> typer.Typer:
    commands = typer.Typer()
    for app in (drafting.app, status_command.app, report_commands):
        commands.add_typer(app)
    return commands


def _is_fault(fault: BaseException | None) -> bool:
    return fault is not None and not isinstance(fault, SystemExit)


def _event(attempt: str, delivery: int, number: int, moment: int) -> dict[str, Any]:
    kind = ("open", "click", "delivered", "unsubscribe")[number % 4]
    return {
        "email": f"reader{number}@example.org",
        "timestamp": 1_800_000_000 + moment,
        "event": kind,
        "digest_attempt": attempt,
        "digest_delivery": str(delivery),
        "useragent": "Mozilla/5.0",
        **({"url": f"https://verdicts.example.com/{number % 7}"} if kind == "click" else {}),
    }
