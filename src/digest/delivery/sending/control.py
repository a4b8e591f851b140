"""What a person may do to an issue on its way: pause, resume, cancel, decide on a doubt."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import bindparam, exists, func, insert, update
from sqlalchemy import select as select_core
from sqlmodel import Session, col, select

from digest.delivery.counts import count_deliveries
from digest.delivery.models import Attempt, Batch, BatchState, Decision, Delivery, DeliveryOutcome
from digest.delivery.sending.circuit_breaker import close, try_now
from digest.delivery.sending.dispatcher import mark_sent_if_done
from digest.delivery.sending.planning import cut, last_number, random_key
from digest.delivery.sending.queue import call_off
from digest.delivery.sending.rollout import release_rollout, waiting
from digest.errors import NotFound, WrongState
from digest.issues.models import Edition, Issue, IssueState
from digest.mail.outbox import PROVIDER


class DoubtResolution(StrEnum):
    """What a person decides on a batch in doubt."""

    ACCEPTED = "accepted"  #: the provider took it: nobody in it is mailed again
    UNSENT = "unsent"  #: the provider never took it: it is sent anew


def pause(session: Session, issue: Issue, why: str) -> None:
    """Let no further batch of an issue be started; the caller commits."""
    if issue.state is IssueState.PAUSED:
        return
    _require(issue, IssueState.PREPARED, "paused")
    issue.state, issue.note = IssueState.PAUSED, why
    session.add(issue)


def resume(session: Session, issue: Issue, now: datetime, *, past_first_wave: bool = False) -> bool:
    """Let a paused issue go on: parked batches are tried again; tells if a first wave holds a rest.

    That is judged as before, unless *past_first_wave* lets the rest go whatever became of it. What
    was slowed down goes on at full speed.

    The caller commits.
    """
    if issue.state is IssueState.BUILT:
        raise WrongState(
            f"issue {issue.number} hasn't begun to go out, so there is nothing to resume",
            next_step=(
                f"digest send {issue.number} begins; where a setting has changed since it was"
                f" built: digest build --period {issue.period} --again; then digest approve"
                f" {issue.number}"
            ),
        )
    _require(issue, IssueState.PAUSED, "resumed", also=(IssueState.PREPARED,))
    issue.state, issue.note = IssueState.PREPARED, ""
    session.add(issue)
    editions = _editions(session, issue)
    session.connection().execute(
        update(Batch)
        .where(col(Batch.edition_id).in_(editions), col(Batch.state) == BatchState.PARKED)
        .values(state=BatchState.PENDING, attempt=None, tries=0, recoveries=0, not_before=None)
    )
    if past_first_wave:
        release_rollout(session, editions, now)
    close(session, editions)
    return bool(waiting(session, editions))


def cancel(session: Session, issue: Issue, why: str) -> None:
    """Leave unsent for good what isn't sent; what is in doubt stays in doubt. Caller commits."""
    allowed = (IssueState.PREPARED, IssueState.PAUSED, IssueState.BUILT)
    _require(issue, IssueState.PAUSED, "cancelled", also=allowed)
    issue.state, issue.note = IssueState.CANCELLED, why
    session.add(issue)
    call_off(session, _editions(session, issue), why)


def offer_again(session: Session, issue: Issue, batch_size: int) -> int:
    """Put the readers whom the provider refused into new batches; the caller commits.

    Returns how many they are. Nobody who may have got the issue is among them: a refusal means
    that nobody in the request was mailed, and who got a copy by a decision that proved wrong is
    left out. The attempts keep what was said at first, and so does each reader's row.
    """
    edition = session.exec(select(Edition).where(Edition.issue_id == issue.id)).one()
    counts = count_deliveries(session, edition.id or 0)
    over = counts.pending == 0 and counts.in_doubt == 0
    also = (IssueState.PREPARED, IssueState.PAUSED) if over else (IssueState.PREPARED,)
    _require(issue, IssueState.SENT, "offered again", also=also)
    refused = _refused(session, edition.id or 0)
    if not refused:
        raise WrongState(f"nobody was refused issue {issue.number}, so there is nobody to offer it")
    connection = session.connection()
    first = last_number(session) + 1
    # Their old numbers lie in batches that others shared: they get new ones, in new batches.
    connection.execute(
        update(Delivery)
        .where(col(Delivery.id) == bindparam("old"))
        .values(id=bindparam("new"), outcome=None),
        [{"old": old, "new": new} for new, old in enumerate(refused, start=first)],
    )
    last = select_core(func.max(col(Batch.number))).where(col(Batch.edition_id) == edition.id)
    rows = cut(
        session,
        edition.id or 0,
        first,
        first + len(refused) - 1,
        batch_size,
        after=connection.execute(last).scalar_one() or 0,
        key=random_key,
    )
    connection.execute(insert(Batch), rows)
    issue.state, issue.sent_at, issue.note = IssueState.PREPARED, None, ""
    session.add(issue)
    close(session, [edition.id or 0])
    return len(refused)


def _refused(session: Session, edition_id: int) -> list[int]:
    """Return the deliveries that were refused, but for those a wrong decision sent a copy of."""
    wrong = (
        exists()
        .where(col(Decision.batch_id) == col(Batch.id), col(Decision.contradicted).is_not(None))
        .where(col(Batch.edition_id) == edition_id)
        .where(col(Delivery.id).between(col(Batch.first_delivery), col(Batch.last_delivery)))
    )
    found = session.connection().execute(
        select_core(col(Delivery.id))
        .where(
            col(Delivery.edition_id) == edition_id,
            col(Delivery.outcome) == DeliveryOutcome.REFUSED,
            ~wrong,
        )
        .order_by(col(Delivery.id))
    )
    return [number for number in found.scalars() if number is not None]


def resolve(
    session: Session, key: str, verdict: DoubtResolution, *, by: str, why: str, now: datetime
) -> Batch:
    """Record what a person decided on a batch in doubt, and act on it; the caller commits.

    *key* is the batch's, or enough of its beginning. Raises `NotFound`, and `WrongState`, also
    when nobody signs the decision or says why.
    """
    if not by.strip() or not why.strip():
        raise WrongState("a decision needs the name of who makes it, and the reason")
    found = session.exec(select(Batch).where(col(Batch.key).startswith(key, autoescape=True))).all()
    if not found or not key:
        raise NotFound(f"no batch has a key that begins with {key or 'nothing'}", next_step=_LIST)
    if len(found) > 1:
        raise NotFound(
            f"more than one batch has a key that begins with {key}",
            next_step=f"say more of its key; {_LIST}",
        )
    batch = found[0]
    if batch.state is not BatchState.IN_DOUBT or batch.attempt is None or batch.id is None:
        raise WrongState(f"batch {batch.key[:8]} is {batch.state}, not in doubt", next_step=_LIST)
    session.add(
        Decision(
            batch_id=batch.id,
            attempt_key=batch.attempt,
            verdict=verdict,
            by=by,
            why=why,
            at=now,
        )
    )
    if verdict is DoubtResolution.ACCEPTED:
        batch.state = BatchState.ACCEPTED
    else:
        batch.state, batch.attempt, batch.not_before = BatchState.PENDING, None, None
    batch.note = f"{by} decided: {verdict}"
    session.add(batch)
    try_now(session, batch.edition_id, now)
    session.flush()
    mark_sent_if_done(session, batch.edition_id, now)
    return batch


def in_doubt(session: Session, edition: Edition, since: datetime | None = None) -> list[str]:
    """Return the keys of the batches in doubt, or of those whose request left since then."""
    rows = session.exec(
        select(Batch.key, Attempt.started_at)
        .join(Attempt, col(Attempt.key) == col(Batch.attempt))
        .where(Batch.edition_id == edition.id, Batch.state == BatchState.IN_DOUBT)
        .order_by(col(Batch.number), col(Batch.first_delivery))
    ).all()
    return [key for key, left in rows if since is None or (left is not None and left >= since)]


def number_of(session: Session, batch: Batch) -> int | None:
    """Return the number of the issue that a batch belongs to."""
    return session.get_one(Issue, session.get_one(Edition, batch.edition_id).issue_id).number


_LIST = "digest status lists the batches in doubt"


def _require(
    issue: Issue, state: IssueState, what: str, *, also: tuple[IssueState, ...] = ()
) -> None:
    if issue.state is not state and issue.state not in also:
        raise WrongState(f"issue {issue.number} is {issue.state} and can't be {what}")


def _editions(session: Session, issue: Issue) -> list[int]:
    found = session.exec(select(col(Edition.id)).where(col(Edition.issue_id) == issue.id))
    return [edition for edition in found if edition is not None]


def count_outbox_copies(session: Session, edition_id: int) -> int:
    """Return how many readers' copies lie in the outbox folder and went nowhere else."""
    total = select_core(func.coalesce(func.sum(col(Batch.size)), 0)).where(
        col(Batch.edition_id) == edition_id,
        col(Batch.state) == BatchState.ACCEPTED,
        col(Batch.attempt).in_(_IN_FOLDER),
    )
    return session.connection().execute(total).scalar_one()


def discard_outbox_copies(session: Session, issue: Issue, edition_id: int) -> None:
    """Let what went into the folder be sent to its readers; the caller commits.

    Nobody can get it twice by this: a copy in the folder was never handed to anybody.
    """
    session.connection().execute(
        update(Batch)
        .where(
            col(Batch.edition_id) == edition_id,
            col(Batch.state) == BatchState.ACCEPTED,
            col(Batch.attempt).in_(_IN_FOLDER),
        )
        .values(state=BatchState.PENDING, attempt=None, note="")
    )
    if issue.state is IssueState.SENT:
        issue.state, issue.sent_at = IssueState.PREPARED, None
        session.add(issue)


_IN_FOLDER = select_core(col(Attempt.key)).where(col(Attempt.provider_id).startswith(PROVIDER))
