"""The service under steady work for a while: memory and open files must level off.

    python -m benchmarks.soak [--minutes 30] [--readers 30000] [--seconds-between 10]

`digest run` sends one long issue to the fake (which takes its time over each request and posts
its events as they come) while people sign up from networks of their own and pages are read.
A line is printed at each look; the last third is compared with the middle third.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from statistics import mean
from urllib.parse import urlsplit

from benchmarks.ready_issue import SECRET, environment, fill, installation, plan
from benchmarks.signup import post
from digest.app.installation import App
from digest.cli.installation.init import WEEKLY
from digest.fake_sendgrid import RunningFake, running_fake
from digest.web.server import listen
from subscribers.tokens import Purpose, Tokens
from subscribers.web import NewsletterInfo
from subscribers.web.signup_form import form_subject

BATCH = 50
SIGNUPS_A_SECOND = 2.0


@dataclass
class Look:
    """What a process holds at one moment."""

    minute: float
    megabytes: float
    files: int
    threads: int
    accepted: int
    events: int
    signups: Counter[int] = field(default_factory=Counter)


def settings(folder: Path, fake: RunningFake) -> dict[str, str]:
    """Return the settings of the service."""
    return {
        **environment(f"sqlite:///{folder / 'digest.db'}", fake.url, folder),
        "DIGEST_WEBHOOK_KEYS": fake.webhook_key,
        "DIGEST_BATCH_SIZE": str(BATCH),
        "DIGEST_CONCURRENCY": "1",
        "DIGEST_TRUSTED_PROXIES": "127.0.0.0/8",
        "DIGEST_BACKUPS": str(folder / "backups"),
    }


async def sign_up(url: str, statuses: Counter[int], until: float) -> None:
    """Let people sign up and read, each from a network of their own."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    for number in count():
        if time.monotonic() > until:
            return
        opened = datetime.now(UTC) - timedelta(minutes=1)
        said = form_subject(NewsletterInfo(slug=WEEKLY.slug, name=WEEKLY.name), "en", opened)
        token = Tokens([SECRET]).sign(Purpose.FORM, said)
        network = (
            f"X-Forwarded-For: 198.{18 + number // 65_536 % 2}.{number // 256 % 256}.{number % 256}"
        )
        for request in (
            post(f"new{number}@example.net", token),
            b"GET /issues HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        ):
            whole = request.replace(b"\r\n\r\n", f"\r\n{network}\r\n\r\n".encode(), 1)
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(whole)
            line = await reader.readline()
            statuses[int(line.split()[1])] += 1
            writer.close()
            await writer.wait_closed()
        await asyncio.sleep(1 / SIGNUPS_A_SECOND)


def look(pid: int, app: App, fake: RunningFake, began: float, statuses: Counter[int]) -> Look:
    """See what the service holds just now."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    values = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    with app.database.read() as session:
        events = (
            session.connection().exec_driver_sql("SELECT count(*) FROM mail_event").scalar_one()
        )
    return Look(
        minute=(time.monotonic() - began) / 60,
        megabytes=int(values["VmRSS"].split()[0]) / 1024,
        files=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        threads=int(values["Threads"]),
        accepted=fake.counts()["messages"],
        events=events,
        signups=Counter(statuses),
    )


def soak(minutes: float, readers: int, between: float) -> list[Look]:
    """Run the service for so long, and look at it again and again."""
    looks: list[Look] = []
    statuses: Counter[int] = Counter()
    with tempfile.TemporaryDirectory() as name, listen(0) as free:
        folder, port = Path(name), free.getsockname()[1]
        free.close()
        hook = f"http://127.0.0.1:{port}/webhooks/sendgrid"
        with running_fake(folder, events_to=hook) as fake:
            app = installation(settings(folder, fake))
            fill(app, readers)
            plan(app)
            # As many requests as there are batches, spread over the whole time.
            fake.set_faults([{"do": "delay", "seconds": 0.9 * minutes * 60 * BATCH / readers}])
            service = subprocess.Popen(  # noqa: S603 - this interpreter, our command line
                [sys.executable, "-m", "digest", "run", "--port", str(port)],
                env={"PATH": os.environ["PATH"], **settings(folder, fake)},
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=(folder / "log").open("wb"),
            )
            try:
                assert service.stdout is not None
                assert b"http" in service.stdout.readline(), (folder / "log").read_text()
                began = time.monotonic()
                asyncio.run(_both(service.pid, app, fake, began, minutes, between, looks, statuses))
            finally:
                service.terminate()
                code = service.wait(120)
                app.database.close()
            errors = [
                line
                for line in (folder / "log").read_text(encoding="utf-8").splitlines()
                if " error " in line
            ]
            print(f"stopped with {code}; {len(errors)} errors in its log", *errors[:5], sep="\n  ")
            print(
                f"ledger: {fake.counts()['messages']} mails, {fake.counts()['duplicates']} doubled"
            )
    return looks


async def _both(
    pid: int,
    app: App,
    fake: RunningFake,
    began: float,
    minutes: float,
    between: float,
    looks: list[Look],
    statuses: Counter[int],
) -> None:
    until = began + minutes * 60
    people = asyncio.create_task(
        sign_up(f"http://127.0.0.1:{urlsplit(fake.events()['to']).port}", statuses, until)
    )
    while time.monotonic() < until:
        await asyncio.sleep(between)
        one = await asyncio.to_thread(look, pid, app, fake, began, statuses)
        looks.append(one)
        print(
            f"{one.minute:5.1f} min  {one.megabytes:6.1f} MB  {one.files:3} files"
            f"  {one.threads:3} threads  {one.accepted:7,} mails  {one.events:7,} events"
            f"  {dict(one.signups)}",
            flush=True,
        )
    await people


def main() -> None:
    """Soak, and compare the last third with the middle one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--readers", type=int, default=30_000)
    parser.add_argument("--seconds-between", type=float, default=30)
    chosen = parser.parse_args()
    looks = soak(chosen.minutes, chosen.readers, chosen.seconds_between)
    third = len(looks) // 3
    middle, last = looks[third : 2 * third], looks[2 * third :]
    for name in ("megabytes", "files", "threads"):
        was, is_ = (mean(getattr(one, name) for one in part) for part in (middle, last))
        print(f"{name}: middle third {was:.1f}, last third {is_:.1f} ({is_ / was - 1:+.1%})")


if __name__ == "__main__":
    main()
