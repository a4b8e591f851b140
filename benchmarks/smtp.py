"""SMTP beside a floor: `smtplib` with ready mails and no ledger, and the engine by batch sizes.

    python -m benchmarks.smtp [--mails 2000] [--wait 0]

The sink is Postfix's smtp-sink, in a process of its own; *--wait* is the time it takes for a mail,
in whole seconds. Both sides send a mail of about 60 KB to each reader.
"""

from __future__ import annotations

import argparse
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.floors import HTML
from benchmarks.ready_issue import SECRET, environment, fill, installation, plan
from digest.delivery.sending import dispatch
from digest.issues.models import Issue
from digest.mail.mailing import UNSUBSCRIBE_TAG, Content, Mailbox, Mailing, Recipient
from digest.mail.outbox import message
from digest.mail.smtp import RelayAddress, RelaySecurity, smtp_provider
from digest.mail.smtp.return_path import ReturnPaths
from digest.mail.transport import Accepted
from subscribers.tokens import Hashes, MailTokens

CONTENT = Content(
    subject="Benchmark",
    html=f'{HTML}<a href="https://news.example.com/u/{UNSUBSCRIBE_TAG}">Leave</a>',
    text="text",
    sender=Mailbox("us@example.com", "Us"),
    headers={"List-Id": "Weekly <weekly.news.example.com>"},
)
PATHS = ReturnPaths(tokens=MailTokens([SECRET]), hashes=Hashes([SECRET]))


class Pace(NamedTuple):
    """How long something took for a number of mails: by the clock, and of the processor."""

    mails: int
    seconds: float
    cpu: float

    def __str__(self) -> str:
        """Say it in mails a second, and microseconds of CPU for each."""
        return f"{self.mails / self.seconds:>7,.0f}/s, {self.cpu / self.mails * 1e6:>6,.0f} µs CPU"


@contextmanager
def sink(wait: int) -> Iterator[int]:
    """Run Postfix's sink; yield its port."""
    program = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin")
    if program is None:
        sys.exit("Postfix isn't installed: make system")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    slow = ["-w", str(wait)] if wait else []
    user = ["-u", "nobody"]
    with subprocess.Popen(  # noqa: S603 - Postfix's own program
        [program, *user, *slow, "-m", "64", f"127.0.0.1:{port}", "100"]
    ) as process:
        while not _answers(port):
            time.sleep(0.05)
        try:
            yield port
        finally:
            process.kill()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def timed(mails: int, send: Callable[[], None]) -> Pace:
    """Return how long *send* takes."""
    began, spent = time.perf_counter(), time.process_time()
    send()
    return Pace(mails, time.perf_counter() - began, time.process_time() - spent)


def recipients(number: int) -> list[Recipient]:
    """Return readers with their own parts."""
    return [
        Recipient(
            str(n),
            f"reader{n}@example.org",
            {UNSUBSCRIBE_TAG: f"a-token-of-the-usual-length-for-a-reader-{n:012}"},
            {"List-Unsubscribe": f"<https://news.example.com/u/a-token-{n}>"},
        )
        for n in range(1, number + 1)
    ]


def floor(port: int, mails: int) -> Pace:
    """Send one ready mail again and again by `smtplib`, on one connection."""
    raw = message(CONTENT, recipients(1)[0]).as_bytes()

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", port) as relay:
            for number in range(mails):
                relay.sendmail("us@example.com", f"reader{number}@example.org", raw)

    return timed(mails, send)


def transport(port: int, mails: int, batch: int, key: str | None = None) -> Pace:
    """Send mails with their own parts by our transport, without the ledger."""
    ours = smtp_provider(
        relay=RelayAddress(host="127.0.0.1", port=port, security=RelaySecurity.NONE),
        seconds=600,
        return_paths=lambda: PATHS,
        bounce_address="bounces@example.com",
        dkim_selector="s1" if key else "",
        dkim_key=key,
    ).transport()
    readers = recipients(mails)

    def send() -> None:
        for start in range(0, mails, batch):
            part = readers[start : start + batch]
            mailing = Mailing(content=CONTENT, recipients=part, attempt="a1" * 16)
            answer = ours.hand_over(ours.prepare(mailing))
            assert isinstance(answer, Accepted), answer

    return timed(mails, send)


def engine(port: int, readers: int, batch: int, concurrency: int) -> Pace:
    """Send an issue of the samples as the product does, with the ledger on SQLite."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        app = installation(
            {
                **environment(f"sqlite:///{folder / 'digest.db'}", "http://127.0.0.1:9", folder),
                "DIGEST_TRANSPORT": "smtp",
                "DIGEST_SMTP_HOST": "127.0.0.1",
                "DIGEST_SMTP_PORT": str(port),
                "DIGEST_SMTP_SECURITY": "none",
                "DIGEST_BOUNCE_ADDRESS": "bounces@example.com",
                "DIGEST_BATCH_SIZE": str(batch),
            }
        )
        fill(app, readers)
        plan(app)
        app.sending.begin()
        with app.database.read() as session:
            sending = app.sending.edition_send(session, session.get_one(Issue, 1))

        def send() -> None:
            counts = dispatch(sending, concurrency=concurrency)
            assert counts.accepted == readers, counts

        return timed(readers, send)


def main() -> None:
    """Print a line for each thing that is measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smtp")
    parser.add_argument("--mails", type=int, default=2000)
    parser.add_argument("--wait", type=int, default=0)
    parser.add_argument("--key", type=Path, help="an RSA key in PEM, to sign with")
    wanted = parser.parse_args()
    with sink(wanted.wait) as port:
        print(f"floor, smtplib             {floor(port, wanted.mails)}", flush=True)
        print(f"transport, batches of 20   {transport(port, wanted.mails, 20)}", flush=True)
        if wanted.key:
            signed = transport(port, wanted.mails // 10, 20, wanted.key.read_text("ascii"))
            print(f"the same, signed           {signed}", flush=True)
        for batch in (1, 5, 10, 20, 50, 200):
            for concurrency in (1, 2):
                pace = engine(port, wanted.mails, batch, concurrency)
                says = f"engine, batches of {batch:<3} x {concurrency}"
                print(f"{says:<26} {pace}", flush=True)


if __name__ == "__main__":
    main()
