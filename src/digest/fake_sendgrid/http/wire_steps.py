"""What the server does on a connection instead of plainly answering."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WriteBytes:
    """Write these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Do nothing until the other side gives up, or for so many seconds, then close."""

    seconds: float


@dataclass(frozen=True, slots=True)
class CloseConnection:
    """Close the connection; *reset* sends RST in place of an orderly end."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class Kill:
    """Send SIGKILL to a process."""

    pid: int


Step = WriteBytes | Pause | Hang | CloseConnection | Kill
