"""Hides how SpamAssassin is run and its report read: locally, without network tests."""

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

SECONDS = 60.0  #: time limit of one run
_SCORE = re.compile(rb"^Content analysis details:\s+\((-?[\d.]+) points", re.MULTILINE)
_TEST = re.compile(rb"^\s*(-?\d+\.\d) ([A-Z][A-Z0-9_]+)\s+(\S.*)$", re.MULTILINE)


class NoSpamAssassin(DigestError):
    """SpamAssassin isn't installed."""

    next_step = "apt-get install spamassassin"


@dataclass(frozen=True, kw_only=True)
class SpamRule:
    """One rule that matched, with its points (0 or less is possible) and description."""

    name: str
    points: float
    description: str


@dataclass(frozen=True, kw_only=True)
class SpamScore:
    """The score of a mail and its rules; SpamAssassin's default threshold for spam is 5."""

    score: float
    rules: Sequence[SpamRule]


def score_mail(mail: EmailMessage, *, now: datetime, program: str = "spamassassin") -> SpamScore:
    """Return SpamAssassin's score of a mail as a mailbox receives it; one run takes seconds.

    Raise `NoSpamAssassin` if the program isn't installed, and `DigestError` if it times out or its
    report can't be read.
    """
    executable = shutil.which(program)
    if executable is None:
        raise NoSpamAssassin
    try:
        report = subprocess.run(  # noqa: S603 - a system program, without user input
            [executable, "--local", "--test-mode"],
            input=as_received(mail, now).as_bytes(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        ).stdout
    except subprocess.TimeoutExpired:
        raise DigestError(f"SpamAssassin took longer than {SECONDS:g} seconds") from None
    return parse_report(report)


def as_received(mail: EmailMessage, now: datetime) -> EmailMessage:
    """Add the headers the provider would add, Date and Message-ID, and return the mail."""
    if "Date" not in mail:
        mail["Date"] = format_datetime(now)
    if "Message-ID" not in mail:
        domain = str(mail["From"]).rpartition("@")[2].rstrip(">")
        mail["Message-ID"] = f"<{now:%Y%m%d%H%M%S}.digest@{domain}>"
    return mail


def parse_report(report: bytes) -> SpamScore:
    """Return the score from SpamAssassin's report; raise `DigestError` if it can't be read."""
    score = _SCORE.search(report)
    if score is None:
        raise DigestError("SpamAssassin gave no answer that can be read")
    table = report[score.end() :]
    rules = {
        name.decode(): SpamRule(
            name=name.decode(),
            points=float(points),
            description=text.decode(errors="replace").strip(),
        )
        for points, name, text in _TEST.findall(table)
    }
    return SpamScore(score=float(score[1]), rules=list(rules.values()))
