"""The data of a report: which numbers it holds, gathered once for terminal, JSON, CSV and page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from digest.comparisons import store as comparisons
from digest.delivery.reporting import EditionStatistics, LinkStatistics, edition_statistics
from digest.delivery.sending import count_outbox_copies
from digest.delivery.settled_counts import delivery_counts
from digest.errors import NotFound
from digest.issues import store
from digest.issues.models import Edition, Issue, IssueState, Newsletter
from digest.reports.heatmap import LinkPosition, heat_map, link_positions
from digest.votes import (
    HeldReason,
    ScanNumbers,
    VoteNumbers,
    scan_numbers,
    turnout,
    vote_numbers,
)
from subscribers import list_statistics

STANDINGS = (
    "accepted", "delivered", "deferred", "blocked", "bounced", "dropped", "complained",
)  # fmt: skip
ELSEWHERE = "Elsewhere in the mail"


@dataclass(frozen=True, kw_only=True)
class LinkRow:
    """One link of the mail, with the counts of its clicks and readers."""

    words: str
    section: str
    url: str
    surely: int
    readers: int
    clicks: int


@dataclass(frozen=True, kw_only=True)
class SectionRow:
    """One comparison of the mail; each reader counts once a link."""

    title: str
    surely: int
    readers: int


@dataclass(frozen=True, kw_only=True)
class EditionRow:
    """One edition of the issue, with the counts of its deliveries; most issues have one."""

    slice: str  #: the part of the audience that gets it
    revision: int
    language: str
    fingerprint: str  #: the first characters of its hash
    accepted: int
    delivered: int
    deferred: int
    blocked: int
    bounced: int
    dropped: int
    complained: int


@dataclass(frozen=True, kw_only=True)
class IssueVotes:
    """What readers voted on an issue's comparisons, by its own links and in other ways."""

    turnout: int = 0  #: readers of this issue who voted by a link in it
    comparisons: Sequence[VoteNumbers] = ()  #: in the order of the mail
    scans: ScanNumbers = field(default_factory=ScanNumbers)  #: of its copies

    @property
    def any(self) -> bool:
        """Whether there is a vote, counted or not."""
        return any(one.since or one.held or one.taken_back for one in self.comparisons)

    @property
    def held(self) -> Mapping[HeldReason, int]:
        """The votes that aren't counted, by reason, the most first."""
        total: Counter[HeldReason] = Counter()
        for one in self.comparisons:
            total.update(one.held)
        return dict(total.most_common())

    def as_dict(self) -> dict[str, Any]:
        """Return the values for JSON."""
        return {
            "turnout": self.turnout,
            "comparisons": [one.as_dict() for one in self.comparisons],
            "scans": self.scans.as_dict(),
        }


@dataclass(frozen=True, kw_only=True)
class IssueReport:
    """The results of one issue."""

    newsletter: str
    number: int
    period: str
    subject: str
    sent_at: datetime | None
    dated: date  #: the day its mail is dated
    tracking: str
    numbers: EditionStatistics
    sections: Sequence[SectionRow]
    links: Sequence[LinkRow]
    unsubscribed: int  #: readers who left before the next issue went out, by any way
    growth: list_statistics.AudienceCounts
    editions: Sequence[EditionRow] = ()
    corrects: int | None = None  #: number of the weekly issue, of a correction
    in_folder: bool = False  #: the copies went to the outbox folder, so nobody was mailed
    votes: IssueVotes = field(default_factory=IssueVotes)
    heat: str = field(default="", repr=False)  #: the heat map of the mail, as HTML

    @property
    def label(self) -> str:
        """Return the number as readers know it: "No. 12", and a correction by both numbers."""
        if self.corrects is None:
            return f"No. {self.number}"
        return f"Correction to No. {self.corrects} (issue {self.number})"

    def as_dict(self) -> dict[str, Any]:
        """Return the values for JSON, without the heat map."""
        fields = {name: value for name, value in vars(self).items() if name != "heat"}
        return {
            **fields,
            "sent_at": self.sent_at.isoformat() if self.sent_at else None,
            "dated": self.dated.isoformat(),
            "numbers": {
                **self.numbers.as_dict(),
                "unheard": self.numbers.unheard,
                "complaint_rate": self.numbers.complaint_rate,
            },
            "editions": [asdict(row) for row in self.editions],
            "sections": [asdict(row) for row in self.sections],
            "links": [asdict(row) for row in self.links],
            "growth": self.growth.as_json(),
            "votes": self.votes.as_dict(),
        }


def report(
    session: Session,
    issue: Issue,
    now: datetime,
    *,
    audience: list_statistics.AudienceCounts | None = None,
) -> IssueReport:
    """Return the report of an issue; raise `NotFound` for an issue that nobody was sent.

    *audience* holds the counts of the newsletter's list, where they were made already.
    """
    if issue.prepared_at is None:
        raise _unsent(issue)
    newsletter = store.newsletter_of(session, issue)
    edition = store.edition_of(session, issue)
    numbers = edition_statistics(session, edition.id or 0)
    rows = link_rows(link_positions(edition.html), numbers.links)
    return IssueReport(
        newsletter=newsletter.name,
        number=issue.number or 0,
        period=issue.period,
        subject=edition.subject,
        sent_at=issue.prepared_at,
        dated=store.dated(issue, newsletter),
        tracking=edition.tracking,
        numbers=numbers,
        sections=section_rows(link_positions(edition.html), rows),
        links=rows,
        unsubscribed=_unsubscribed(session, newsletter, issue, now),
        growth=audience or list_statistics.count(session, newsletter.slug, now),
        editions=_editions(session, issue),
        corrects=issue.corrected_number,
        in_folder=count_outbox_copies(session, edition.id or 0) > 0,
        votes=_votes(session, issue),
        heat=heat_map(edition.html, numbers.links) if numbers.links else "",
    )


def _votes(session: Session, issue: Issue) -> IssueVotes:
    """Return what readers voted on the comparisons of an issue, as it showed them."""
    revisions = store.carried_comparisons(session, issue.id or 0)
    editions = store.edition_ids(session, issue)
    return IssueVotes(
        turnout=turnout(session, [row.comparison_id for row in revisions], edition_ids=editions),
        comparisons=vote_numbers(session, revisions),
        scans=scan_numbers(session, editions),
    )


def votes_on(session: Session, slug: str) -> tuple[VoteNumbers, ScanNumbers]:
    """Return what readers voted on a comparison, and the scans of all issues with it.

    Raises `NotFound`.
    """
    comparison = comparisons.by_slug(session, slug)
    [numbers] = vote_numbers(session, [comparisons.latest(session, comparison)])
    return numbers, scan_numbers(session, store.edition_ids_with(session, comparison.id or 0))


def _unsent(issue: Issue) -> NotFound:
    if issue.state is IssueState.CANCELLED:
        return NotFound(
            f"issue {issue.number} was cancelled before any of it was sent",
            next_step=f"digest build --period {issue.period} builds another issue for that week",
        )
    return NotFound(
        f"issue {issue.number} hasn't been sent yet", next_step=f"digest status {issue.number}"
    )


def every_issue(session: Session, newsletter: Newsletter, now: datetime) -> list[IssueReport]:
    """Return the reports of every issue that was sent or is being sent, oldest first."""
    sent = [
        issue
        for issue in store.issues(session, newsletter.id)
        if issue.number is not None and issue.prepared_at is not None
    ]
    audience = list_statistics.count(session, newsletter.slug, now)
    return [report(session, issue, now, audience=audience) for issue in sent]


def _editions(session: Session, issue: Issue) -> list[EditionRow]:
    """Return the editions of an issue that have deliveries, in the order they were made."""
    statement = session.exec(
        select(Edition).where(Edition.issue_id == issue.id).order_by(col(Edition.id))
    ).all()
    counted = [(edition, delivery_counts(session, edition.id or 0)) for edition in statement]
    return [
        EditionRow(
            slice=edition.slice,
            revision=edition.revision,
            language=edition.language,
            fingerprint=edition.fingerprint[:12],
            **{name: getattr(counts, name) for name in STANDINGS},
        )
        for edition, counts in counted
        if counts.candidates
    ]


def link_rows(standing: Sequence[LinkPosition], links: Sequence[LinkStatistics]) -> list[LinkRow]:
    """Return each followed link with its text and section, the most followed first."""
    first: dict[str, LinkPosition] = {}
    for place in standing:
        first.setdefault(place.url, place)
    rows = []
    for link in sorted(links, key=lambda link: (-link.readers, -link.surely, link.url)):
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


def section_rows(standing: Sequence[LinkPosition], rows: Sequence[LinkRow]) -> list[SectionRow]:
    """Return link visits summed by comparison, in the order of the mail, zeros included."""
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
    """Return how many readers left between this issue and the next one, or *now*.

    A correction is no next issue.
    """
    if issue.prepared_at is None:
        return 0
    later = (
        select(func.min(col(Issue.prepared_at)))
        .join(Edition, col(Edition.issue_id) == col(Issue.id))
        .where(
            col(Issue.newsletter_id) == newsletter.id,
            col(Issue.prepared_at) > issue.prepared_at,
            col(Issue.corrects_issue_id).is_(None),
        )
    )
    end = session.connection().execute(later).scalar() or now
    return list_statistics.left_between(session, newsletter.slug, issue.prepared_at, end)
