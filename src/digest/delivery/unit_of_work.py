"""What the ledger needs of a database."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from sqlmodel import Session


class UnitOfWork(Protocol):
    """Hands out sessions, one a unit of work."""

    def read(self) -> AbstractContextManager[Session]:
        """Open a session that only reads."""
        ...

    def write(self) -> AbstractContextManager[Session]:
        """Open a session that commits durably at the end, or leaves nothing."""
        ...
