"""Settle a request whose readers fared differently, each run of them by what became of it.

This module decides which readers share a batch afterwards: those who follow each other and fared
alike. Refused readers are marked by name, and divide no run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlmodel import Session

from digest.delivery.models import BatchState
from digest.delivery.sending import circuit_breaker
from digest.delivery.sending.settlement.batch_parts import BatchPart, divide, mark_refused
from digest.delivery.sending.settlement.consequences import (
    RetryPolicy,
    Settlement,
    count_failure,
    pause_issue,
)
from digest.mail.transport import (
    Accepted,
    Halted,
    InDoubt,
    Mixed,
    NotSent,
    Refused,
    SingleAnswer,
)


def act_on_mixed(
    session: Session,
    batch: Any,
    readers: Sequence[int],
    answer: Mixed,
    now: datetime,
    retry_policy: RetryPolicy,
) -> Settlement:
    """Move each run of readers on by its answer, and the issue by all of them together."""
    fates = list(zip(readers, answer.answers, strict=True))
    refused = {
        reader: each.detail for reader, each in fates if _is_final(each, batch, retry_policy)
    }
    if refused:
        mark_refused(session, refused)
    left = [(reader, each) for reader, each in fates if reader not in refused]
    runs = [[*run] for _, run in groupby(left, lambda fate: replace(fate[1], detail=""))]
    parts = [
        BatchPart([reader for reader, _ in run], _columns(run[0][1], batch, now, retry_policy))
        for run in runs
    ]
    divide(session, batch, parts)
    return _of_issue(session, batch, answer, now, retry_policy)


def put_off_for_good(answer: SingleAnswer, tries: int, retry_policy: RetryPolicy) -> bool:
    """Return whether a reader is refused who was put off by the provider once more."""
    is_put_off = isinstance(answer, NotSent) and answer.about_recipient
    return is_put_off and tries + 1 >= retry_policy.most_put_off


def _is_final(answer: SingleAnswer, batch: Any, retry_policy: RetryPolicy) -> bool:
    return isinstance(answer, Refused) or put_off_for_good(answer, batch.tries, retry_policy)


def _columns(
    answer: SingleAnswer, batch: Any, now: datetime, retry_policy: RetryPolicy
) -> dict[str, Any]:
    """Return the state of the readers who got this answer."""
    match answer:
        case Accepted():
            return {"state": BatchState.ACCEPTED, "attempt": batch.attempt, "note": ""}
        case InDoubt():
            return {
                "state": BatchState.IN_DOUBT,
                "attempt": batch.attempt,
                "note": answer.detail,
            }
        case NotSent():
            tries = batch.tries + answer.counts
            is_over = tries >= retry_policy.most_tries
            wait = retry_policy.wait(batch.tries, answer.wait)
            return {
                "state": BatchState.PARKED if is_over else BatchState.PENDING,
                "attempt": None,
                "tries": tries,
                "not_before": now + timedelta(seconds=wait),
                "note": answer.detail,
            }
    return {"state": BatchState.PENDING, "attempt": None, "tries": batch.tries}


def _of_issue(
    session: Session, batch: Any, answer: Mixed, now: datetime, retry_policy: RetryPolicy
) -> Settlement:
    """Return what all answers together mean for the issue: go on, slow down, or pause."""
    answers = answer.answers
    settled = Settlement(
        outcome=answer.outcome,
        count=len(answers),
        accepted=sum(isinstance(each, Accepted) for each in answers),
        detail=answer.detail,
        wait=max((_pause(each, retry_policy) for each in answers), default=0.0) or None,
    )
    halts = next((each for each in answers if _halts(each)), None)
    if halts is not None:
        pause_issue(session, batch.edition_id, halts.detail, now)
        settled = replace(settled, stop=True, detail=halts.detail)
    failure = next((each for each in answers if _is_failure(each)), None)
    if settled.accepted:
        resumes = circuit_breaker.accepted(session, batch.id)
        settled = replace(settled, resumes=resumes)
    elif isinstance(failure, InDoubt | NotSent):
        return count_failure(session, batch, failure, settled, now, retry_policy)
    else:
        circuit_breaker.refused(
            session, edition_id=batch.edition_id, attempt=batch.attempt, now=now
        )
    return settled


def _halts(answer: SingleAnswer) -> bool:
    return isinstance(answer, Halted) or (isinstance(answer, InDoubt) and answer.halts)


def _is_failure(answer: SingleAnswer) -> bool:
    if isinstance(answer, NotSent):
        return answer.counts and not answer.about_recipient
    return isinstance(answer, InDoubt)


def _pause(answer: SingleAnswer, retry_policy: RetryPolicy) -> float:
    """Return the seconds without requests that an answer asks for."""
    if not isinstance(answer, NotSent) or answer.counts or answer.about_recipient:
        return 0.0
    return retry_policy.wait(0, answer.wait) if answer.wait else 0.0
