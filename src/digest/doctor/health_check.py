"""The result of one check, and its level.

Hides how a finding and its next step are represented, for text and JSON alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class HealthLevel(StrEnum):
    """How serious a result is."""

    FINE = "fine"  #: nothing to do
    WARNING = "warning"  #: it works, and a person should look
    FAULT = "fault"  #: no mail leaves until a person acts; `digest run` starts all the same
    REFUSED = "refused"  #: `digest run` refuses to start


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """The result of one check: subject, level, finding, and the next step for a person."""

    about: str
    weight: HealthLevel
    says: str
    next_step: str = ""


def fine(about: str, says: str) -> CheckResult:
    """Return a result that needs no action."""
    return CheckResult(about=about, weight=HealthLevel.FINE, says=says)


def warning(about: str, says: str, next_step: str) -> CheckResult:
    """Return a result that a person should look at."""
    return CheckResult(about=about, weight=HealthLevel.WARNING, says=says, next_step=next_step)


def fault(about: str, says: str, next_step: str) -> CheckResult:
    """Return a result that keeps mail from leaving, while the site works."""
    return CheckResult(about=about, weight=HealthLevel.FAULT, says=says, next_step=next_step)


def refused(about: str, says: str, next_step: str) -> CheckResult:
    """Return a result that keeps the service from starting."""
    return CheckResult(about=about, weight=HealthLevel.REFUSED, says=says, next_step=next_step)
