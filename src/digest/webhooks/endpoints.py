"""The addresses that are told: adding one, what may be changed of it, and how each is doing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import case, func, select
from sqlmodel import Session, col

from digest.errors import DigestError, NotFound, WrongState
from digest.issues import store
from digest.webhooks.message_queue import NEXT_STEP, message_id
from subscribers.announcements.models import (
    AnnouncementKind,
    EndpointState,
    MessageState,
    WebhookEndpoint,
    WebhookKind,
    WebhookMessage,
)

MOST_ENDPOINTS = 20  #: each is posted to by a thread of its own
LONG_FAILING = timedelta(hours=1)  #: after which a person should look at an endpoint
_MOST_URL = 2_000  #: characters


@dataclass(frozen=True, kw_only=True)
class EndpointStatus:
    """An endpoint, what it is told, and how many of its messages are where."""

    id: int
    url: str
    kinds: tuple[AnnouncementKind, ...]
    newsletter: str  #: a slug; empty for all
    addresses: bool
    state: EndpointState
    failing_since: datetime | None
    rest_until: datetime | None
    said: str
    rotated_at: datetime | None
    added_at: datetime
    waiting: int
    parked: int
    delivered: int  #: of the messages that are still kept
    waiting_since: datetime | None  #: the oldest message that waits
    delivered_at: datetime | None  #: the last one

    def as_dict(self) -> dict[str, Any]:
        """Return the values for JSON."""
        return {**vars(self), "newsletter": self.newsletter or None, "said": self.said or None}


class EndpointTrouble(NamedTuple):
    """What is wrong with an endpoint, and what a person can do about it."""

    id: int
    says: str
    next_step: str


def add(
    session: Session,
    url: str,
    kinds: Collection[AnnouncementKind],
    *,
    newsletter: str = "",
    addresses: bool = False,
    now: datetime,
) -> WebhookEndpoint:
    """Add an endpoint that is told of *kinds* from now on; the caller commits.

    Raises `DigestError` for a bad URL, or one too many; `NotFound` for an unknown newsletter.
    """
    _require_address(url)
    if newsletter:
        store.newsletter(session, newsletter)
    count = session.connection().execute(select(func.count()).select_from(WebhookEndpoint)).scalar()
    if (count or 0) >= MOST_ENDPOINTS:
        raise DigestError(
            f"there are {count} webhook endpoints already, and no more are possible",
            next_step="remove one: digest webhooks remove ID",
        )
    row = WebhookEndpoint(
        url=url,
        newsletter=newsletter,
        addresses=addresses,
        state=EndpointState.ACTIVE,
        nonce=token_hex(16),
        added_at=now,
    )
    session.add(row)
    session.flush()
    session.add_all(WebhookKind(kind=kind, webhook_id=row.id or 0) for kind in set(kinds))
    return row


def find(session: Session, endpoint_id: int) -> WebhookEndpoint:
    """Return an endpoint's row, locked until the caller commits; raises `NotFound`."""
    row = session.get(WebhookEndpoint, endpoint_id, with_for_update=True)
    if row is None:
        raise NotFound(f"there is no webhook endpoint {endpoint_id}", next_step=NEXT_STEP)
    return row


def pause(session: Session, endpoint_id: int) -> None:
    """Post nothing to an endpoint until it is resumed; its messages wait. The caller commits.

    Raises `NotFound`, and `WrongState` for one that isn't active.
    """
    row = find(session, endpoint_id)
    if row.state is not EndpointState.ACTIVE:
        raise WrongState(f"webhook endpoint {endpoint_id} is {row.state} already")
    row.state = EndpointState.PAUSED


def resume(session: Session, endpoint_id: int) -> None:
    """Post to a paused endpoint again, or to one that was gone; the caller commits.

    Raises `NotFound`, and `WrongState` for one that is active.
    """
    row = find(session, endpoint_id)
    if row.state is EndpointState.ACTIVE:
        raise WrongState(f"webhook endpoint {endpoint_id} is active already")
    row.state, row.failures, row.said = EndpointState.ACTIVE, 0, ""
    row.failing_since = row.rest_until = None


def rotate(session: Session, endpoint_id: int, now: datetime) -> WebhookEndpoint:
    """Give an endpoint another secret; the former one signs as well for `ROTATION`.

    The caller commits. Raises `NotFound`.
    """
    row = find(session, endpoint_id)
    row.former_nonce, row.nonce, row.rotated_at = row.nonce, token_hex(16), now
    return row


def remove(session: Session, endpoint_id: int) -> None:
    """Delete an endpoint with every message of its; the caller commits. Raises `NotFound`."""
    session.delete(find(session, endpoint_id))


def statuses(session: Session) -> list[EndpointStatus]:
    """Return every endpoint, the oldest first."""
    rows = session.connection().execute(_STATUSES).all()
    kinds: dict[int, list[AnnouncementKind]] = {}
    for kind, webhook in session.connection().execute(_KINDS):
        kinds.setdefault(webhook, []).append(kind)
    order = list(AnnouncementKind)
    return [
        EndpointStatus(**row._mapping, kinds=tuple(sorted(kinds.get(row.id, []), key=order.index)))
        for row in rows
    ]


def status(session: Session, endpoint_id: int) -> EndpointStatus:
    """Return one endpoint; raises `NotFound`."""
    found = [each for each in statuses(session) if each.id == endpoint_id]
    if not found:
        raise NotFound(f"there is no webhook endpoint {endpoint_id}", next_step=NEXT_STEP)
    return found[0]


def troubles(session: Session, now: datetime) -> list[EndpointTrouble]:
    """Return what a person should look at: endpoints that take nothing, and parked messages."""
    found = []
    for each in statuses(session):
        waiting = "1 message waits" if each.waiting == 1 else f"{each.waiting:,} messages wait"
        parked = "1 message is" if each.parked == 1 else f"{each.parked:,} messages are"
        resume_it = f"digest webhooks resume {each.id}"
        if each.state is EndpointState.GONE:
            told = EndpointTrouble(each.id, f"it answered 410, and {waiting}", resume_it)
        elif each.state is EndpointState.PAUSED and each.waiting:
            told = EndpointTrouble(each.id, f"it's paused, and {waiting}", resume_it)
        elif each.failing_since is not None and now - each.failing_since >= LONG_FAILING:
            says = (
                f"it has taken nothing since {each.failing_since:%Y-%m-%d %H:%M} UTC: {each.said}"
            )
            told = EndpointTrouble(each.id, says, f"digest webhooks test {each.id}")
        elif each.parked:
            again = f"digest webhooks replay {each.id}"
            told = EndpointTrouble(each.id, f"{parked} parked after days of tries", again)
        else:
            continue
        found.append(told)
    return found


def messages(session: Session, endpoint_id: int, *, at_most: int) -> list[dict[str, Any]]:
    """Return the newest messages of an endpoint that aren't delivered, then those that are."""
    names = ("id", "kind", "subject", "at", "state", "tries", "status", "said", "next_at")
    chosen = (
        select(*(getattr(WebhookMessage, name) for name in names))
        .where(col(WebhookMessage.webhook_id) == endpoint_id)
        .order_by(
            col(WebhookMessage.state) == MessageState.DELIVERED, col(WebhookMessage.id).desc()
        )
        .limit(at_most)
    )
    rows = session.connection().execute(chosen).mappings()
    return [
        {
            **row,
            "message_id": message_id(row["id"], row["at"]),
            "said": row["said"] or None,
            "next_at": row["next_at"] if row["state"] is MessageState.WAITING else None,
        }
        for row in rows
    ]


def _require_address(url: str) -> None:
    """Raise `DigestError` unless *url* may be posted to, as far as its text tells."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not url.isascii() or not url.isprintable() or " " in url:
        raise DigestError(
            "this is no web address", next_step="give one such as https://example.com/hooks"
        )
    if parts.username or parts.password:
        raise DigestError(
            "the address has a user or a password in it",
            next_step="leave them out: each message is signed, and needs no password",
        )
    if len(url) > _MOST_URL:
        raise DigestError(f"the address is longer than {_MOST_URL:,} characters")


def _number(state: MessageState) -> Any:
    return func.count(case((col(WebhookMessage.state) == state, 1)))


_COLUMNS = (
    *("id", "url", "newsletter", "addresses", "state", "failing_since"),
    *("rest_until", "said", "rotated_at", "added_at"),
)
_WAITING_AT = case((col(WebhookMessage.state) == MessageState.WAITING, col(WebhookMessage.at)))
_DELIVERED_AT = case(
    (col(WebhookMessage.state) == MessageState.DELIVERED, col(WebhookMessage.settled_at))
)
_STATUSES = (
    select(
        *(getattr(WebhookEndpoint, name) for name in _COLUMNS),
        _number(MessageState.WAITING).label("waiting"),
        _number(MessageState.PARKED).label("parked"),
        _number(MessageState.DELIVERED).label("delivered"),
        func.min(_WAITING_AT).label("waiting_since"),
        func.max(_DELIVERED_AT).label("delivered_at"),
    )
    .outerjoin(WebhookMessage, col(WebhookMessage.webhook_id) == col(WebhookEndpoint.id))
    .group_by(col(WebhookEndpoint.id))
    .order_by(col(WebhookEndpoint.id))
)
_KINDS = select(col(WebhookKind.kind), col(WebhookKind.webhook_id))
