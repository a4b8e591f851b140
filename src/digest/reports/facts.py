"""Everything a report says, gathered once: what the terminal, JSON, CSV and the page all show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from digest.delivery.numbers import Link, Numbers, numbers
from digest.issues import store
from digest.issues.models import Edition, Issue, Newsletter
from digest.reports.places import Place, heat_map, places
from subscribers import growth
from subscribers.models import Consent, ConsentAct

ELSEWHERE = "Elsewhere in the mail"


@dataclass(frozen=True, kw_only=True)
class LinkRow:
    """One link of the mail with what became of it."""

    words: str
    section: str
    url: str
    surely: int
    readers: int
    clicks: int


@dataclass(frozen=True, kw_only=True)
class SectionRow:
    """One comparison of the mail: link visits, summed over its links."""

    title: str
    surely: int
    readers: int


@dataclass(frozen=True, kw_only=True)
class IssueReport:
    """What became of one issue."""

    newsletter: str
    number: int
    period: str
    subject: str
    sent_at: datetime | None
    tracking: str
    numbers: Numbers
    sections: Sequence[SectionRow]
    links: Sequence[LinkRow]
    unsubscribed: int  #: readers who left until the next issue went out, by any way
    growth: growth.Counts
    heat: str = field(default="", repr=False)  #: the mail itself, links coloured

    def as_dict(self) -> dict[str, Any]:
        """Return plain values; the mail itself is left out."""
        found = {name: value for name, value in vars(self).items() if name != "heat"}
        return {
            **found,
            "sent_at": self.sent_at.isoformat() if self.sent_at else None,
            "numbers": {**self.numbers.as_dict(), "complaint_rate": self.numbers.complaint_rate},
            "sections": [asdict(each) for each in self.sections],
            "links": [asdict(each) for each in self.links],
            "growth": self.growth.as_json(),
        }


def report(session: Session, issue: Issue, now: datetime) -> IssueReport:
    """Gather what became of an issue; raises `NotFound` when it carries nothing."""
    newsletter = store.newsletter_of(session, issue)
    edition = store.edition_of(session, issue)
    found = numbers(session, edition.id or 0)
    rows = link_rows(places(edition.html), found.links)
    return IssueReport(
        newsletter=newsletter.name,
        number=issue.number or 0,
        period=issue.period,
        subject=edition.subject,
        sent_at=issue.prepared_at,
        tracking=newsletter.tracking,
        numbers=found,
        sections=section_rows(places(edition.html), rows),
        links=rows,
        unsubscribed=_unsubscribed(session, newsletter, issue, now),
        growth=growth.count(session, newsletter.slug, now),
        heat=heat_map(edition.html, found.links) if found.links else "",
    )


def every(session: Session, newsletter: Newsletter, now: datetime) -> list[IssueReport]:
    """Gather every issue of a newsletter that was sent or is under way, the oldest first."""
    sent = [
        issue
        for issue in store.issues(session, newsletter.id)
        if issue.number is not None and issue.prepared_at is not None
    ]
    return [report(session, issue, now) for issue in sent]


def link_rows(standing: Sequence[Place], links: Sequence[Link]) -> list[LinkRow]:
    """Say of each followed link what it reads and where it stands, the most followed first."""
    first: dict[str, Place] = {}
    for place in standing:
        first.setdefault(place.url, place)
    rows = []
    for link in sorted(links, key=lambda each: (-each.readers, -each.surely, each.url)):
        at = first.get(link.url)
        rows.append(
            LinkRow(
                words=at.words if at else link.url,
                section=(at.section if at else "") or ELSEWHERE,
                url=link.url,
                surely=link.surely,
                readers=link.readers,
                clicks=link.clicks,
            )
        )
    return rows


def section_rows(standing: Sequence[Place], rows: Sequence[LinkRow]) -> list[SectionRow]:
    """Sum link visits by comparison, in the order of the mail; those without any are there too."""
    surely: Counter[str] = Counter()
    readers: Counter[str] = Counter()
    for row in rows:
        surely[row.section] += row.surely
        readers[row.section] += row.readers
    titles = [*dict.fromkeys(place.section for place in standing if place.section), ELSEWHERE]
    return [
        SectionRow(title=title, surely=surely[title], readers=readers[title])
        for title in titles
        if title != ELSEWHERE or readers[title]
    ]


def _unsubscribed(session: Session, newsletter: Newsletter, issue: Issue, now: datetime) -> int:
    """Count readers who left from when the issue went out until the next one did."""
    if issue.prepared_at is None:
        return 0
    later = (
        select(func.min(col(Issue.prepared_at)))
        .join(Edition, col(Edition.issue_id) == col(Issue.id))
        .where(
            col(Issue.newsletter_id) == newsletter.id, col(Issue.prepared_at) > issue.prepared_at
        )
    )
    end = session.connection().execute(later).scalar() or now
    gone = select(func.count(col(Consent.subscriber_id).distinct())).where(
        col(Consent.newsletter) == newsletter.slug,
        col(Consent.act) == ConsentAct.WITHDRAWN,
        col(Consent.at) >= issue.prepared_at,
        col(Consent.at) <= end,
    )
    return session.connection().execute(gone).scalar_one()
