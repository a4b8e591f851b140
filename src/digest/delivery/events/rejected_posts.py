"""Counts posts that were turned away at the door, so that a wrong key is noticed.

Nothing of what they held is kept: a byte a post, in a file a day beside the spool, up to a bound.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

MOST = 1_000_000  #: of a kind that are counted in a day; a bound for the disk, too
KEPT = timedelta(days=7)
QUIET = timedelta(minutes=1)  #: between two lines of one kind in the log
_SUFFIX = ".turned-away"
log = logging.getLogger(__name__)


class RejectionReason(StrEnum):
    """Why a post was turned away."""

    UNSIGNED = "unsigned"
    TOO_LARGE = "too-large"
    BUSY = "busy"
    FULL = "full"


_SAYS = {
    RejectionReason.UNSIGNED: "not signed with a key of DIGEST_WEBHOOK_KEYS",
    RejectionReason.TOO_LARGE: "larger than the provider's posts are",
    RejectionReason.BUSY: "too many at once; the provider tells them again",
    RejectionReason.FULL: "they couldn't be stored; the provider tells them again",
}


@dataclass
class RejectedPosts:
    """Counts, across processes and restarts, and logs now and then."""

    folder: Path
    _quiet_until: dict[RejectionReason, datetime] = field(default_factory=dict)
    _unsaid: dict[RejectionReason, int] = field(default_factory=dict)

    def note(self, reason: RejectionReason, now: datetime, detail: str = "") -> None:
        """Count one more post. A disk that can't be written to loses the count, not the answer."""
        with suppress(OSError):
            self._count(self._file(reason, now.astimezone(UTC).date()), now)
        self._say(reason, now, detail)

    def since_yesterday(self, now: datetime) -> Mapping[RejectionReason, int]:
        """Count the posts of today and yesterday (UTC) by reason, those with none left out."""
        today = now.astimezone(UTC).date()
        days = (today, today - timedelta(days=1))
        found = {r: sum(_size(self._file(r, day)) for day in days) for r in RejectionReason}
        return {reason: number for reason, number in found.items() if number}

    def _file(self, reason: RejectionReason, day: date) -> Path:
        return self.folder / f"{day}.{reason}{_SUFFIX}"

    def _count(self, path: Path, now: datetime) -> None:
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._drop_old(now)
        # Appending one byte is whole or not at all, whichever process does it.
        number = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            if os.fstat(number).st_size < MOST:
                os.write(number, b".")
        finally:
            os.close(number)

    def _drop_old(self, now: datetime) -> None:
        oldest = f"{(now - KEPT).astimezone(UTC).date()}"
        for path in self.folder.glob(f"*{_SUFFIX}"):
            if path.name < oldest:
                path.unlink(missing_ok=True)

    def _say(self, reason: RejectionReason, now: datetime, detail: str) -> None:
        self._unsaid[reason] = self._unsaid.get(reason, 0) + 1
        until = self._quiet_until.get(reason)
        if until is not None and now < until:
            return
        self._quiet_until[reason] = now + QUIET
        number = self._unsaid.pop(reason)
        level = logging.ERROR if reason is RejectionReason.FULL else logging.WARNING
        says = f"{_SAYS[reason]} ({detail})" if detail else _SAYS[reason]
        log.log(level, "webhook: turned away %d post(s): %s", number, says)


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
