"""Files that hold addresses: nobody but their owner may read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TextIO


def private(path: Path, *, keep: int = 0, each_line: bool = False) -> TextIO:
    """Open a file to write text into; one that is there is closed to others.

    It is cut after the first *keep* bytes. With *each_line*, no line waits in memory for the next.
    """
    number = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    if stat.S_ISREG(os.fstat(number).st_mode):  # and not a pipe or a terminal
        os.fchmod(number, 0o600)
        os.ftruncate(number, keep)
        os.lseek(number, keep, os.SEEK_SET)
    buffering = 1 if each_line else -1
    return os.fdopen(number, "w", buffering, encoding="utf-8", newline="", errors="replace")
