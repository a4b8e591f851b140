"""What speaks for and against a batch in doubt having been accepted; none of it resends."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import exists, func, select
from sqlmodel import Session, col

from digest.delivery.models import Batch, BatchState, Canary, MailEvent

#: After this long without news, while news of others came, an accepted batch is improbable: the
#: provider tells its events again for a day.
TELLING = timedelta(hours=25)


def evidence(session: Session, batch: Batch, since: datetime | None, now: datetime) -> str:
    """Say in words what is known about a batch in doubt, and how much its silence weighs."""
    accepted, heard = _others(session, batch)
    canary = session.get(Canary, batch.edition_id)
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
        select(func.count())
        .select_from(Batch)
        .where(col(Batch.edition_id) == batch.edition_id, col(Batch.state) == BatchState.ACCEPTED)
    )
    connection = session.connection()
    return (
        connection.execute(accepted).scalar_one(),
        connection.execute(accepted.where(told)).scalar_one(),
    )


def _channel(heard: int, accepted: int, canary: Canary | None) -> str:
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
