"""Files that hold addresses: nobody but their owner may read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TextIO


def private(path: Path) -> TextIO:
    """Open a file to write text into; one that is there is emptied, and closed to others."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    if stat.S_ISREG(os.fstat(number).st_mode):  # and not a pipe or a terminal
        os.fchmod(number, 0o600)
    return os.fdopen(number, "w", encoding="utf-8", newline="", errors="replace")
