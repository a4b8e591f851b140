"""Decides how an edition's events are counted.

Opens are split by the provider's machine flag, and clicks are a range from surely human to all.
No part of the system acts on either number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from digest.delivery.events import IS_PSEUDONYM, LATE_BOUNCE, pseudonym
from digest.delivery.models import Batch, EventLink, FrozenNumbers, MailEvent, PseudonymSalt
from digest.delivery.reporting.doubt_evidence import reports_failures_only
from digest.delivery.reporting.provider_statistics import (
    ProviderStatistics,
    count_by_mailbox_provider,
)
from digest.delivery.settled_counts import delivery_counts
from digest.mail.link_visits import LinkVisit, human_clicks
from digest.mail.provider_events import EventKind
from subscribers.sql import chunks

#: Gmail's limits for the complaint rate: stay below the first, never reach the second (Google's
#: email sender guidelines).
COMPLAINTS_GOOD, COMPLAINTS_BAD = 0.001, 0.003
_FAILED = [EventKind.BOUNCED, EventKind.BLOCKED, EventKind.DROPPED]
_LEFT = [EventKind.UNSUBSCRIBED, EventKind.RESIGNED]


@dataclass(frozen=True, kw_only=True)
class LinkStatistics:
    """One link: how many readers followed it, surely and in all, and how often."""

    url: str
    surely: int
    readers: int
    clicks: int


@dataclass(frozen=True, kw_only=True)
class EditionStatistics:
    """One edition's numbers: readers, unless a field says otherwise."""

    accepted: int = 0
    delivered: int = 0  #: with *failures_only*, what wasn't returned
    failures_only: bool = False  #: a mail server took the mail, and reports only what it returns
    deferred: int = 0  #: the mailbox asked to retry, and no later event came
    bounced: int = 0  #: permanently
    blocked: int = 0  #: the mailbox refused this mail, not the address
    dropped: int = 0
    complained: int = 0
    left: int = 0  #: unsubscribed by the provider's own link
    late_bounces: int = 0  #: returned by mail without ids, and matched by address
    opened_people: int = 0  #: at least once without the machine flag
    opened_machines: int = 0  #: only with the machine flag
    clicked_surely: int = 0
    clicked_all: int = 0
    clicks_surely: int = 0  #: clicks, not people
    clicks_all: int = 0  #: clicks, not people
    links: Sequence[LinkStatistics] = ()
    providers: Sequence[ProviderStatistics] = ()
    causes: Mapping[str, int] = field(default_factory=dict)  #: readers by cause of failure
    #: (minute since 1970, mails delivered in it)
    timeline: Sequence[tuple[int, int]] = ()

    @property
    def complaint_rate(self) -> float | None:
        """Return complaints divided by delivered mails, ``None`` where none was delivered."""
        return self.complained / self.delivered if self.delivered else None

    @property
    def unheard(self) -> int:
        """Return the number of accepted mails without a status event."""
        known = self.delivered + self.deferred + self.blocked + self.bounced + self.dropped
        return max(0, self.accepted - known)

    def as_dict(self) -> dict[str, Any]:
        """Return a dict of plain values, which `from_dict` reads."""
        return asdict(self)


def from_dict(numbers: Mapping[str, Any]) -> EditionStatistics:
    """Return statistics from a dict that `as_dict` made."""
    return EditionStatistics(
        **{
            **numbers,
            "links": tuple(LinkStatistics(**link) for link in numbers["links"]),
            "providers": tuple(ProviderStatistics(**row) for row in numbers["providers"]),
            "timeline": tuple((minute, number) for minute, number in numbers["timeline"]),
        }
    )


def edition_statistics(session: Session, edition_id: int) -> EditionStatistics:
    """Return an edition's statistics: from its events, or frozen ones once those are pruned.

    Statuses are always counted anew, since they are stored with the deliveries.
    """
    frozen = session.get(FrozenNumbers, edition_id)
    counts = delivery_counts(session, edition_id)
    providers = count_by_mailbox_provider(session, edition_id)
    standing: dict[str, Any] = {
        "accepted": counts.accepted,
        "delivered": counts.delivered,
        "deferred": counts.deferred,
        "bounced": counts.bounced,
        "blocked": counts.blocked,
        "dropped": counts.dropped,
        "complained": counts.complained,
    }
    if reports_failures_only(session, edition_id):
        standing |= {"failures_only": True, "delivered": counts.delivered + counts.unheard}
    if frozen is not None:
        kept = {**frozen.numbers, **standing}
        return from_dict({**kept, "providers": [asdict(row) for row in providers]})
    return EditionStatistics(**standing, providers=providers, **_from_events(session, edition_id))


def _from_events(session: Session, edition_id: int) -> dict[str, Any]:
    of_edition = _edition_condition(session, edition_id)
    people, machines = _opened(session, of_edition)
    return {
        "left": _readers(session, of_edition, _LEFT),
        "late_bounces": _readers(session, of_edition, [LATE_BOUNCE]),
        "opened_people": people,
        "opened_machines": machines,
        "causes": _causes(session, of_edition),
        "timeline": _timeline(session, of_edition),
        **_clicked(session, of_edition, _delivered_unnamed(session, edition_id, of_edition)),
    }


def _edition_condition(session: Session, edition_id: int) -> ColumnElement[bool]:
    """Return the condition for an edition's events, under delivery numbers or pseudonyms."""
    spans = select(func.min(col(Batch.first_delivery)), func.max(col(Batch.last_delivery)))
    row = session.connection().execute(spans.where(col(Batch.edition_id) == edition_id)).one()
    first, last = (number or 0 for number in row)
    of_edition = col(MailEvent.edition_id) == edition_id
    # Said in both parts, so that the second is looked up in the index of the pseudonyms.
    return or_(
        of_edition & col(MailEvent.delivery_id).between(first, last), of_edition & IS_PSEUDONYM
    )


def _readers(session: Session, of_edition: ColumnElement[bool], kinds: Sequence[str]) -> int:
    distinct = func.count(col(MailEvent.delivery_id).distinct())
    query = select(distinct).where(of_edition, col(MailEvent.kind).in_(kinds))
    return session.connection().execute(query).scalar_one()


def _opened(session: Session, of_edition: ColumnElement[bool]) -> tuple[int, int]:
    """Return the number of copies opened perhaps by a person, and by machines only."""
    by_copy = (
        select(func.min(col(MailEvent.machine)).label("machine"))
        .where(of_edition, col(MailEvent.kind) == EventKind.OPENED)
        .group_by(col(MailEvent.delivery_id))
        .subquery()
    )
    rows = session.connection().execute(
        select(by_copy.c.machine, func.count()).group_by(by_copy.c.machine)
    )
    counts = {row[0]: row[1] for row in rows}
    return counts.get(0, 0), counts.get(1, 0)


def _causes(session: Session, of_edition: ColumnElement[bool]) -> dict[str, int]:
    known = case((col(MailEvent.cause) != "", col(MailEvent.cause)), else_="Not said")
    rows = session.connection().execute(
        select(known, func.count(col(MailEvent.delivery_id).distinct()))
        .where(of_edition, col(MailEvent.kind).in_(_FAILED))
        .group_by(known)
        .order_by(func.count(col(MailEvent.delivery_id).distinct()).desc(), known)
    )
    return {cause: number for cause, number in rows}  # noqa: C416 - rows, not pairs


def _timeline(session: Session, of_edition: ColumnElement[bool]) -> tuple[tuple[int, int], ...]:
    minute = (col(MailEvent.moment) - col(MailEvent.moment) % 60).label("minute")
    rows = session.connection().execute(
        select(minute, func.count())
        .where(of_edition, col(MailEvent.kind) == EventKind.DELIVERED)
        .group_by(minute)
        .order_by(minute)
    )
    return tuple((int(at) // 60, number) for at, number in rows)


def _clicked(
    session: Session, of_edition: ColumnElement[bool], unnamed: Mapping[int, int]
) -> dict[str, Any]:
    """Return the click fields of the statistics; one pass over the clicks, a copy at a time.

    *unnamed* maps the pseudonym of a copy to its moment of delivery, in seconds since 1970.
    """
    surely: Counter[int] = Counter()
    readers: Counter[int] = Counter()
    clicks: Counter[int] = Counter()
    totals: Counter[str] = Counter()
    rows: Iterable[Any] = session.connection().execute(_clicks(of_edition))
    for who, copy in groupby(rows, key=lambda row: row[0]):
        copy_rows = list(copy)
        mail = [LinkVisit(row[1], row[2], bool(row[3])) for row in copy_rows]
        judged = human_clicks(mail, unnamed.get(who, copy_rows[0][4]))
        human = {click.link for click, sure in zip(mail, judged, strict=True) if sure}
        surely.update(human)
        readers.update({click.link for click in mail})
        clicks.update(click.link for click in mail)
        totals.update({"people": bool(human), "all": 1, "sure": sum(judged), "clicks": len(mail)})
    urls = _urls(session, list(clicks))
    return {
        "clicked_surely": totals["people"],
        "clicked_all": totals["all"],
        "clicks_surely": totals["sure"],
        "clicks_all": totals["clicks"],
        "links": tuple(
            LinkStatistics(
                url=urls.get(link, ""), surely=surely[link], readers=readers[link], clicks=number
            )
            for link, number in clicks.most_common()
        ),
    }


def _clicks(of_edition: ColumnElement[bool]) -> Select[Any]:
    """Return a query of all clicks with their copy's moment of delivery, ordered by copy."""
    delivery_events = aliased(MailEvent)
    delivered = (
        select(func.min(col(delivery_events.moment)))
        .where(
            col(delivery_events.delivery_id) == col(MailEvent.delivery_id),
            col(delivery_events.kind) == EventKind.DELIVERED,
        )
        .scalar_subquery()
    )
    return (
        select(
            col(MailEvent.delivery_id),
            col(MailEvent.moment),
            col(MailEvent.link),
            col(MailEvent.machine),
            delivered,
        )
        .where(of_edition, col(MailEvent.kind) == EventKind.CLICKED)
        .order_by(col(MailEvent.delivery_id), col(MailEvent.moment))
    )


def _delivered_unnamed(
    session: Session, edition_id: int, of_edition: ColumnElement[bool]
) -> dict[int, int]:
    """Return when copies with pseudonymous clicks were delivered, by pseudonym; never stored.

    Without this mapping no click could be compared with its moment of delivery, and all would count
    as human. The mapping is empty once the edition's statistics are frozen: the salt is deleted.
    """
    salt = (
        session.connection()
        .execute(select(col(PseudonymSalt.salt)).where(col(PseudonymSalt.edition_id) == edition_id))
        .scalar()
    )
    if salt is None:
        return {}
    rows = session.connection().execute(
        select(col(MailEvent.delivery_id), func.min(col(MailEvent.moment)))
        .where(of_edition, col(MailEvent.kind) == EventKind.DELIVERED)
        .group_by(col(MailEvent.delivery_id))
    )
    return {pseudonym(delivery, salt): moment for delivery, moment in rows}


def _urls(session: Session, links: list[int]) -> dict[int, str]:
    urls: dict[int, str] = {}
    for part in chunks(links):
        rows = session.connection().execute(
            select(col(EventLink.id), col(EventLink.url)).where(col(EventLink.id).in_(part))
        )
        urls.update({row[0]: row[1] for row in rows})
    return urls
