"""Hides how rejected webhook posts are counted, so that a wrong key is noticed.

Nothing of a post's content is kept: each post adds one byte to a file for the day and the reason,
beside the spool, up to `MOST` bytes.
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

MOST = 1_000_000  #: posts counted for one reason and day; also the size limit of the file in bytes
KEPT = timedelta(days=7)  #: age at which a day's file is deleted
QUIET = timedelta(minutes=1)  #: between two log lines for one reason
_SUFFIX = ".turned-away"
log = logging.getLogger(__name__)


class RejectionReason(StrEnum):
    """Why a post was rejected."""

    UNSIGNED = "unsigned"
    TOO_LARGE = "too-large"
    BUSY = "busy"
    FULL = "full"


_DESCRIPTIONS = {
    RejectionReason.UNSIGNED: "not signed with a key of DIGEST_WEBHOOK_KEYS",
    RejectionReason.TOO_LARGE: "larger than the provider's posts are",
    RejectionReason.BUSY: "too many at once; the provider tells them again",
    RejectionReason.FULL: "they couldn't be stored; the provider tells them again",
}


@dataclass
class RejectedPosts:
    """Counts rejected posts across processes and restarts, and logs them at most once a minute."""

    folder: Path
    _quiet_until: dict[RejectionReason, datetime] = field(default_factory=dict)
    _unlogged: dict[RejectionReason, int] = field(default_factory=dict)

    def note(self, reason: RejectionReason, now: datetime, detail: str = "") -> None:
        """Count and log one rejected post; a disk that can't be written to loses only the count."""
        with suppress(OSError):
            self._count(self._file(reason, now.astimezone(UTC).date()), now)
        self._log(reason, now, detail)

    def since_yesterday(self, now: datetime) -> Mapping[RejectionReason, int]:
        """Return the number of posts of today and yesterday (UTC) by reason, without zeros."""
        today = now.astimezone(UTC).date()
        days = (today, today - timedelta(days=1))
        counts = {r: sum(_size(self._file(r, day)) for day in days) for r in RejectionReason}
        return {reason: number for reason, number in counts.items() if number}

    def _file(self, reason: RejectionReason, day: date) -> Path:
        return self.folder / f"{day}.{reason}{_SUFFIX}"

    def _count(self, path: Path, now: datetime) -> None:
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._drop_old(now)
        # Appending one byte is atomic between processes (O_APPEND).
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

    def _log(self, reason: RejectionReason, now: datetime, detail: str) -> None:
        self._unlogged[reason] = self._unlogged.get(reason, 0) + 1
        until = self._quiet_until.get(reason)
        if until is not None and now < until:
            return
        self._quiet_until[reason] = now + QUIET
        number = self._unlogged.pop(reason)
        level = logging.ERROR if reason is RejectionReason.FULL else logging.WARNING
        description = f"{_DESCRIPTIONS[reason]} ({detail})" if detail else _DESCRIPTIONS[reason]
        log.log(level, "webhook: turned away %d post(s): %s", number, description)


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
