"""Define the transactions that delivery asks a database for.

The interface hides which database it is, and how a commit becomes durable.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from sqlmodel import Session


class UnitOfWork(Protocol):
    """A source of sessions, one per unit of work."""

    def read(self) -> AbstractContextManager[Session]:
        """Return a context manager that opens a session for reading only."""
        ...

    def write(self) -> AbstractContextManager[Session]:
        """Return a context manager whose session commits durably at its end, or rolls back."""
        ...
