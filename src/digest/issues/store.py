"""SQL of newsletters, issues, editions and placements, and what counts as published."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, case, func
from sqlalchemy import select as columns
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from digest.comparisons.models import Comparison, Contender, Revision, Tool
from digest.errors import NotFound
from digest.issues.calendar import issue_day
from digest.issues.models import (
    CORRECTION_STEP,
    Edition,
    Issue,
    IssueState,
    Newsletter,
    Placement,
)

if TYPE_CHECKING:
    from digest.issues.picking import PastIssueContent

USUAL = "weekly"  #: the newsletter that commands ask for unless told otherwise
#: A cancelled issue keeps its page for those who got it, but no list shows it.
_PUBLISHED_STATES = (IssueState.PREPARED, IssueState.PAUSED, IssueState.SENT)


class PublishedIssue(NamedTuple):
    """A published issue in a list: its number, day and subject.

    *prepared_at* is when it was published; an issue that isn't out has the moment it is shown.
    """

    id: int
    number: int
    day: date
    subject: str
    prepared_at: datetime
    corrects: int | None = None  #: number of the weekly issue, where this is a correction of one


def newsletters(session: Session) -> Sequence[Newsletter]:
    """Return every newsletter, the oldest first."""
    return session.exec(select(Newsletter).order_by(col(Newsletter.id))).all()


def published(
    session: Session, newsletter: Newsletter, *, at_most: int = 1000
) -> list[PublishedIssue]:
    """Return a newsletter's published issues, the newest first; without corrections."""
    statement = (
        _published_editions(newsletter)
        .where(col(Issue.state).in_(_PUBLISHED_STATES), _IS_NO_CORRECTION)
        .limit(at_most)
    )
    return [_published_issue(row, newsletter) for row in session.connection().execute(statement)]


def latest(session: Session, newsletter: Newsletter) -> PublishedIssue | None:
    """Return the newest published issue; ``None`` when there is none."""
    return next(iter(published(session, newsletter, at_most=1)), None)


def public_issue(session: Session, newsletter: Newsletter, number: int) -> PublishedIssue:
    """Return an issue whose audience was frozen; raises `NotFound` for any other number."""
    statement = _published_editions(newsletter).where(col(Issue.number) == number)
    row = session.connection().execute(statement).first()
    if row is None:
        raise NotFound(f"no issue {number} has been sent")
    return _published_issue(row, newsletter)


def before(session: Session, newsletter: Newsletter, number: int) -> PublishedIssue | None:
    """Return the published issue before *number*; ``None`` where there is none."""
    earlier = _published_editions(newsletter).where(
        col(Issue.state).in_(_PUBLISHED_STATES), _IS_NO_CORRECTION, col(Issue.number) < number
    )
    row = session.connection().execute(earlier.limit(1)).first()
    return _published_issue(row, newsletter) if row else None


def after(session: Session, newsletter: Newsletter, number: int) -> PublishedIssue | None:
    """Return the published issue after *number*; ``None`` where there is none."""
    later = _published_editions(newsletter).where(
        col(Issue.state).in_(_PUBLISHED_STATES), _IS_NO_CORRECTION, col(Issue.number) > number
    )
    upwards = later.order_by(None).order_by(col(Issue.number))
    row = session.connection().execute(upwards.limit(1)).first()
    return _published_issue(row, newsletter) if row else None


def published_corrections(
    session: Session, newsletter: Newsletter, issue_id: int
) -> list[tuple[PublishedIssue, Edition]]:
    """Return the published corrections of an issue, and theirs, the oldest first."""
    corrected = _published_editions(newsletter).where(
        col(Issue.state).in_(_PUBLISHED_STATES),
        col(Issue.corrects_issue_id) == bindparam("issue"),
    )
    chain: list[tuple[PublishedIssue, Edition]] = []
    while (row := session.connection().execute(corrected, {"issue": issue_id}).first()) is not None:
        edition = session.get_one(Edition, row.edition_id)
        chain.append((_published_issue(row, newsletter), edition))
        issue_id = row.id
    return chain


def frozen_html(session: Session, issue_id: int) -> str:
    """Return the HTML of an issue that `public_issue` has returned, reader tags included."""
    statement = select(Edition.html).where(Edition.issue_id == issue_id, is_newest_edition())
    return session.exec(statement).one()


def carried_comparisons(session: Session, issue_id: int) -> Sequence[Revision]:
    """Return the revisions that an issue carries, by position."""
    statement = (
        select(Revision)
        .join(Placement, col(Placement.revision_id) == col(Revision.id))
        .where(Placement.issue_id == issue_id)
        .order_by(col(Placement.position))
    )
    return session.exec(statement).all()


def editions_carrying(
    session: Session, revision_ids: Collection[int], *, language: str | None = None
) -> list[tuple[int, Edition]]:
    """Return the published editions that carry these revisions, by revision, the oldest first.

    With *language* only those of newsletters in that language.
    """
    statement = (
        select(Placement.revision_id, Edition)
        .join(Issue, col(Issue.id) == col(Placement.issue_id))
        .join(Edition, (col(Edition.issue_id) == col(Issue.id)) & is_newest_edition())
        .where(col(Placement.revision_id).in_(revision_ids), col(Issue.prepared_at).is_not(None))
        .order_by(col(Edition.id))
    )
    if language is not None:
        statement = statement.join(
            Newsletter, col(Newsletter.id) == col(Issue.newsletter_id)
        ).where(Newsletter.language == language)
    return [(revision_id, edition) for revision_id, edition in session.exec(statement)]


def edition_ids_with(session: Session, comparison_id: int) -> Sequence[int]:
    """Return the ids of the editions of all issues that carry a comparison."""
    statement = (
        select(Edition.id)
        .join(Placement, col(Placement.issue_id) == col(Edition.issue_id))
        .where(Placement.comparison_id == comparison_id)
    )
    return [number for number in session.exec(statement) if number is not None]


class CarryingIssue(NamedTuple):
    """An issue that carries a comparison."""

    newsletter: str
    number: int
    period: str
    state: IssueState


def carried_by(session: Session, comparison: Comparison) -> list[CarryingIssue]:
    """Return the issues that carry a comparison and aren't cancelled, the oldest first."""
    rows = session.exec(
        select(Newsletter.slug, Issue.number, Issue.period, Issue.state)
        .join(Issue, col(Issue.newsletter_id) == col(Newsletter.id))
        .join(Placement, col(Placement.issue_id) == col(Issue.id))
        .where(
            Placement.comparison_id == comparison.id,
            col(Issue.state).in_(CARRYING_STATES),
        )
        .order_by(col(Issue.id))
    ).all()
    return [
        CarryingIssue(slug, number or 0, period, IssueState(state))
        for slug, number, period, state in rows
    ]


def withdrawals_in(session: Session, issue_id: int) -> dict[str, datetime]:
    """Return when comparisons that an issue carries were withdrawn, by slug."""
    statement = (
        select(Comparison.slug, Comparison.withdrawn_at)
        .join(Placement, col(Placement.comparison_id) == col(Comparison.id))
        .where(Placement.issue_id == issue_id)
    )
    rows = session.exec(statement.order_by(col(Placement.position)))
    return {slug: at.astimezone(UTC) for slug, at in rows if at is not None}


def last_changes(session: Session, newsletter: Newsletter) -> dict[int, date]:
    """Return the day that issues last changed after they were sent, by number.

    They were corrected, or a comparison in them was withdrawn.
    """
    corrections = _published_editions(newsletter).where(
        col(Issue.state).in_(_PUBLISHED_STATES), ~_IS_NO_CORRECTION
    )
    withdrawals = (
        columns(col(Issue.number), col(Comparison.withdrawn_at))
        .join(Placement, col(Placement.issue_id) == col(Issue.id))
        .join(Comparison, col(Comparison.id) == col(Placement.comparison_id))
        .where(
            col(Issue.newsletter_id) == newsletter.id,
            col(Issue.number).is_not(None),
            col(Comparison.withdrawn_at).is_not(None),
        )
    )
    run = session.connection().execute
    days = [(row.number, row.withdrawn_at.astimezone(UTC).date()) for row in run(withdrawals)]
    for row in run(corrections):
        correction = _published_issue(row, newsletter)
        days.append((correction.corrects, correction.day))
    return dict(sorted(days, key=lambda change: change[1]))


def _published_editions(newsletter: Newsletter) -> Select[*tuple[Any, ...]]:
    return (
        columns(
            col(Issue.id),
            col(Issue.number),
            col(Issue.period),
            col(Issue.pick)["day"].as_string().label("day"),
            col(Issue.corrects_issue_id),
            col(Issue.prepared_at),
            col(Edition.subject),
            col(Edition.id).label("edition_id"),
        )
        .join(Edition, (col(Edition.issue_id) == col(Issue.id)) & is_newest_edition())
        .where(
            col(Issue.newsletter_id) == newsletter.id,
            col(Issue.prepared_at).is_not(None),
            col(Issue.number).is_not(None),
        )
        .order_by(col(Issue.number).desc())
    )


@cache
def is_newest_edition() -> ColumnElement[bool]:
    """Return the condition that an edition is the newest of its issue."""
    newer = aliased(Edition)
    last = columns(func.max(col(newer.id))).where(col(newer.issue_id) == col(Edition.issue_id))
    return col(Edition.id) == last.correlate(Edition).scalar_subquery()


def _published_issue(row: Any, newsletter: Newsletter) -> PublishedIssue:
    corrects = row.number % CORRECTION_STEP if row.corrects_issue_id else None
    day = _day(row.day, row.period, newsletter)
    prepared_at = row.prepared_at.astimezone(UTC)
    return PublishedIssue(row.id, row.number, day, row.subject, prepared_at, corrects)


_IS_NO_CORRECTION = col(Issue.corrects_issue_id).is_(None)


def dated(issue: Issue, newsletter: Newsletter) -> date:
    """Return the day that an issue's mail is dated: the one date that every surface shows."""
    return _day(issue.pick.get("day"), issue.period, newsletter)


def _day(picked: str | None, period: str, newsletter: Newsletter) -> date:
    return date.fromisoformat(picked) if picked else issue_day(period, newsletter.weekday)


CARRYING_STATES = (IssueState.BUILT, IssueState.PREPARED, IssueState.PAUSED, IssueState.SENT)


def newsletter(session: Session, slug: str) -> Newsletter:
    """Return the newsletter called *slug*; raises `NotFound`.

    `USUAL` is what commands ask for unless told otherwise: it also stands for the only one there
    is, whatever its slug.
    """
    row = session.exec(select(Newsletter).where(Newsletter.slug == slug)).one_or_none()
    if row is None and slug == USUAL and len(rows := newsletters(session)) == 1:
        return rows[0]
    if row is None:
        slugs = session.exec(select(Newsletter.slug).order_by(Newsletter.slug)).all()
        if slug == USUAL and slugs:
            raise NotFound(
                "there are several newsletters: say which",
                next_step=" or ".join(f"--newsletter {each}" for each in slugs),
            )
        step = f"the newsletters here: {', '.join(slugs)}" if slugs else "digest init"
        raise NotFound(f"no newsletter is called {slug}", next_step=step)
    return row


def wrong_issue(session: Session, correction: Issue) -> Issue | None:
    """Return the issue that *correction* corrects; ``None`` for an issue that corrects none."""
    wrong = correction.corrects_issue_id
    return None if wrong is None else session.get_one(Issue, wrong)


def newsletter_of(session: Session, issue: Issue) -> Newsletter:
    """Return the newsletter an issue belongs to."""
    return session.get_one(Newsletter, issue.newsletter_id)


def by_number(
    session: Session, newsletter_id: int | None, number: int, *, lock: bool = False
) -> Issue:
    """Return the issue of that number; raises `NotFound`.

    *lock* locks the row until the caller commits.
    """
    chosen = select(Issue).where(Issue.newsletter_id == newsletter_id, Issue.number == number)
    issue = session.exec(chosen.with_for_update() if lock else chosen).one_or_none()
    if issue is None:
        raise NotFound(f"there is no issue {number}", next_step="digest build")
    return issue


def issue_and_edition(
    session: Session, slug: str, number: int, *, lock: bool = False
) -> tuple[Issue, Edition]:
    """Return an issue of the newsletter *slug* with its newest edition; raises `NotFound`."""
    issue = by_number(session, newsletter(session, slug).id, number, lock=lock)
    return issue, edition_of(session, issue)


def by_id(session: Session, issue_id: int, *, lock: bool = False) -> Issue | None:
    """Return the issue of that id; *lock* locks the row until the caller commits."""
    chosen = select(Issue).where(Issue.id == issue_id)
    return session.exec(chosen.with_for_update() if lock else chosen).one_or_none()


def by_period(
    session: Session, newsletter_id: int | None, period: str, *, lock: bool = False
) -> Issue | None:
    """Return the issue of *period*; of a cancelled one and its successor the successor.

    *lock* locks the row until the caller commits.
    """
    chosen = (
        select(Issue)
        .where(Issue.newsletter_id == newsletter_id, Issue.period == period)
        .order_by(
            case((col(Issue.state) == IssueState.CANCELLED, 1), else_=0), col(Issue.id).desc()
        )
        .limit(1)
    )
    return session.exec(chosen.with_for_update() if lock else chosen).one_or_none()


def issues(session: Session, newsletter_id: int | None) -> Sequence[Issue]:
    """Return every issue of a newsletter, the oldest first; corrections follow their issue."""
    chosen = select(Issue).where(Issue.newsletter_id == newsletter_id)
    return session.exec(chosen.order_by(col(Issue.period), col(Issue.number))).all()


def last_before(session: Session, newsletter_id: int | None, period: str) -> Issue | None:
    """Return the newest issue before *period* that has a number, corrections apart."""
    chosen = select(Issue).where(
        Issue.newsletter_id == newsletter_id,
        col(Issue.period) < period,
        col(Issue.number).is_not(None),
        _IS_NO_CORRECTION,
    )
    newest = chosen.order_by(col(Issue.period).desc(), col(Issue.number).desc()).limit(1)
    return session.exec(newest).one_or_none()


def built_issues(
    session: Session, newsletter_id: int | None, *, before: int | None = None, at_most: int
) -> list[tuple[Issue, Edition]]:
    """Return built issues with their newest editions, the one built last first.

    *before* leaves out the issue of that id, and what was built after it.
    """
    chosen = (
        select(Issue, Edition)
        .join(Edition, (col(Edition.issue_id) == col(Issue.id)) & is_newest_edition())
        .where(Issue.newsletter_id == newsletter_id, col(Issue.number).is_not(None))
    )
    if before is not None:
        chosen = chosen.where(col(Issue.id) < before)
    rows = session.exec(chosen.order_by(col(Issue.id).desc()).limit(at_most))
    return [(issue, edition) for issue, edition in rows]


def next_number(session: Session, newsletter_id: int | None) -> int:
    """Return the number of the next issue: the highest one plus 1, corrections apart."""
    highest = session.exec(
        select(func.max(col(Issue.number))).where(
            Issue.newsletter_id == newsletter_id, _IS_NO_CORRECTION
        )
    ).one()
    return (highest or 0) + 1


def correction_of(session: Session, issue: Issue) -> Issue | None:
    """Return the correction of an issue that isn't cancelled; ``None`` where there is none."""
    return session.exec(
        select(Issue).where(
            Issue.corrects_issue_id == issue.id, Issue.state != IssueState.CANCELLED
        )
    ).one_or_none()


def editions(session: Session, issue: Issue) -> Sequence[Edition]:
    """Return every edition of an issue, the oldest first."""
    chosen = select(Edition).where(Edition.issue_id == issue.id)
    return session.exec(chosen.order_by(col(Edition.revision))).all()


def edition_ids(session: Session, issue: Issue) -> list[int]:
    """Return the id of every edition of an issue, the oldest first."""
    chosen = select(Edition.id).where(Edition.issue_id == issue.id)
    return [number or 0 for number in session.exec(chosen.order_by(col(Edition.revision)))]


def edition_of(session: Session, issue: Issue) -> Edition:
    """Return the issue's newest edition; raises `NotFound` when it has none."""
    edition = session.exec(
        select(Edition)
        .where(Edition.issue_id == issue.id)
        .order_by(col(Edition.revision).desc())
        .limit(1)
    ).one_or_none()
    if edition is None:
        raise NotFound(f"the issue of {issue.period} carries nothing ({issue.state})")
    return edition


def edition_before(session: Session, newsletter_id: int | None, number: int) -> Edition | None:
    """Return the newest edition of the issue before *number*; ``None`` where there is none.

    Corrections, and issues that were skipped or cancelled, don't count.
    """
    newest = (
        select(Edition)
        .join(Issue, col(Edition.issue_id) == col(Issue.id))
        .where(
            col(Issue.newsletter_id) == newsletter_id,
            col(Issue.number) < number,
            _IS_NO_CORRECTION,
            col(Issue.state).not_in((IssueState.SKIPPED, IssueState.CANCELLED)),
        )
        .order_by(col(Issue.number).desc(), col(Edition.revision).desc())
        .limit(1)
    )
    return session.exec(newest).one_or_none()


def placements(session: Session, issue: Issue) -> Sequence[Placement]:
    """Return the placements of an issue, by position."""
    chosen = select(Placement).where(Placement.issue_id == issue.id)
    return session.exec(chosen.order_by(col(Placement.position))).all()


def topics(session: Session, issue: Issue) -> list[str] | None:
    """Return the categories an issue carries, casefolded and sorted; ``None`` is for everybody.

    An issue is for everybody when one of its comparisons has no category.
    """
    rows = session.exec(
        select(Placement.id, Contender.category)
        .join(Contender, col(Contender.revision_id) == col(Placement.revision_id))
        .where(Placement.issue_id == issue.id)
    ).all()
    categories: dict[int | None, list[str]] = {}
    for placement, category in rows:
        categories.setdefault(placement, []).append(category)
    return topics_of(categories.values())


def topics_of(carried: Iterable[Iterable[str]]) -> list[str] | None:
    """Return the topics of comparisons, of which each is given as its sides' categories.

    ``None`` is for everybody, as where one of the comparisons has no category.
    """
    topics = [{category.casefold() for category in sides if category} for sides in carried]
    return sorted(set().union(*topics)) if topics and all(topics) else None


def history(session: Session, newsletter_id: int | None) -> list[PastIssueContent]:
    """Return the contents of each issue of a newsletter, the oldest first; without corrections."""
    from digest.issues.picking import PastIssueContent  # it imports all that writes a mail

    rows = session.exec(
        select(Issue.period, Comparison.slug, Tool.slug)
        .join(Placement, col(Placement.issue_id) == col(Issue.id))
        .join(Comparison, col(Comparison.id) == col(Placement.comparison_id))
        .join(Revision, col(Revision.id) == col(Placement.revision_id))
        .join(Contender, col(Contender.revision_id) == col(Revision.id))
        .join(Tool, col(Tool.id) == col(Contender.tool_id))
        .where(
            Issue.newsletter_id == newsletter_id,
            col(Issue.state).in_(CARRYING_STATES),
            _IS_NO_CORRECTION,
        )
        .order_by(col(Issue.period))
    ).all()
    periods: dict[str, tuple[set[str], set[str]]] = {}
    for period, comparison, tool in rows:
        carried = periods.setdefault(period, (set(), set()))
        carried[0].add(comparison)
        carried[1].add(tool)
    return [
        PastIssueContent(period=period, comparisons=frozenset(carried), tools=frozenset(tools))
        for period, (carried, tools) in periods.items()
    ]
