"""Decide what an answer means for the issue as a whole: go on, slow down, or pause."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlmodel import Session, col

from digest.delivery.sending import circuit_breaker
from digest.delivery.sending.circuit_breaker import BreakerLimits
from digest.issues.announcing import announce_paused
from digest.issues.models import Edition, Issue, IssueState
from digest.mail.transport import InDoubt, NotSent


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often, and after which waits in seconds, a batch is sent again."""

    first_wait: float = 2.0
    longest_wait: float = 600.0
    most_tries: int = 100  #: of one batch: over half a day with the longest wait
    most_rounds: int = 25  #: requests per batch while the provider names one reader a time
    most_splits: int = 24  #: splits per original batch, to find the readers it is refused for
    most_put_off: int = 12  #: tries for a reader whom the provider puts off, before it's a refusal
    most_alone: int = 5  #: requests for one reader who is refused without being named
    #: Failures of the issue as a whole.
    breaker_limits: BreakerLimits = field(default_factory=BreakerLimits)
    jitter: Callable[[], float] = random.random

    def wait(self, tries: int, retry_after: float | None) -> float:
        """Return the seconds before the next attempt, with up to 10 % jitter added.

        They are *retry_after* where the provider names it, and double with each try elsewhere.
        """
        seconds = self.first_wait * 2 ** min(tries, 30) if retry_after is None else retry_after
        return min(seconds, self.longest_wait) * (1 + 0.1 * self.jitter())


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """The result of settling one attempt, for the sender and its progress line."""

    outcome: str  #: a `SendOutcome`, or what stands in its place: "parked" or "superseded"
    count: int  #: readers in the request
    accepted: int = 0  #: readers accepted, where they fared differently
    detail: str = ""
    #: Seconds without requests that the provider asks for; every machine keeps to them.
    wait: float | None = None
    stop: bool = False  #: whether the issue was paused
    resumes: bool = False  #: whether it closed the circuit breaker, so that the rest may go


def count_failure(
    session: Session,
    batch: Any,
    answer: InDoubt | NotSent,
    settlement: Settlement,
    now: datetime,
    retry_policy: RetryPolicy,
    *,
    retry_after: float | None = None,
) -> Settlement:
    """Count a failed request; slow the issue down, or pause it, when too many fail in a row."""
    tripped = circuit_breaker.failed(
        session,
        edition_id=batch.edition_id,
        attempt=batch.attempt,
        answer=answer,
        now=now,
        limits=retry_policy.breaker_limits,
        retry_after=retry_after,
    )
    if tripped.give_up:
        pause_issue(session, batch.edition_id, tripped.give_up, now)
        return replace(settlement, detail=tripped.give_up, stop=True)
    if tripped.until is not None:
        detail = f"{settlement.detail}; one batch is tried at {tripped.until:%H:%M:%S} UTC"
        return replace(settlement, detail=detail)
    return settlement


def pause_issue(session: Session, edition_id: int, why: str, now: datetime) -> None:
    """Pause the issue of an edition, with the reason, until a person resumes it."""
    of_edition = (
        select(col(Edition.issue_id)).where(col(Edition.id) == edition_id).scalar_subquery()
    )
    paused = session.connection().execute(
        update(Issue)
        .where(col(Issue.id) == of_edition, col(Issue.state) == IssueState.PREPARED)
        .values(state=IssueState.PAUSED, note=why)
        .returning(col(Issue.id))
    )
    for issue_id in paused.scalars():
        announce_paused(session, session.get_one(Issue, issue_id), why, now)
