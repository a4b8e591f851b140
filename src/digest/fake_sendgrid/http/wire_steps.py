"""The steps a connection can perform: the vocabulary in which faults describe an answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WriteBytes:
    """Write these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait for *seconds*."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Wait until the other side closes, at most *seconds*, then close."""

    seconds: float


@dataclass(frozen=True, slots=True)
class CloseConnection:
    """Close the connection; *reset* sends RST in place of FIN."""

    reset: bool = False


@dataclass(frozen=True, slots=True)
class Kill:
    """Send SIGKILL to the process *pid*."""

    pid: int


Step = WriteBytes | Pause | Hang | CloseConnection | Kill
