"""Files that hold addresses, readable by their owner only.

Hides how such a file is opened, restricted and continued.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TextIO


def private(path: Path, *, keep: int = 0, each_line: bool = False) -> TextIO:
    """Open a file for writing text, with access for its owner only.

    The file is truncated to *keep* bytes. With *each_line* each line is flushed.
    """
    number = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    if stat.S_ISREG(os.fstat(number).st_mode):  # and not a pipe or a terminal
        os.fchmod(number, 0o600)
        os.ftruncate(number, keep)
        os.lseek(number, keep, os.SEEK_SET)
    buffering = 1 if each_line else -1
    return os.fdopen(number, "w", buffering, encoding="utf-8", newline="", errors="replace")
