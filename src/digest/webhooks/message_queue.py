"""Which message is posted next, and what is recorded of it: SQL of endpoints and their messages.

One sender at a time posts to an endpoint: it claims the endpoint for `LEASE` and renews the claim
with each message it settles. A sender that dies leaves its message waiting, so it is posted again.
A message waits for the earlier ones of its subject, except for those that are parked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from digest.errors import NotFound
from digest.webhooks.webhook_retries import GIVE_UP, PostResult, pause_after, rest_after
from subscribers import sql
from subscribers.announcements.models import (
    EndpointState,
    MessageState,
    WebhookEndpoint,
    WebhookMessage,
)
from subscribers.models import Consent, ConsentAct, Subscriber

LEASE = timedelta(minutes=2)  #: many times what one post may take
ROTATION = timedelta(hours=24)  #: for which an endpoint's former secret signs as well
OVERDUE = timedelta(days=7)  #: after which a message is parked, tried or not
KEPT = timedelta(days=30)  #: for which a delivered or parked message is kept
TEST = "webhook.test"  #: the type of a message that a person sends to try an endpoint out
NEXT_STEP = "digest webhooks list"
_CHUNK = 1_000  #: rows deleted in one transaction


@dataclass(frozen=True, kw_only=True)
class DueMessage:
    """A message to post, with what is known of its endpoint."""

    id: int
    webhook_id: int
    url: str = field(repr=False)
    nonces: Sequence[str] = field(repr=False)  #: what the secrets that sign it are made of
    type: str
    data: str = field(repr=False)
    at: datetime
    asked_at: datetime
    tries: int = 0
    failures: int = 0  #: of the endpoint, in a row
    tells_address: bool = False  #: whether it holds the reader's address, null where that is gone
    address: str | None = field(default=None, repr=False)

    @property
    def message_id(self) -> str:
        """The id that the receiver tells repeated posts by."""
        return message_id(self.id, self.at)


def test_message(session: Session, endpoint_id: int, now: datetime) -> DueMessage:
    """Return a message that isn't queued, to try an endpoint out; raises `NotFound`."""
    row = session.get(WebhookEndpoint, endpoint_id)
    if row is None:
        raise NotFound(f"there is no webhook endpoint {endpoint_id}", next_step=NEXT_STEP)
    return DueMessage(
        id=0,
        webhook_id=endpoint_id,
        url=row.url,
        nonces=_nonces(row, now),
        type=TEST,
        data="{}",
        at=now,
        asked_at=now,
    )


def message_id(number: int, at: datetime) -> str:
    """Return the id that a receiver knows a message by; a restored database repeats none."""
    return f"msg_{int(at.timestamp())}_{number}"


def has_due(session: Session, now: datetime) -> bool:
    """Return whether a message may be posted to any endpoint now."""
    return bool(due_endpoints(session, now))


def due_endpoints(session: Session, now: datetime) -> list[int]:
    """Return the ids of the endpoints that a message may be posted to now."""
    due = exists().where(col(WebhookMessage.webhook_id) == col(WebhookEndpoint.id), *_is_due(now))
    chosen = select(col(WebhookEndpoint.id)).where(_may_be_posted_to(now), due)
    rows = session.connection().execute(chosen.order_by(col(WebhookEndpoint.id)))
    return [endpoint_id for (endpoint_id,) in rows if endpoint_id is not None]


def claim(session: Session, endpoint_id: int, owner: str, now: datetime) -> DueMessage | None:
    """Claim an endpoint, and return its next message; ``None`` where there is none to post.

    The caller commits, before it posts.
    """
    claimed = (
        update(WebhookEndpoint)
        .where(col(WebhookEndpoint.id) == endpoint_id, _may_be_posted_to(now))
        .values(claimed_by=owner, claimed_until=now + LEASE)
    )
    if not session.connection().execute(claimed).rowcount:
        return None
    return _next_or_release(session, endpoint_id, owner, now)


def settle(  # one commit settles this message and claims the next
    session: Session,
    message: DueMessage,
    result: PostResult,
    owner: str,
    now: datetime,
    *,
    random: Callable[[], float],
    more: bool = True,
) -> DueMessage | None:
    """Record what a post came to, and return the next message of the endpoint.

    ``None`` where none is left, the endpoint rests, another sender has taken it over, or *more* is
    false. The caller commits.
    """
    connection = session.connection()
    # The endpoint first, as `replay` and `remove` lock it, so that none waits for the other.
    held = (col(WebhookEndpoint.id) == message.webhook_id, col(WebhookEndpoint.claimed_by) == owner)
    kept = connection.execute(
        update(WebhookEndpoint).where(*held).values(_health(message, result, now))
    )
    of_message = (
        col(WebhookMessage.id) == message.id,
        col(WebhookMessage.state) == MessageState.WAITING,
    )
    settled = _settled(message, result, now, random)
    connection.execute(update(WebhookMessage).where(*of_message).values(settled))
    if not kept.rowcount:
        return None
    return _next_or_release(session, message.webhook_id, owner, now, more=more)


def park_overdue(session: Session, now: datetime) -> int:
    """Park what has waited for `OVERDUE` at endpoints that take nothing; return how many.

    They are paused or gone, or nothing was delivered to them for `GIVE_UP`. The caller commits.
    """
    silent = select(col(WebhookEndpoint.id)).where(
        or_(
            col(WebhookEndpoint.state) != EndpointState.ACTIVE,
            col(WebhookEndpoint.failing_since) <= now - GIVE_UP,
        )
    )
    overdue = (
        col(WebhookMessage.state) == MessageState.WAITING,
        col(WebhookMessage.asked_at) <= now - OVERDUE,
        col(WebhookMessage.webhook_id).in_(silent),
    )
    parked = update(WebhookMessage).where(*overdue)
    values = {"state": MessageState.PARKED, "settled_at": now}
    return session.connection().execute(parked.values(values)).rowcount


def replay(
    session: Session,
    endpoint_id: int,
    now: datetime,
    *,
    message: int | None = None,
    since: datetime | None = None,
) -> int:
    """Let messages of an endpoint be posted again; return how many. The caller commits.

    Without *message*, the id of one, and *since*, the time from which everything that happened is
    told again, it's all that are parked.
    """
    which = col(WebhookMessage.state) == MessageState.PARKED
    if message is not None:
        which = col(WebhookMessage.id) == message
    elif since is not None:
        which = col(WebhookMessage.at) >= since
    due = {"state": MessageState.WAITING, "asked_at": now, "next_at": now}
    again = (
        update(WebhookMessage)
        .where(col(WebhookMessage.webhook_id) == endpoint_id, which)
        .values(**due, tries=0, settled_at=None)
    )
    rested = update(WebhookEndpoint).where(col(WebhookEndpoint.id) == endpoint_id)
    session.connection().execute(rested.values(rest_until=None))
    return session.connection().execute(again).rowcount


def prune(sessions: sql.UnitOfWork, now: datetime) -> int:
    """Park what is overdue, and delete what was settled longer than `KEPT` ago; return how many."""
    with sessions.write() as session:
        park_overdue(session, now)
    old = (
        select(col(WebhookMessage.id))
        .where(
            col(WebhookMessage.state) != MessageState.WAITING,
            col(WebhookMessage.settled_at) < now - KEPT,
        )
        .limit(_CHUNK)
        .scalar_subquery()
    )
    total, deleted = 0, _CHUNK
    while deleted == _CHUNK:
        with sessions.write() as session:
            chunk = delete(WebhookMessage).where(col(WebhookMessage.id).in_(old))
            deleted = session.connection().execute(chunk).rowcount
        total += deleted
    return total


def _may_be_posted_to(now: datetime) -> ColumnElement[bool]:
    """Return the condition that an endpoint takes messages, and nobody posts to it."""
    return and_(
        col(WebhookEndpoint.state) == EndpointState.ACTIVE,
        _is_over(col(WebhookEndpoint.rest_until), now),
        _is_over(col(WebhookEndpoint.claimed_until), now),
    )


def _is_over(moment: Any, now: datetime) -> ColumnElement[bool]:
    return or_(moment.is_(None), moment <= now)


def _is_due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    earlier = aliased(WebhookMessage)
    waits_for = exists().where(
        col(earlier.webhook_id) == col(WebhookMessage.webhook_id),
        col(earlier.subject) == col(WebhookMessage.subject),
        col(earlier.id) < col(WebhookMessage.id),
        col(earlier.state) == MessageState.WAITING,
    )
    return (
        col(WebhookMessage.state) == MessageState.WAITING,
        col(WebhookMessage.next_at) <= now,
        ~waits_for,
    )


def _next_or_release(
    session: Session, endpoint_id: int, owner: str, now: datetime, *, more: bool = True
) -> DueMessage | None:
    message = _next(session, endpoint_id, now) if more else None
    if message is None:
        held = (col(WebhookEndpoint.id) == endpoint_id, col(WebhookEndpoint.claimed_by) == owner)
        released = {"claimed_by": "", "claimed_until": None}
        session.connection().execute(update(WebhookEndpoint).where(*held).values(released))
    return message


def _next(session: Session, endpoint_id: int, now: datetime) -> DueMessage | None:
    moved = exists().where(
        col(Consent.subscriber_id) == col(WebhookMessage.subscriber_id),
        col(Consent.act) == ConsentAct.MOVED,
        col(Consent.at) > col(WebhookMessage.at),
    )
    names = ("id", "webhook_id", "kind", "data", "at", "asked_at", "tries", "subscriber_id")
    of_endpoint = ("url", "nonce", "former_nonce", "rotated_at", "addresses", "failures")
    chosen = (
        select(
            *(getattr(WebhookMessage, name) for name in names),
            *(getattr(WebhookEndpoint, name) for name in of_endpoint),
            col(Subscriber.address),
            moved.label("moved"),
        )
        .join(WebhookEndpoint, col(WebhookEndpoint.id) == col(WebhookMessage.webhook_id))
        .outerjoin(Subscriber, col(Subscriber.id) == col(WebhookMessage.subscriber_id))
        .where(
            col(WebhookMessage.webhook_id) == endpoint_id,
            col(WebhookEndpoint.state) == EndpointState.ACTIVE,
            _is_over(col(WebhookEndpoint.rest_until), now),
            *_is_due(now),
        )
        .order_by(col(WebhookMessage.id))
        .limit(1)
    )
    row = session.connection().execute(chosen).first()
    return None if row is None else _message(row, now)


def _message(row: Any, now: datetime) -> DueMessage:
    names = ("id", "webhook_id", "url", "data", "at", "asked_at", "tries", "failures")
    return DueMessage(
        **{name: row._mapping[name] for name in names},
        nonces=_nonces(row, now),
        type=row.kind.value,
        tells_address=row.addresses and row.subscriber_id is not None,
        address=None if row.moved else row.address,
    )


def _nonces(endpoint: Any, now: datetime) -> list[str]:
    """Return what the secrets are made of that sign for an endpoint at *now*."""
    rotating = endpoint.rotated_at is not None and now - endpoint.rotated_at < ROTATION
    return [endpoint.nonce, *([endpoint.former_nonce] if rotating else [])]


def _settled(
    message: DueMessage, result: PostResult, now: datetime, random: Callable[[], float]
) -> dict[str, Any]:
    """Return the values of a message after a post."""
    tries = message.tries + 1
    values = {"tries": tries, "status": result.status, "said": result.said}
    if result.delivered:
        return {**values, "state": MessageState.DELIVERED, "settled_at": now}
    if not result.gone and now - message.asked_at >= GIVE_UP:
        return {**values, "state": MessageState.PARKED, "settled_at": now}
    return {**values, "next_at": now + pause_after(tries, random)}


def _health(message: DueMessage, result: PostResult, now: datetime) -> dict[str, Any]:
    """Return the values of an endpoint after a post; its claim is renewed."""
    renewed = {"claimed_until": now + LEASE, "said": result.said}
    if result.delivered:
        return {**renewed, "failures": 0, "failing_since": None, "rest_until": None}
    failures = message.failures + 1
    rest = rest_after(failures, result.rest)
    values = {
        **renewed,
        "failures": failures,
        "failing_since": func.coalesce(col(WebhookEndpoint.failing_since), now),
        "rest_until": now + rest if rest else None,
    }
    return {**values, "state": EndpointState.GONE} if result.gone else values
