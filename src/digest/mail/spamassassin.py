"""What SpamAssassin says of a mail, on this machine and without asking the network."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from digest.errors import DigestError

SECONDS = 60.0
_SCORE = re.compile(rb"^Content analysis details:\s+\((-?[\d.]+) points", re.MULTILINE)
_TEST = re.compile(rb"^\s*(-?\d+\.\d) ([A-Z][A-Z0-9_]+)\s+(\S.*)$", re.MULTILINE)


class NoSpamAssassin(DigestError):
    """SpamAssassin isn't installed."""

    next_step = "apt-get install spamassassin"


@dataclass(frozen=True, kw_only=True)
class SpamRule:
    """One test that fired: its points, which may be 0 or below, and what it is about."""

    name: str
    points: float
    words: str


@dataclass(frozen=True, kw_only=True)
class SpamScore:
    """The points of a mail, and the tests they come from; 5 and more is taken for spam."""

    score: float
    tests: Sequence[SpamRule]


def judge(mail: EmailMessage, *, now: datetime, program: str = "spamassassin") -> SpamScore:
    """Ask SpamAssassin about a mail as a mailbox gets it; takes seconds.

    Raises `NoSpamAssassin`, and `DigestError` when it gives no answer.
    """
    found = shutil.which(program)
    if found is None:
        raise NoSpamAssassin
    try:
        said = subprocess.run(  # noqa: S603 - a program of the system's, nothing of a user's
            [found, "--local", "--test-mode"],
            input=as_received(mail, now).as_bytes(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        ).stdout
    except subprocess.TimeoutExpired:
        raise DigestError(f"SpamAssassin took longer than {SECONDS:g} seconds") from None
    return read(said)


def as_received(mail: EmailMessage, now: datetime) -> EmailMessage:
    """Return a mail with what the provider adds on the way: a date and an id."""
    if "Date" not in mail:
        mail["Date"] = format_datetime(now)
    if "Message-ID" not in mail:
        domain = str(mail["From"]).rpartition("@")[2].rstrip(">")
        mail["Message-ID"] = f"<{now:%Y%m%d%H%M%S}.digest@{domain}>"
    return mail


def read(said: bytes) -> SpamScore:
    """Read SpamAssassin's report; raises `DigestError` when there is none."""
    score = _SCORE.search(said)
    if score is None:
        raise DigestError("SpamAssassin gave no answer that can be read")
    table = said[score.end() :]
    tests = {
        name.decode(): SpamRule(
            name=name.decode(), points=float(points), words=words.decode(errors="replace").strip()
        )
        for points, name, words in _TEST.findall(table)
    }
    return SpamScore(score=float(score[1]), tests=list(tests.values()))
