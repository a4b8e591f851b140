"""Another user for the length of a block: root may read and write anything there is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

NOBODY = 65534  #: a user's number


@contextmanager
def somebody_else() -> Iterator[None]:
    """Run as a user who doesn't own the test's files, since root may write anything."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(was)
