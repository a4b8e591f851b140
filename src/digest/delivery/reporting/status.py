"""Where an issue stands: counts that balance, and each problem with what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, func
from sqlalchemy import select as core_select
from sqlmodel import Session, col, select

from digest.delivery.counts import DeliveryCounts, count_deliveries
from digest.delivery.models import (
    Attempt,
    Batch,
    BatchState,
    CircuitBreaker,
    Decision,
    Delivery,
    DeliveryOutcome,
    MailEvent,
    Rollout,
    SeedCopy,
)
from digest.delivery.reporting.exclusions import ExclusionCount, exclusion_counts
from digest.delivery.sending import alive, count_outbox_copies, is_presumed_dead, waiting
from digest.issues.models import Edition, Issue, IssueState

#: After this long without news, while news of others came, an accepted batch is improbable: the
#: provider tells its events again for a day.
TELLING = timedelta(hours=25)


def weigh_evidence(session: Session, batch: Batch, since: datetime | None, now: datetime) -> str:
    """Say in words what is known about a batch in doubt, and how much its silence weighs."""
    accepted, heard = _others(session, batch)
    canary = session.get(SeedCopy, batch.edition_id)
    channel = _channel(heard, accepted, canary)
    if heard == 0 and (canary is None or canary.heard_at is None):
        return f"{channel}; so its silence says nothing"
    if since is None or now - since < TELLING:
        return f"{channel}; none of this batch yet"
    return f"{channel}, and none of this batch in {_age(now - since)}: probably never accepted"


def _others(session: Session, batch: Batch) -> tuple[int, int]:
    """How many batches of the edition were accepted, and of how many there is news."""
    told = exists().where(
        col(MailEvent.delivery_id).between(col(Batch.first_delivery), col(Batch.last_delivery))
    )
    accepted = (
        core_select(func.count())
        .select_from(Batch)
        .where(col(Batch.edition_id) == batch.edition_id, col(Batch.state) == BatchState.ACCEPTED)
    )
    connection = session.connection()
    return (
        connection.execute(accepted).scalar_one(),
        connection.execute(accepted.where(told)).scalar_one(),
    )


def _channel(heard: int, accepted: int, canary: SeedCopy | None) -> str:
    of_others = f"news came of {heard} of {accepted} accepted batches"
    if canary is None:
        return of_others
    if canary.heard_at is None:
        return f"{of_others}, none of the canary"
    after = canary.heard_at - canary.sent_at
    return f"{of_others}, and of the canary after {_age(after)}"


def _age(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            number = seconds // size
            return f"{number} {name}{'s' if number > 1 else ''}"
    return f"{seconds} s"


MOST_REFUSED = 0.02  #: of those an issue was offered to; more is a problem, and exit code 1
_TO_BE_SENT = [BatchState.PENDING, BatchState.CLAIMED]
SILENCE = timedelta(hours=1)  #: after an issue was sent; the provider tells within a minute


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is stuck, and the next step a person can take."""

    what: str
    next_step: str
    batch: str | None = None  #: the beginning of its key
    readers: int = 0
    since: datetime | None = None
    evidence: str | None = None  #: what speaks for and against, where it is a doubt


@dataclass(frozen=True, kw_only=True)
class IssueStatus:
    """One issue's standing."""

    issue: int | None
    period: str
    state: IssueState
    counts: DeliveryCounts
    problems: tuple[Problem, ...]
    aside: tuple[ExclusionCount, ...] = ()  #: why readers were left out
    note: str = ""  #: why it was paused, cancelled or skipped
    rehearsed: int = 0  #: copies that lie in the outbox folder and reached nobody

    def as_dict(self) -> dict[str, Any]:
        """Return it in plain values, the numbers at the top level."""
        return {
            "issue": self.issue,
            "period": self.period,
            "state": self.state,
            "note": self.note,
            **self.counts.as_dict(),
            "in_outbox": self.rehearsed,
            "left_out": [asdict(each) for each in self.aside],
            "problems": [asdict(each) for each in self.problems],
        }


def issue_status(
    session: Session,
    issue: Issue,
    edition: Edition,
    now: datetime,
    *,
    is_alive: Callable[[str], bool | None] = alive,
) -> IssueStatus:
    """Read where an issue stands.

    *now* and *is_alive* tell which requests are under way and which were left by a dead sender:
    those are in doubt, whether or not somebody has taken note of it.
    """
    counts, in_outbox = (
        count_deliveries(session, edition.id or 0),
        count_outbox_copies(session, edition.id or 0),
    )
    held = _held(session, edition, now, is_alive)
    lost = sum(batch.size for batch, _ in held if batch.state is BatchState.STARTED)
    counts = replace(counts, under_way=counts.under_way - lost)
    unheard = _unheard(session, issue, edition, counts.accepted - in_outbox, now)
    return IssueStatus(
        issue=issue.number,
        period=issue.period,
        state=issue.state,
        counts=counts,
        problems=(
            *_paused(session, issue, edition, counts),
            *_problems(session, issue, edition, now),
            *(_left_by(session, batch, attempt, issue, now) for batch, attempt in held),
            *unheard,
        ),
        aside=(*exclusion_counts(session, edition.id or 0), *_called_off(issue, counts)),
        note=issue.note,
        rehearsed=in_outbox,
    )


def _called_off(issue: Issue, counts: DeliveryCounts) -> Iterator[ExclusionCount]:
    if counts.called_off:
        why = f"the issue was cancelled: {issue.note}"
        yield ExclusionCount(
            outcome=DeliveryOutcome.EXCLUDED, reason=why, readers=counts.called_off
        )


def _paused(
    session: Session, issue: Issue, edition: Edition, counts: DeliveryCounts
) -> Iterator[Problem]:
    """Say why an issue is paused, and when the provider refused more than a few of its readers."""
    again = f"digest send {issue.number} --refused-again"
    nobody_waits = counts.pending == 0 and counts.in_doubt == 0
    if issue.state is IssueState.PAUSED:
        step = again if nobody_waits and counts.refused else f"digest resume {issue.number}"
        if waiting(session, [edition.id or 0]):
            step += (
                " (the rest waits for the first wave's news; to let it go whatever that is: digest"
                f" resume {issue.number} --past-first-wave)"
            )
        yield Problem(what=f"paused: {issue.note}", next_step=f"mend that, then: {step}")
    if refused_too_many(counts) and counts.accepted:
        part = counts.refused / (counts.accepted + counts.refused)
        yield Problem(
            what=f"the provider refused {part:.1%} of its readers (bound {MOST_REFUSED:.0%})",
            next_step=(
                f"digest status {issue.number} --who tells who they are; to offer it to them once"
                f" more: {again}"
            ),
            readers=counts.refused,
        )


def refused_too_many(counts: DeliveryCounts) -> bool:
    """Tell whether so many were refused that it is hardly about their addresses."""
    return counts.refused > MOST_REFUSED * (counts.accepted + counts.refused)


def _problems(session: Session, issue: Issue, edition: Edition, now: datetime) -> Iterator[Problem]:
    yield from _slowed(session, issue, edition)
    rows = session.exec(
        select(Batch, Attempt)
        .join(Attempt, col(Attempt.key) == col(Batch.attempt), isouter=True)
        .where(
            col(Batch.edition_id) == edition.id,
            col(Batch.state).in_([BatchState.IN_DOUBT, BatchState.PARKED]),
        )
        .order_by(col(Batch.number))
    ).all()
    for batch, attempt in rows:
        yield from _problem_of(session, batch, attempt, issue, now)
    yield from _wave(session, issue, edition)
    yield from _contradictions(session, edition)


def _unheard(
    session: Session, issue: Issue, edition: Edition, accepted: int, now: datetime
) -> Iterator[Problem]:
    """Say when the provider took mails and has told nothing of any of them."""
    if issue.sent_at is None or now - issue.sent_at < SILENCE or accepted <= 0:
        return
    heard = session.exec(
        select(Delivery.id)
        .where(Delivery.edition_id == edition.id, col(Delivery.news).is_not(None))
        .limit(1)
    ).first()
    if heard is None:
        yield Problem(
            what="no news has come of any of its mails: bounces and complaints go unheard",
            next_step="does the provider's event webhook post to this site? digest events status",
            readers=accepted,
            since=issue.sent_at,
        )


def _slowed(session: Session, issue: Issue, edition: Edition) -> Iterator[Problem]:
    """Say that an issue is held back because its requests fail in a row."""
    breaker = session.get(CircuitBreaker, edition.id)
    if issue.state is not IssueState.PREPARED or breaker is None or breaker.probe_at is None:
        return
    unsent = select(Batch.id).where(
        Batch.edition_id == edition.id, col(Batch.state).in_(_TO_BE_SENT)
    )
    if session.exec(unsent.limit(1)).first() is None:
        return
    under_way = breaker.probe is not None
    when = "one is tried now" if under_way else f"one is tried at {breaker.probe_at:%H:%M:%S} UTC"
    yield Problem(
        what=f"held back: {breaker.failures} requests in a row failed: {breaker.reason}",
        next_step=(
            f"digest send {issue.number} (or digest run) goes on by itself, with one batch at a"
            f" time until one is accepted ({when}); to try all at once: digest resume"
            f" {issue.number}"
        ),
        since=breaker.since,
    )


def _wave(session: Session, issue: Issue, edition: Edition) -> Iterator[Problem]:
    wave = session.get(Rollout, edition.id)
    if issue.state is not IssueState.PREPARED or wave is None:
        return
    if wave.judge_at is not None and wave.passed_at is None:
        yield Problem(
            what=f"the first wave is out; the rest waits until {wave.judge_at:%H:%M} UTC",
            next_step=(
                f"digest send {issue.number} goes on by itself then, unless too many bounce or"
                " complain"
            ),
        )


def _problem_of(
    session: Session,
    batch: Batch,
    attempt: Attempt | None,
    issue: Issue,
    now: datetime,
) -> Iterator[Problem]:
    short = batch.key[:8]
    since = attempt.started_at or attempt.claimed_at if attempt else None
    if batch.state is BatchState.IN_DOUBT:
        yield Problem(
            what=f"may have been sent: {batch.note}",
            next_step=(
                "wait for the provider's events, which settle it by themselves; or look at the"
                f" provider's activity and decide: digest resolve {short} accepted|unsent"
                " --by NAME --why TEXT"
            ),
            batch=short,
            readers=batch.size,
            since=since,
            evidence=weigh_evidence(session, batch, since, now),
        )
    elif batch.state is BatchState.PARKED:
        yield Problem(
            what=f"not sent, and not tried again: {batch.note}",
            next_step=f"mend that, then: digest resume {issue.number}",
            batch=short,
            readers=batch.size,
        )


def _held(
    session: Session, edition: Edition, now: datetime, is_alive: Callable[[str], bool | None]
) -> list[tuple[Batch, Attempt]]:
    """Return what is held by senders that are dead, or haven't been heard of for a lease."""
    rows = session.exec(
        select(Batch, Attempt)
        .join(Attempt, col(Attempt.key) == col(Batch.attempt))
        .where(
            col(Batch.edition_id) == edition.id,
            col(Batch.state).in_([BatchState.STARTED, BatchState.CLAIMED]),
        )
        .order_by(col(Batch.number))
    )
    return [(batch, attempt) for batch, attempt in rows if is_presumed_dead(attempt, now, is_alive)]


def _left_by(
    session: Session, batch: Batch, attempt: Attempt, issue: Issue, now: datetime
) -> Problem:
    """Say what a sender left behind that has ended, and that nobody has taken up yet."""
    since = attempt.started_at or attempt.claimed_at
    started = batch.state is BatchState.STARTED
    return Problem(
        what=(
            "may have been sent: its sender ended while the request was under way"
            if started
            else "not sent: its sender ended before its request left"
        ),
        next_step=(
            f"digest send {issue.number} puts that on record and sends what else waits; this batch"
            " is settled by the provider's events, or by you with digest resolve"
            if started
            else f"digest send {issue.number} takes it up again"
        ),
        batch=batch.key[:8],
        readers=batch.size,
        since=since,
        evidence=weigh_evidence(session, batch, since, now) if started else None,
    )


def _contradictions(session: Session, edition: Edition) -> Iterator[Problem]:
    wrong = session.exec(
        select(Decision, Batch)
        .join(Batch, col(Batch.id) == col(Decision.batch_id))
        .where(col(Batch.edition_id) == edition.id, col(Decision.contradicted).is_not(None))
    ).all()
    for decision, batch in wrong:
        copies = decision.contradicted or 0
        yield Problem(
            what=(
                f"{f'{copies} readers' if copies else 'nobody'} got two copies: {decision.by}"
                f" decided {decision.verdict} ({decision.why}), and the provider has proved"
                " otherwise"
            ),
            next_step=(
                "nothing can take the second copy back; consider a word to the readers"
                if copies
                else "nothing; the proof came before anything was sent again"
            ),
            batch=batch.key[:8],
            readers=copies,
            since=decision.at,
        )
