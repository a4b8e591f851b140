"""An issue through a real Postfix into a Maildir, while its sender is killed again and again.

    python -m benchmarks.smtp_journey [--readers 10000] [--kills 20]

Every mail has to arrive once at most, and none may be missing that isn't a named doubt. It needs
Postfix, and root: Postfix delivers by users of its own.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import col, select

from benchmarks.ready_issue import environment, fill, installation, plan
from digest.app.installation import App
from digest.delivery.counts import DeliveryCounts, count_deliveries
from digest.delivery.models import Batch, BatchState, Delivery
from subscribers.models import Subscriber
from tests.mail.smtp.postfix_server import RunningPostfix, running_postfix

CATCH_ALL = "@example.org"  #: the mailbox that takes every reader's mail
_TO = re.compile(rb"^To: (\S+)\r?$", re.MULTILINE)
_TOKEN = re.compile(rb"^Message-ID: <([a-z2-7]+)@", re.MULTILINE)


@dataclass(frozen=True)
class JourneyEnd:
    """What became of an issue, by the ledger and by the Maildir."""

    counts: DeliveryCounts
    copies: Counter[str]  #: mails in the Maildir by reader's address
    mail_ids: Counter[str]  #: the same by the delivery that the Message-ID names
    accepted: frozenset[str]  #: addresses that the ledger holds for mailed
    in_doubt: frozenset[str]
    kills: int
    seconds: float

    @property
    def doubled(self) -> int:
        """How many readers, or deliveries, have more than one copy."""
        return max(sum(n > 1 for n in kind.values()) for kind in (self.copies, self.mail_ids))

    @property
    def lost(self) -> int:
        """How many readers count as mailed, and aren't."""
        return len(self.accepted - self.copies.keys())

    @property
    def unknown(self) -> int:
        """How many readers were mailed, and are neither mailed nor in doubt by the ledger."""
        return len(self.copies.keys() - self.accepted - self.in_doubt)


def journey(
    postfix: RunningPostfix, folder: Path, *, readers: int, kills: int, **settings: str
) -> JourneyEnd:
    """Send an issue with so many deaths on the way, each once another part has arrived."""
    variables = {
        **environment(f"sqlite:///{folder / 'digest.db'}", "http://127.0.0.1:9", folder),
        "DIGEST_TRANSPORT": "smtp",
        "DIGEST_SMTP_HOST": "127.0.0.1",
        "DIGEST_SMTP_PORT": str(postfix.port),
        "DIGEST_SMTP_SECURITY": "none",
        "DIGEST_BOUNCE_ADDRESS": "bounces@example.com",
        **settings,
    }
    app = installation(variables)
    with closing(app.database):
        fill(app, readers)
        plan(app)
        began, died = time.monotonic(), 0
        for threshold in sorted(random.choices(range(1, readers), k=kills)):  # noqa: S311 - no secret
            died += _killed(variables, folder, postfix, threshold)
        _send(variables, folder).wait()
        _drained(postfix)
        return _end(app, postfix, kills=died, seconds=time.monotonic() - began)


def _send(variables: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "digest", "send", "1", "--json"],
        cwd=folder,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _killed(variables: dict[str, str], folder: Path, postfix: RunningPostfix, most: int) -> bool:
    """Send until so many mails have arrived, and kill; return whether there was still a sender."""
    with _send(variables, folder) as process:
        while arrived(postfix) < most and process.poll() is None:
            time.sleep(0.01)
        lives = process.poll() is None
        if lives:
            os.killpg(process.pid, signal.SIGKILL)
    return lives


def arrived(postfix: RunningPostfix) -> int:
    """Return how many mails are in the Maildir."""
    new = postfix.maildir(CATCH_ALL) / "new"
    return sum(1 for _ in os.scandir(new)) if new.exists() else 0


def _drained(postfix: RunningPostfix) -> None:
    """Wait until Postfix has nothing left to deliver."""
    queues = [postfix.folder / "queue" / name for name in ("incoming", "active", "deferred")]
    while any(path.is_file() for queue in queues for path in queue.rglob("*")):
        time.sleep(0.05)


def _end(app: App, postfix: RunningPostfix, *, kills: int, seconds: float) -> JourneyEnd:
    copies: Counter[str] = Counter()
    mail_ids: Counter[str] = Counter()
    for path in postfix.mails(CATCH_ALL):
        raw = path.read_bytes()
        to, token = _TO.search(raw), _TOKEN.search(raw)
        assert to is not None
        assert token is not None
        copies[to[1].decode()] += 1
        mail_ids[app.return_paths.read(token[1].decode()).delivery] += 1
    with app.database.read() as session:
        rows = session.exec(
            select(Subscriber.address, Batch.state)
            .join(Delivery, col(Delivery.subscriber_id) == col(Subscriber.id))
            .join(Batch, col(Delivery.id).between(col(Batch.first_delivery), Batch.last_delivery))
            .where(col(Delivery.outcome).is_(None), Batch.state != BatchState.SPLIT)
        ).all()
        counts = count_deliveries(session, 1)
    return JourneyEnd(
        counts=counts,
        copies=copies,
        mail_ids=mail_ids,
        accepted=frozenset(a or "" for a, state in rows if state is BatchState.ACCEPTED),
        in_doubt=frozenset(a or "" for a, state in rows if state is BatchState.IN_DOUBT),
        kills=kills,
        seconds=seconds,
    )


def main() -> None:
    """Run the journey once, and print what became of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smtp_journey")
    parser.add_argument("--readers", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_postfix(CATCH_ALL) as postfix:
        end = journey(postfix, Path(folder), readers=wanted.readers, kills=wanted.kills)
    print(
        f"{wanted.readers:,} readers, {end.kills} deaths, {end.seconds:.0f} s |"
        f" arrived {sum(end.copies.values()):,}, doubled {end.doubled}, lost {end.lost},"
        f" unknown {end.unknown} | ledger: accepted {end.counts.accepted:,},"
        f" in doubt {end.counts.in_doubt} (of these {len(end.in_doubt & end.copies.keys())}"
        f" have arrived), pending {end.counts.pending}, balances {end.counts.balances}"
    )


if __name__ == "__main__":
    main()
