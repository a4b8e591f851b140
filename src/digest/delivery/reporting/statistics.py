"""What became of one edition, in numbers one can trust.

Opens are split by the provider's machine flag, clicks are a range from surely human to all, and
nothing is ever decided by either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from digest.delivery.counts import count_deliveries
from digest.delivery.events import LATE_BOUNCE, pseudonym
from digest.delivery.models import Anonymity, Batch, EventLink, FrozenNumbers, MailEvent
from digest.delivery.reporting.provider_statistics import (
    ProviderStatistics,
    count_by_mailbox_provider,
)
from digest.mail.provider_events import EventKind

NEAR = 10  #: seconds after delivery within which scanners follow links, and hardly a person does
AT_ONCE = 5  #: seconds
MANY = 3  #: links within that time


class LinkVisit(NamedTuple):
    """One link followed in one copy of a mail."""

    moment: int  #: seconds since 1970
    link: int
    machine: bool = False  #: what followed it had no browser's traits


def human_clicks(clicks: Sequence[LinkVisit], delivered: int | None) -> list[bool]:
    """Judge the clicks on one copy of a mail, each in its place; pure.

    Not surely a person's are those without a browser's traits, those within seconds of delivery,
    and those among many links followed at once.
    """
    return [
        not click.machine
        and not (delivered is not None and click.moment - delivered < NEAR)
        and _links_around(clicks, click) < MANY
        for click in clicks
    ]


def _links_around(clicks: Sequence[LinkVisit], one: LinkVisit) -> int:
    """Count the links followed in the fullest span of `AT_ONCE` seconds that holds *one*."""
    most = 0
    for first in clicks:
        if one.moment - AT_ONCE <= first.moment <= one.moment:
            end = first.moment + AT_ONCE
            most = max(most, len({c.link for c in clicks if first.moment <= c.moment <= end}))
    return most


#: Gmail's lines for complaints: stay below the first, never reach the second.
COMPLAINTS_GOOD, COMPLAINTS_BAD = 0.001, 0.003
_FAILED = [EventKind.BOUNCED, EventKind.BLOCKED, EventKind.DROPPED]
_LEFT = [EventKind.UNSUBSCRIBED, EventKind.RESIGNED]


@dataclass(frozen=True, kw_only=True)
class LinkStatistics:
    """One link: readers who followed it, and how often it was followed."""

    url: str
    surely: int
    readers: int
    clicks: int


@dataclass(frozen=True, kw_only=True)
class EditionStatistics:
    """One edition's numbers; people unless said otherwise."""

    accepted: int = 0
    delivered: int = 0
    deferred: int = 0  #: still: the mailbox said "later" and nothing since
    bounced: int = 0  #: for good
    blocked: int = 0  #: this mail, not the address
    dropped: int = 0
    complained: int = 0
    left: int = 0  #: by the provider's own link
    late_bounces: int = 0  #: that came back by mail, without ids: by address, so soft
    opened_people: int = 0  #: at least once by what doesn't call itself a machine
    opened_machines: int = 0  #: only by machines
    clicked_surely: int = 0
    clicked_all: int = 0
    clicks_surely: int = 0  #: clicks, not people
    clicks_all: int = 0  #: clicks, not people
    links: Sequence[LinkStatistics] = ()
    providers: Sequence[ProviderStatistics] = ()
    causes: Mapping[str, int] = field(default_factory=dict)  #: why mails failed
    #: (minute since 1970, mails delivered in it)
    timeline: Sequence[tuple[int, int]] = ()

    @property
    def complaint_rate(self) -> float | None:
        """Complaints by delivered mails; ``None`` where none was delivered."""
        return self.complained / self.delivered if self.delivered else None

    @property
    def unheard(self) -> int:
        """Accepted mails without news of what became of them."""
        known = self.delivered + self.deferred + self.blocked + self.bounced + self.dropped
        return max(0, self.accepted - known)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, which `from_dict` reads back."""
        return asdict(self)


def from_dict(found: Mapping[str, Any]) -> EditionStatistics:
    """Read numbers that were stored."""
    return EditionStatistics(
        **{
            **found,
            "links": tuple(LinkStatistics(**each) for each in found["links"]),
            "providers": tuple(ProviderStatistics(**each) for each in found["providers"]),
            "timeline": tuple((minute, number) for minute, number in found["timeline"]),
        }
    )


def edition_statistics(session: Session, edition_id: int) -> EditionStatistics:
    """Count what became of an edition; what was frozen when its events were pruned stays so.

    Standings are counted anew always: they are kept with the deliveries.
    """
    frozen = session.get(FrozenNumbers, edition_id)
    counts = count_deliveries(session, edition_id)
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
    if frozen is not None:
        kept = {**frozen.numbers, **standing}
        return from_dict({**kept, "providers": [asdict(each) for each in providers]})
    return EditionStatistics(**standing, providers=providers, **_from_events(session, edition_id))


def _from_events(session: Session, edition_id: int) -> dict[str, Any]:
    mine = _of(session, edition_id)
    people, machines = _opened(session, mine)
    return {
        "left": _readers(session, mine, _LEFT),
        "late_bounces": _readers(session, mine, [LATE_BOUNCE]),
        "opened_people": people,
        "opened_machines": machines,
        "causes": _causes(session, mine),
        "timeline": _timeline(session, mine),
        **_clicked(session, mine, _delivered_unnamed(session, edition_id, mine)),
    }


def _of(session: Session, edition_id: int) -> ColumnElement[bool]:
    """Return the condition for an edition's events: its range of deliveries, and the nameless."""
    spans = select(func.min(col(Batch.first_delivery)), func.max(col(Batch.last_delivery)))
    found = session.connection().execute(spans.where(col(Batch.edition_id) == edition_id)).one()
    first, last = (each or 0 for each in found)
    ranged = or_(col(MailEvent.delivery_id).between(first, last), col(MailEvent.delivery_id) < 0)
    return ranged & (col(MailEvent.edition_id) == edition_id)


def _readers(session: Session, mine: ColumnElement[bool], kinds: Sequence[str]) -> int:
    distinct = func.count(col(MailEvent.delivery_id).distinct())
    found = select(distinct).where(mine, col(MailEvent.kind).in_(kinds))
    return session.connection().execute(found).scalar_one()


def _opened(session: Session, mine: ColumnElement[bool]) -> tuple[int, int]:
    """Count readers whose copy was opened by a person perhaps, and by machines only."""
    each = (
        select(func.min(col(MailEvent.machine)).label("machine"))
        .where(mine, col(MailEvent.kind) == EventKind.OPENED)
        .group_by(col(MailEvent.delivery_id))
        .subquery()
    )
    rows = session.connection().execute(
        select(each.c.machine, func.count()).group_by(each.c.machine)
    )
    found = {row[0]: row[1] for row in rows}
    return found.get(0, 0), found.get(1, 0)


def _causes(session: Session, mine: ColumnElement[bool]) -> dict[str, int]:
    known = case((col(MailEvent.cause) != "", col(MailEvent.cause)), else_="Not said")
    rows = session.connection().execute(
        select(known, func.count(col(MailEvent.delivery_id).distinct()))
        .where(mine, col(MailEvent.kind).in_(_FAILED))
        .group_by(known)
        .order_by(func.count(col(MailEvent.delivery_id).distinct()).desc(), known)
    )
    return {cause: number for cause, number in rows}  # noqa: C416 - rows, not pairs


def _timeline(session: Session, mine: ColumnElement[bool]) -> tuple[tuple[int, int], ...]:
    minute = (col(MailEvent.moment) - col(MailEvent.moment) % 60).label("minute")
    rows = session.connection().execute(
        select(minute, func.count())
        .where(mine, col(MailEvent.kind) == EventKind.DELIVERED)
        .group_by(minute)
        .order_by(minute)
    )
    return tuple((int(at) // 60, number) for at, number in rows)


def _clicked(
    session: Session, mine: ColumnElement[bool], unnamed: Mapping[int, int]
) -> dict[str, Any]:
    """Judge every click beside the others on the same copy; one pass, a copy at a time.

    *unnamed* tells when a copy was delivered whose clicks are kept under a number of their own.
    """
    surely: Counter[int] = Counter()
    readers: Counter[int] = Counter()
    clicks: Counter[int] = Counter()
    totals: Counter[str] = Counter()
    rows: Iterable[Any] = session.connection().execute(_clicks(mine))
    for who, copy in groupby(rows, key=lambda row: row[0]):
        told = list(copy)
        mail = [LinkVisit(row[1], row[2], bool(row[3])) for row in told]
        judged = human_clicks(mail, unnamed.get(who, told[0][4]))
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
                url=urls.get(each, ""), surely=surely[each], readers=readers[each], clicks=number
            )
            for each, number in clicks.most_common()
        ),
    }


def _clicks(mine: ColumnElement[bool]) -> Select[Any]:
    """Every click with the moment its copy was delivered, a copy's together."""
    told = aliased(MailEvent)
    delivered = (
        select(func.min(col(told.moment)))
        .where(
            col(told.delivery_id) == col(MailEvent.delivery_id),
            col(told.kind) == EventKind.DELIVERED,
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
        .where(mine, col(MailEvent.kind) == EventKind.CLICKED)
        .order_by(col(MailEvent.delivery_id), col(MailEvent.moment))
    )


def _delivered_unnamed(
    session: Session, edition_id: int, mine: ColumnElement[bool]
) -> dict[int, int]:
    """Say when copies were delivered whose clicks are kept anonymously; forgotten at once.

    Without it no click could be told to have come within seconds of delivery, and all would pass
    for people's. Empty once the edition's numbers are frozen: its secret is gone then.
    """
    salt = (
        session.connection()
        .execute(select(col(Anonymity.salt)).where(col(Anonymity.edition_id) == edition_id))
        .scalar()
    )
    if salt is None:
        return {}
    rows = session.connection().execute(
        select(col(MailEvent.delivery_id), func.min(col(MailEvent.moment)))
        .where(mine, col(MailEvent.kind) == EventKind.DELIVERED)
        .group_by(col(MailEvent.delivery_id))
    )
    return {pseudonym(delivery, salt): moment for delivery, moment in rows}


def _urls(session: Session, links: list[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for at in range(0, len(links), 400):
        part = links[at : at + 400]
        rows = session.connection().execute(
            select(col(EventLink.id), col(EventLink.url)).where(col(EventLink.id).in_(part))
        )
        found.update({row[0]: row[1] for row in rows})
    return found
