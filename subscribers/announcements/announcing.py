"""How an announcement becomes messages: by one statement, for any number of endpoints.

An endpoint for one newsletter is told what is about that newsletter or about no newsletter, and of
a reader's address if the reader has a subscription to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Text, bindparam, exists, insert, literal, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import sql
from subscribers.announcements.models import (
    AnnouncementKind,
    MadeAnnouncement,
    MessageState,
    WebhookEndpoint,
    WebhookKind,
    WebhookMessage,
)
from subscribers.models import Subscription

_WROTE = "wrote webhook messages"  #: a key in the `info` of a session


class Announcement(NamedTuple):
    """One thing that happened, for whoever asked to be told."""

    subject: str  #: what it is about; messages on one subject keep their order
    facts: Mapping[str, Any]  #: JSON types, and no address
    newsletter: str | None = None  #: ``None`` for what is about no newsletter
    subscriber_id: int | None = None  #: whose address may be told along with it


def announce(
    session: Session,
    kind: AnnouncementKind,
    subject: str,
    facts: Mapping[str, Any],
    now: datetime,
    *,
    newsletter: str | None = None,
    subscriber_id: int | None = None,
) -> int:
    """Write a message for each endpoint that asked for *kind*; return how many.

    The caller commits. *subject* names what it is about, such as "comparison/hosting".
    """
    told = Announcement(subject, facts, newsletter, subscriber_id)
    return announce_all(session, kind, [told], now)


def announce_all(
    session: Session, kind: AnnouncementKind, told: Sequence[Announcement], now: datetime
) -> int:
    """Write the messages of several announcements of one kind, by one statement; return how many.

    The caller commits.
    """
    if not told:
        return 0
    rows = [(*each[:1], json.dumps(each.facts), *each[2:]) for each in told]
    given = sql.json_rows_parameter(rows) | {"kind": kind, "now": now}
    written = session.connection().execute(_messages(sql.dialect(session)), given).rowcount
    if written:
        session.info[_WROTE] = True
    return written


def announce_once(
    session: Session, kind: AnnouncementKind, told: Sequence[Announcement], now: datetime
) -> int:
    """Announce those of *told* whose subject wasn't announced before; return how many they are.

    What nobody asked for counts as announced as well. The caller commits.
    """
    if not told:
        return 0
    made = sql.upsert(session, MadeAnnouncement).on_conflict_do_nothing()
    made = made.returning(col(MadeAnnouncement.subject))
    rows = [{"kind": kind, "subject": each.subject, "at": now} for each in told]
    new = set(session.execute(made, rows).scalars())
    announce_all(session, kind, [each for each in told if each.subject in new], now)
    return len(new)


def wrote_messages(session: Session) -> bool:
    """Return whether a session has written messages, which wait from its commit on."""
    return bool(session.info.get(_WROTE))


def has_announced(session: Session, kind: AnnouncementKind, subject: str) -> bool:
    """Return whether `announce_once` has announced this."""
    made = select(col(MadeAnnouncement.at)).where(
        col(MadeAnnouncement.kind) == kind, col(MadeAnnouncement.subject) == subject
    )
    return session.execute(made).first() is not None


@cache
def _messages(dialect: str) -> Any:
    """Return the statement that writes the messages of the announcements it is given."""
    told = sql.json_rows(
        dialect, subject=Text, facts=Text, newsletter=Text, subscriber_id=BigInteger
    )
    row = sql.table(WebhookMessage)
    now = bindparam("now", type_=row.c.at.type)
    kind = bindparam("kind", type_=row.c.kind.type)
    waiting = literal(MessageState.WAITING, row.c.state.type)
    joined = exists().where(
        col(Subscription.subscriber_id) == told.c.subscriber_id,
        col(Subscription.newsletter) == col(WebhookEndpoint.newsletter),
    )
    concerned = or_(
        col(WebhookEndpoint.newsletter) == "",
        col(WebhookEndpoint.newsletter) == told.c.newsletter,
        told.c.newsletter.is_(None) & (told.c.subscriber_id.is_(None) | joined),
    )
    asked = (
        select(
            col(WebhookEndpoint.id),
            kind,
            told.c.subject,
            told.c.facts,
            told.c.subscriber_id,
            *(now, waiting, now, now, literal(0), literal("")),
        )
        .select_from(told)
        .join(sql.table(WebhookKind), col(WebhookKind.kind) == kind)
        .join(sql.table(WebhookEndpoint), col(WebhookEndpoint.id) == col(WebhookKind.webhook_id))
        .where(concerned)
    )
    names = ["webhook_id", "kind", "subject", "data", "subscriber_id"]
    names += ["at", "state", "asked_at", "next_at", "tries", "said"]
    return insert(row).from_select(names, asked, include_defaults=False)
