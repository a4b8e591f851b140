"""One thing that was looked at in an installation, and how much it counts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class HealthLevel(StrEnum):
    """How much a fact counts."""

    FINE = "fine"  #: as it should be
    WARNING = "warning"  #: it works, and somebody ought to look
    REFUSED = "refused"  #: `digest run` doesn't start with it


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """One thing that was looked at."""

    about: str
    weight: HealthLevel
    says: str
    next_step: str = ""


def fine(about: str, says: str) -> HealthCheck:
    """Say that something is as it should be."""
    return HealthCheck(about=about, weight=HealthLevel.FINE, says=says)


def warning(about: str, says: str, next_step: str) -> HealthCheck:
    """Say that somebody ought to look at something."""
    return HealthCheck(about=about, weight=HealthLevel.WARNING, says=says, next_step=next_step)


def refused(about: str, says: str, next_step: str) -> HealthCheck:
    """Say that nothing starts with it."""
    return HealthCheck(about=about, weight=HealthLevel.REFUSED, says=says, next_step=next_step)
