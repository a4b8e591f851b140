"""The service under test: a folder, a fake provider, and `digest run` under faketime."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from digest.app.installation import App, open_app
from digest.comparisons.loader import read_file
from digest.comparisons.store import store_draft
from digest.fake_sendgrid import RunningFake, running_fake
from digest.issues import provenance, store
from digest.issues.approval import approve
from digest.issues.models import Newsletter
from digest.migrations.upgrade import upgrade
from digest.service.job_registry import publisher_of
from digest.service.publisher import advance_slots
from digest.settings import load
from subscribers.address.syntax import parse
from subscribers.models import Standing
from subscribers.store import add, join
from tests.stories.warm_start import Warm, warm

SECONDS = 150.0  # that anything here may take, on a machine with much else to do
SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778"
_PLACES = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
)


def faketime() -> str | None:
    """Return where the library is that fakes a process's clock."""
    return next((harness for harness in _PLACES if Path(harness).exists()), None)


@dataclass
class ServiceHarness:
    """One installation: its folder, its clock, its provider, and the services that run in it."""

    folder: Path
    fake: RunningFake
    stack: ExitStack = field(repr=False)  #: ends what was started, after the services
    services: list[subprocess.Popen[str]] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    url: str = ""  #: of the service started last

    def set_clock(self, to: datetime) -> None:
        """Let it be that moment, for every process here."""
        part = self.folder / "clock.part"
        part.write_text(f"{to:%Y-%m-%d %H:%M:%S}\n", encoding="ascii")
        part.replace(self.folder / "clock")

    def start(self) -> subprocess.Popen[str]:
        """Start a service; returns once it answers."""
        log = (self.folder / "service.log").open("a", encoding="utf-8")
        service = subprocess.Popen(
            [sys.executable, "-m", "digest", "run", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=log,
            env=self._env(),
            cwd=self.folder,
            text=True,
        )
        log.close()
        self.services.append(service)
        assert service.stdout is not None
        said = service.stdout.readline()
        assert "http://" in said, self.log()
        self.url = said.split()[4]
        return service

    def stop(self, service: subprocess.Popen[str]) -> int:
        """Ask a service to end, and return how it did."""
        service.terminate()
        return service.wait(SECONDS)

    def end(self) -> None:
        """End every service that still runs."""
        for service in self.services:
            service.kill()
            service.wait(SECONDS)
            if service.stdout:
                service.stdout.close()

    def digest(self, *arguments: str, check: bool = True) -> str:
        """Run a command at this moment; returns what it said."""
        done = self._commands.run(list(arguments), self.folder, self._env())
        assert done.code == 0 or not check, done.err
        return done.out + done.err

    @cached_property
    def _commands(self) -> Warm:
        return self.stack.enter_context(warm(self._env()))

    def go(self, to: datetime, until: Callable[[], bool] = lambda: True) -> None:
        """Let it be that moment, and wait until the service has done all there is to do then.

        Minutes go by until *until* holds: a machine under load may have had to try again.
        """
        for minute in range(12):
            moment = to + timedelta(minutes=minute)
            self.set_clock(moment)
            self.wait(lambda at=moment: self._ticked(at))  # type: ignore[misc]  # bound here
            if minute and until():
                return
        raise AssertionError(self.log())

    def wait(self, until: Callable[[], bool]) -> None:
        """Wait for something, within a bound."""
        end = time.monotonic() + SECONDS
        while not until():
            assert time.monotonic() < end, self.log()
            time.sleep(0.1)

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Look into the database."""
        connection = sqlite3.connect(self.folder / "digest.db", timeout=30)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def turns(self) -> dict[str, str]:
        """Return the state of each period."""
        return dict(self.query("SELECT period, state FROM turn ORDER BY day"))

    def drafted(self, number: int) -> bool:
        """Tell whether there is an issue of that number."""
        return bool(self.query("SELECT id FROM issue WHERE number = ?", number))

    def status(self, *arguments: str) -> Any:
        """Return what `digest status` says, as facts."""
        return json.loads(self.digest("status", *arguments, "--json"))

    def subjects(self) -> list[str]:
        """Return the subjects of the letters the editors got, in order."""
        sent = self.fake.messages(address="ed@example.org")
        return [self.fake.message(each["id"])["subject"] for each in sent]

    def told(self, letters: int) -> Callable[[], bool]:
        """Return what tells whether the editors have got so many letters."""
        return lambda: len(self.subjects()) >= letters

    def events(self) -> None:
        """Let the provider tell all it knows."""
        self.fake.flush_events(to=f"{self.url}/webhooks/sendgrid")

    def get(self, path: str) -> tuple[int, str]:
        """Ask the service for a page."""
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def log(self) -> str:
        """Return what the services said."""
        path = self.folder / "service.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @contextmanager
    def opened(self) -> Iterator[App]:
        """Open the installation in this process, at the moment it is there."""
        now = utc((self.folder / "clock").read_text(encoding="ascii").strip())
        app = open_app(load({}, **_fields(self._settings())), clock=lambda: now)
        try:
            yield app
        finally:
            app.database.close()

    def import_comparisons(self, *numbers: int) -> None:
        """Bring comparisons in, by number."""
        with self.opened() as app, app.database.write() as session:
            for number in numbers:
                path = self.folder / f"comparison-{number}.json"
                path.write_text(json.dumps(comparison(number)), encoding="utf-8")
                store_draft(session, read_file(path), now=app.clock())

    def import_readers(self, number: int) -> None:
        """Bring readers in."""
        with self.opened() as app, app.database.write() as session:
            for n in range(number):
                reader = add(session, parse(f"reader{n}@example.org"), app.clock())
                join(session, reader, "weekly", Standing.CONFIRMED, app.clock(), source="test")

    def advance(self) -> None:
        """Take every turn on, as a service would that was up for a moment."""
        with self.opened() as app:
            advance_slots(publisher_of(app), app.clock())

    def approve(self, number: int) -> None:
        """Let an issue go as it is."""
        with self.opened() as app, app.database.write() as session:
            issue = store.by_number(session, 1, number)
            findings = app.issues.findings(store.edition_of(session, issue))
            approve(
                session,
                issue,
                templates=provenance.template_hash(app.issues.template_sources()),
                findings=findings,
                by="Ann",
                now=app.clock(),
                despite=None,
            )

    def _ticked(self, at: datetime) -> bool:
        done = self.query(
            "SELECT count(*) FROM tick WHERE name IN ('issues', 'editors', 'send')"
            " AND started_at = ? AND ended_at IS NOT NULL",
            f"{at:%Y-%m-%d %H:%M:%S}.000000",
        )
        return done == [(3,)]

    def _env(self) -> dict[str, str]:
        library = faketime()
        assert library is not None
        return {
            "PATH": os.environ["PATH"],
            "TZ": "UTC",
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(self.folder / "clock"),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            **self._settings(),
        }

    def _settings(self) -> dict[str, str]:
        return {
            "DIGEST_DATABASE_URL": f"sqlite:///{self.folder / 'digest.db'}",
            "DIGEST_SECRET": SECRET,
            "DIGEST_TRANSPORT": "sendgrid",
            "DIGEST_SENDGRID_API_KEY": "SG.a-key-for-the-fake.only",
            "DIGEST_SENDGRID_URL": self.fake.url,
            "DIGEST_WEBHOOK_KEYS": self.fake.webhook_key,
            "DIGEST_BASE_URL": "https://news.example.org",
            "DIGEST_FROM": "Weekly <news@example.org>",
            "DIGEST_POSTAL_ADDRESS": "1 Mill Lane, Anytown",
            "DIGEST_EDITORS": "ed@example.org",
            "DIGEST_BATCH_SIZE": "2",
            "DIGEST_CONCURRENCY": "1",
            "DIGEST_GRACE": "5",
            "DIGEST_BACKUPS_KEPT": "0",
            **self.settings,
        }


@contextmanager
def service_harness(folder: Path, at: datetime, **options: Any) -> Iterator[ServiceHarness]:
    """Make an installation with a newsletter that comes on Tuesdays at 09:00 UTC."""
    with (
        ExitStack() as stack,
        running_fake(folder, hold_events=True, may_kill=True, **options) as fake,
    ):
        made = ServiceHarness(folder, fake, stack)
        made.set_clock(at)
        with made.opened() as app, app.database.write() as session:
            upgrade(session.connection())
            session.add(Newsletter(slug="weekly", name="Weekly"))
        try:
            yield made
        finally:
            made.end()


def _fields(variables: dict[str, str]) -> dict[str, str]:
    """Name settings as `load` takes them."""
    return {
        name if name == "DIGEST_FROM" else name.removeprefix("DIGEST_").lower(): value
        for name, value in variables.items()
    }


def utc(text: str) -> datetime:
    """Read a moment."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def comparison(number: int) -> dict[str, Any]:
    """Return one as its file says it, unlike any other."""
    sides = [f"Lathe {number}", f"Mortar {number}"]
    return {
        "format": 1,
        "title": " vs ".join(sides),
        "contenders": [
            {
                "name": name,
                "category": "Tools",
                "tagline": "Does one thing well",
                "description": "It does one thing, and does it well enough to be compared.",
                "panel_share": 75,
                "entry": "Free",
                "verdicts": [
                    {"seat": seat, "quote": f"Seat {seat} has tried {name} for a week."}
                    for seat in (1, 2, 3, 4)
                ],
            }
            for name in sides
        ],
    }
