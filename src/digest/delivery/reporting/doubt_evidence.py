"""How much the silence of a batch in doubt weighs: what came of other batches, and how long ago.

A mail server that takes mails one by one reports only what it couldn't deliver, so its silence
weighs nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import exists, func
from sqlalchemy import select as core_select
from sqlmodel import Session, col, select

from digest.delivery.models import Attempt, Batch, BatchState, MailEvent, seed_copy_key
from subscribers.models import LetterToSend

#: After this long without an event, while events of other batches came, a batch was probably not
#: accepted: the provider retries its event posts for 24 hours.
EVENT_RETRIES = timedelta(hours=25)


def reports_failures_only(session: Session, edition_id: int) -> bool:
    """Return whether an edition's mail went to a server that is silent about what arrives."""
    one_by_one = (
        core_select(func.count())
        .where(col(Attempt.batch_id) == col(Batch.id), col(Attempt.one_by_one).is_(True))
        .correlate(Batch)
        .scalar_subquery()  # not joined: a database may begin with the attempts of every issue
    )
    left = select(Batch.id).where(Batch.edition_id == edition_id, one_by_one > 0)
    return session.exec(left.limit(1)).first() is not None


def ways_out(session: Session, batch: Batch) -> str:
    """Return what may settle a batch in doubt, up to the command that a person decides with."""
    if reports_failures_only(session, batch.edition_id):
        return "look for its mails in the mail server's log, and decide:"
    return (
        "wait for the provider's events, which settle it by themselves; or look at the provider's"
        " activity and decide:"
    )


def weigh_evidence(session: Session, batch: Batch, since: datetime | None, now: datetime) -> str:
    """Return what is known of a batch in doubt as text, and how much its silence weighs."""
    if reports_failures_only(session, batch.edition_id):
        return "a mail server reports only what it couldn't deliver, so silence proves nothing"
    accepted, heard = _accepted_batches(session, batch)
    seed_copy = session.exec(
        select(LetterToSend).where(LetterToSend.about == seed_copy_key(batch.edition_id))
    ).one_or_none()
    channel = _channel(heard, accepted, seed_copy)
    if heard == 0 and (seed_copy is None or seed_copy.heard_at is None):
        return f"{channel}, so silence proves nothing"
    if since is None or now - since < EVENT_RETRIES:
        return f"{channel}; none of this batch yet"
    return f"{channel}, and none of this batch in {_age(now - since)}: probably never accepted"


def _accepted_batches(session: Session, batch: Batch) -> tuple[int, int]:
    """Return how many batches of the edition were accepted, and how many of those have events."""
    has_events = exists().where(
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
        connection.execute(accepted.where(has_events)).scalar_one(),
    )


def _channel(heard: int, accepted: int, seed_copy: LetterToSend | None) -> str:
    of_others = f"events came for {heard} of {accepted} accepted batches"
    if seed_copy is None:
        return of_others
    if seed_copy.heard_at is None:
        return f"{of_others}, none of the canary"
    after = seed_copy.heard_at - seed_copy.asked_at
    return f"{of_others}, and of the canary after {_age(after)}"


def _age(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            number = seconds // size
            return f"{number} {name}{'s' if number > 1 else ''}"
    return f"{seconds} s"
