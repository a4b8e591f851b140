"""Decides what is reported as a problem of an issue, and which next step each problem names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, cast

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from digest.delivery.counts import DeliveryCounts
from digest.delivery.models import (
    Attempt,
    Batch,
    BatchState,
    CircuitBreaker,
    Decision,
    Delivery,
    DeliveryOutcome,
    Rollout,
)
from digest.delivery.pace import UNLIMITED, Pace, stop_reason, waits
from digest.delivery.reporting import doubt_evidence
from digest.delivery.reporting.exclusions import ExclusionCount, exclusion_counts
from digest.delivery.sending import count_outbox_copies, is_presumed_dead, waiting
from digest.delivery.settled_counts import counts_and_exclusions
from digest.issues.issue_commands import named
from digest.issues.models import Edition, Issue, IssueState
from digest.process_id import alive

#: A sender of an older version that outlived the upgrade may have stored a word of its own.
_WITHOUT_OUTCOME = defer(cast("Any", Attempt.outcome))


MOST_REFUSED = 0.02  #: share of offered readers; a larger share is a problem, and exit code 1
_TO_BE_SENT = [BatchState.PENDING, BatchState.CLAIMED]
#: After an issue was sent; the first events usually come within a minute.
SILENCE = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is stuck, and the next step for a person."""

    what: str
    next_step: str
    batch: str | None = None  #: the first 8 characters of the batch's key
    readers: int = 0
    since: datetime | None = None
    evidence: str | None = None  #: for a batch in doubt, what speaks for and against acceptance


class IssuePhase(StrEnum):
    """Where an issue is, in the word that people read."""

    BUILT = "built"  #: nothing of it has been planned
    SENDING = "sending"  #: its audience is frozen; a sender is at work, or one has to be started
    PAUSED = "paused"  #: a person decides whether it goes on
    IN_OUTBOX = "written to the outbox folder"  #: nobody was mailed
    SENT = "sent"  #: nothing of it waits
    CANCELLED = "cancelled"  #: what wasn't sent stays unsent
    SKIPPED = "skipped"  #: the period has no issue


_PHASES = {
    IssueState.BUILT: IssuePhase.BUILT,
    IssueState.PREPARED: IssuePhase.SENDING,
    IssueState.PAUSED: IssuePhase.PAUSED,
    IssueState.SENT: IssuePhase.SENT,
    IssueState.CANCELLED: IssuePhase.CANCELLED,
    IssueState.SKIPPED: IssuePhase.SKIPPED,
}


@dataclass(frozen=True, kw_only=True)
class IssueStatus:
    """Where one issue stands."""

    issue: int | None
    named: str = ""  #: the issue as commands take it
    period: str
    state: IssueState
    counts: DeliveryCounts
    problems: tuple[Problem, ...]
    excluded: tuple[ExclusionCount, ...] = ()  #: why readers were left out
    note: str = ""  #: why the issue was paused, cancelled or skipped
    outbox_copies: int = 0  #: copies written to the outbox folder, which reached nobody
    claimed: int = 0  #: the part of pending that a living sender is about to send
    corrects: int | None = None  #: number of the weekly issue, of a correction
    waits: str = ""  #: what the pace lets it wait for: "waits until 00:00 UTC for …"

    @property
    def phase(self) -> IssuePhase:
        """Where the issue is, in the word that people read."""
        only_written = self.outbox_copies and self.outbox_copies == self.counts.accepted
        if self.state is IssueState.SENT and only_written:
            return IssuePhase.IN_OUTBOX
        return _PHASES[self.state]

    @property
    def next_step(self) -> str:
        """What a person can do now where nothing is a problem; empty where nothing is left."""
        unsent = self.counts.pending - self.counts.parked
        if self.state is not IssueState.PREPARED or not unsent or self.problems:
            return ""
        if self.counts.under_way or self.claimed:
            return ""
        goes_on = f"digest send {self.named} sends what waits"
        return f"{goes_on}, then" if self.waits else goes_on

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, with the counts at the top level."""
        return {
            "issue": self.issue,
            "period": self.period,
            "corrects": self.corrects,
            "state": self.state,
            "phase": self.phase,
            "note": self.note,
            **self.counts.as_dict(),
            "in_outbox": self.outbox_copies,
            "left_out": [asdict(row) for row in self.excluded],
            "problems": [asdict(problem) for problem in self.problems],
            "waits": self.waits,
            "next_step": self.next_step,
        }


def issue_status(
    session: Session,
    issue: Issue,
    edition: Edition,
    now: datetime,
    *,
    is_alive: Callable[[str], bool | None] = alive,
    pace: Pace = UNLIMITED,
) -> IssueStatus:
    """Return where an issue stands.

    *now* and *is_alive* decide which requests are under way and which belong to a dead sender.
    Requests of a dead sender count as in doubt, even before recovery has recorded them so.
    """
    counts, reasons = counts_and_exclusions(session, edition.id or 0)
    in_outbox = count_outbox_copies(session, edition.id or 0) if counts.accepted else 0
    is_open = counts.pending + counts.in_doubt > 0  # else no batch of it is in any such state
    held: list[tuple[Batch, Attempt]] = []
    dead: list[tuple[Batch, Attempt]] = []
    for batch, attempt in _held(session, edition) if is_open else ():
        owner_is_dead = is_presumed_dead(attempt, now, is_alive)
        (dead if owner_is_dead else held).append((batch, attempt))
    lost = sum(batch.size for batch, _ in dead if batch.state is BatchState.STARTED)
    counts = replace(counts, under_way=counts.under_way - lost)
    silent = counts.unheard == counts.accepted  # else an event has told of one
    unheard = _unheard(session, issue, edition, counts.accepted - in_outbox, now) if silent else ()
    excluded = exclusion_counts(session, edition.id or 0, kept=reasons, refused=counts.refused)
    return IssueStatus(
        issue=issue.number,
        named=named(issue),
        period=issue.period,
        state=issue.state,
        counts=counts,
        problems=(
            *_paused(session, issue, edition, counts, now),
            *_circuit_open(session, issue, edition),
            *(_stuck(session, issue, edition, now) if is_open else ()),
            *_first_wave(session, issue, edition),
            *_contradictions(session, edition),
            *(_abandoned(session, batch, attempt, issue, now) for batch, attempt in dead),
            *unheard,
            *_in_outbox(issue, in_outbox),
        ),
        excluded=(*excluded, *_cancelled(issue, counts)),
        note=issue.note,
        outbox_copies=in_outbox,
        claimed=sum(batch.size for batch, _ in held if batch.state is BatchState.CLAIMED),
        corrects=issue.corrected_number,
        waits=_waits(session, issue, counts, pace, now),
    )


def _waits(
    session: Session, issue: Issue, counts: DeliveryCounts, pace: Pace, now: datetime
) -> str:
    """Return what an issue on its way waits for by its pace; empty where it's nothing."""
    if issue.state is not IssueState.PREPARED or not counts.pending:
        return ""
    wait = waits(session, pace, now)
    return wait.words if wait else ""


def _in_outbox(issue: Issue, copies: int) -> Iterator[Problem]:
    """Yield that copies reached nobody, since they were written to the outbox folder."""
    if copies:
        were = "copy was" if copies == 1 else "copies were"
        yield Problem(
            what=f"{copies:,} {were} written to the outbox folder, and nobody was mailed",
            next_step=(
                "set DIGEST_TRANSPORT to sendgrid or smtp, then:"
                f" digest send {named(issue)} --from-outbox"
            ),
        )


def _cancelled(issue: Issue, counts: DeliveryCounts) -> Iterator[ExclusionCount]:
    if counts.called_off:
        reason = f"the issue was cancelled: {issue.note}"
        yield ExclusionCount(
            outcome=DeliveryOutcome.EXCLUDED, reason=reason, readers=counts.called_off
        )


def _paused(
    session: Session, issue: Issue, edition: Edition, counts: DeliveryCounts, now: datetime
) -> Iterator[Problem]:
    """Yield why an issue is paused, and that the provider refused too many readers."""
    again = f"digest send {named(issue)} --refused-again"
    nobody_waits = counts.pending == 0 and counts.in_doubt == 0
    if issue.state is IssueState.PAUSED:
        step = again if nobody_waits and counts.refused else f"digest resume {named(issue)}"
        held = _held_by_warm_up(session, issue) or _held_by_first_wave(session, issue, edition, now)
        yield Problem(what=f"paused: {issue.note}", next_step=held or f"fix this, then: {step}")
    if refused_too_many(counts) and counts.accepted:
        part = counts.refused / (counts.accepted + counts.refused)
        yield Problem(
            what=f"the provider refused {part:.1%} of its readers (limit {MOST_REFUSED:.0%})",
            next_step=(
                f"digest status {named(issue)} --who tells who they are; to offer it to them once"
                f" more: {again}"
            ),
            readers=counts.refused,
        )


def _held_by_warm_up(session: Session, issue: Issue) -> str:
    """Return the next step for an issue that is paused since the warm-up stopped; else empty."""
    if not issue.note or issue.note != stop_reason(session):
        return ""
    return (
        f"see who bounced or complained (digest report {named(issue)}) and mend the list; then"
        " digest warmup start goes on from an earlier day, or digest warmup stop ends the plan;"
        f" then: digest resume {named(issue)}"
    )


def _held_by_first_wave(session: Session, issue: Issue, edition: Edition, now: datetime) -> str:
    """Return the next step for a paused issue whose rest waits; empty where nothing waits."""
    past = f"digest resume {named(issue)} --past-first-wave"
    for rollout in waiting(session, [edition.id or 0]):
        if rollout.judge_at is not None and rollout.judge_at <= now:
            return (
                f"see who bounced or complained (digest report {named(issue)}) and mend the list;"
                f" then let the rest go: {past}; or leave it unsent: digest cancel {named(issue)}"
            )
        return (
            f"fix this, then: digest resume {named(issue)} (the rest waits for the first wave's"
            f" events; to send it whatever they are: {past})"
        )
    return ""


def refused_too_many(counts: DeliveryCounts) -> bool:
    """Return whether more than `MOST_REFUSED` of the offered readers were refused."""
    return counts.refused > MOST_REFUSED * (counts.accepted + counts.refused)


def _stuck(session: Session, issue: Issue, edition: Edition, now: datetime) -> Iterator[Problem]:
    """Yield the problem of each batch that is in doubt or parked."""
    rows = session.exec(
        select(Batch, Attempt)
        .join(Attempt, col(Attempt.key) == col(Batch.attempt), isouter=True)
        .options(_WITHOUT_OUTCOME)
        .where(
            col(Batch.edition_id) == edition.id,
            col(Batch.state).in_([BatchState.IN_DOUBT, BatchState.PARKED]),
        )
        .order_by(col(Batch.number))
    ).all()
    for batch, attempt in rows:
        yield from _problem_of(session, batch, attempt, issue, now)


def _unheard(
    session: Session, issue: Issue, edition: Edition, accepted: int, now: datetime
) -> Iterator[Problem]:
    """Yield a problem if mails were accepted and no event came for any of them."""
    if issue.sent_at is None or now - issue.sent_at < SILENCE or accepted <= 0:
        return
    heard = session.exec(
        select(Delivery.id)
        .where(Delivery.edition_id == edition.id, col(Delivery.news).is_not(None))
        .order_by(col(Delivery.news))  # as an index has it: the newest issue's rows are the last
        .limit(1)
    ).first()
    if heard is None and not doubt_evidence.reports_failures_only(session, edition.id or 0):
        yield Problem(
            what="no event has arrived for its mails, so bounces and complaints go unnoticed",
            next_step="check where the provider's event webhook points: digest events status",
            readers=accepted,
            since=issue.sent_at,
        )


def _circuit_open(session: Session, issue: Issue, edition: Edition) -> Iterator[Problem]:
    """Yield a problem if the circuit breaker holds an issue back."""
    if issue.state is not IssueState.PREPARED:
        return
    breaker = session.get(CircuitBreaker, edition.id)
    if breaker is None or breaker.probe_at is None:
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
            f"digest send {named(issue)} (or digest run) goes on by itself, with one batch at a"
            f" time until one is accepted ({when}); to try all at once: digest resume"
            f" {named(issue)}"
        ),
        since=breaker.since,
    )


def _first_wave(session: Session, issue: Issue, edition: Edition) -> Iterator[Problem]:
    if issue.state is not IssueState.PREPARED:
        return
    rollout = session.get(Rollout, edition.id)
    if rollout is not None and rollout.judge_at is not None and rollout.passed_at is None:
        yield Problem(
            what=f"the first wave is out; the rest waits until {rollout.judge_at:%H:%M} UTC",
            next_step=(
                f"digest send {named(issue)} goes on by itself then, unless too many bounce or"
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
                f"{doubt_evidence.ways_out(session, batch)} digest resolve {short}"
                " accepted|unsent --by NAME --why TEXT"
            ),
            batch=short,
            readers=batch.size,
            since=since,
            evidence=doubt_evidence.weigh_evidence(session, batch, since, now),
        )
    elif batch.state is BatchState.PARKED:
        yield Problem(
            what=f"not sent, and not retried: {batch.note}",
            next_step=f"fix this, then: digest resume {named(issue)}",
            batch=short,
            readers=batch.size,
        )


def _held(session: Session, edition: Edition) -> Iterable[tuple[Batch, Attempt]]:
    """Return the batches that a sender has claimed or started, with the attempt of each."""
    return session.exec(
        select(Batch, Attempt)
        .join(Attempt, col(Attempt.key) == col(Batch.attempt))
        .options(_WITHOUT_OUTCOME)
        .where(
            col(Batch.edition_id) == edition.id,
            col(Batch.state).in_([BatchState.STARTED, BatchState.CLAIMED]),
        )
        .order_by(col(Batch.number))
    )


def _abandoned(
    session: Session, batch: Batch, attempt: Attempt, issue: Issue, now: datetime
) -> Problem:
    """Return the problem of a batch that a dead sender holds and recovery hasn't taken over."""
    since = attempt.started_at or attempt.claimed_at
    started = batch.state is BatchState.STARTED
    return Problem(
        what=(
            "may have been sent: its sender stopped while the request was under way"
            if started
            else "not sent: its sender stopped before the request left"
        ),
        next_step=(
            f"digest send {named(issue)} puts that on record and sends what else waits; this batch"
            " is settled by the provider's events, or by you with digest resolve"
            if started
            else f"digest send {named(issue)} takes it up again"
        ),
        batch=batch.key[:8],
        readers=batch.size,
        since=since,
        evidence=doubt_evidence.weigh_evidence(session, batch, since, now) if started else None,
    )


def _contradictions(session: Session, edition: Edition) -> Iterator[Problem]:
    rows = session.exec(
        select(Decision, Batch)
        .join(Batch, col(Batch.id) == col(Decision.batch_id))
        .where(col(Batch.edition_id) == edition.id, col(Decision.contradicted).is_not(None))
    ).all()
    for decision, batch in rows:
        copies = decision.contradicted or 0
        yield Problem(
            what=(
                f"{f'{copies} readers' if copies else 'nobody'} got two copies: {decision.by}"
                f" decided {decision.verdict} ({decision.why}), and the provider has proved"
                " otherwise"
            ),
            next_step=(
                "the second copy can't be recalled; consider telling the readers"
                if copies
                else "nothing; the proof came before anything was resent"
            ),
            batch=batch.key[:8],
            readers=copies,
            since=decision.at,
        )
