"""What the desk offers where an issue has nothing to carry: a first start, or a week without news.

Hides how the next week with something to carry is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from digest import samples
from digest.comparisons.loader import read_file
from digest.comparisons.store import ComparisonSummary, store_draft
from digest.delivery.counts import count_deliveries
from digest.delivery.sending import count_outbox_copies
from digest.issues import build, store
from digest.issues.calendar import issue_day, period_of_day
from digest.issues.models import IssueState, Newsletter
from digest.service import moment_words
from subscribers.locale import long_date

_WEEKS = 8  #: that are looked at for one with something to carry


@dataclass(frozen=True, kw_only=True)
class EmptyWeek:
    """Why there is nothing to show, and where to go on."""

    why: str
    day: str  #: of the issue, in words
    comparisons: int  #: how many are known at all
    evergreen: int  #: how many the evergreen list names
    next_period: str = ""  #: the next period with something to carry; empty where there is none
    next_day: str = ""
    last_sent: str = ""  #: the newest issue that was sent, in a sentence


def read_empty_week(
    session: Session,
    newsletter: Newsletter,
    period: str,
    why: str,
    *,
    pool: Sequence[ComparisonSummary],
) -> EmptyWeek:
    """Return what to offer in place of the issue of *period*; *pool* is what it could carry."""
    following = _next_filled(session, newsletter, period, pool) if pool else ""
    return EmptyWeek(
        why=why,
        day=_day(newsletter, period),
        comparisons=len(pool),
        evergreen=len(newsletter.evergreen),
        next_period=following,
        next_day=_day(newsletter, following) if following else "",
        last_sent=_last_sent(session, newsletter),
    )


def import_samples(session: Session, now: datetime) -> int:
    """Store the shipped sample comparisons; return how many they are. The caller commits."""
    paths = samples.comparisons()
    for path in paths:
        store_draft(session, read_file(path), now=now)
    return len(paths)


def _day(newsletter: Newsletter, period: str) -> str:
    return long_date(issue_day(period, newsletter.weekday), "en")


def _next_filled(
    session: Session, newsletter: Newsletter, period: str, pool: Sequence[ComparisonSummary]
) -> str:
    day = issue_day(period, newsletter.weekday)
    for ahead in range(1, _WEEKS + 1):
        week = period_of_day(day + timedelta(weeks=ahead))
        issue = store.by_period(session, newsletter.id, week)
        may_change = issue is None or issue.state in {IssueState.BUILT, IssueState.SKIPPED}
        if may_change and build.choose_comparisons(session, newsletter, week, pool=pool).chosen:
            return week
    return ""


def _last_sent(session: Session, newsletter: Newsletter) -> str:
    sent = [
        issue
        for issue in store.issues(session, newsletter.id)
        if issue.state is IssueState.SENT and issue.sent_at is not None
    ]
    if not sent or sent[-1].sent_at is None:
        return ""
    edition_id = store.edition_of(session, sent[-1]).id or 0
    when = moment_words(newsletter, sent[-1].sent_at)
    if copies := count_outbox_copies(session, edition_id):
        files = "1 copy was" if copies == 1 else f"{copies:,} copies were"
        return f"No. {sent[-1].number} reached nobody: {files} written to the outbox, on {when}."
    many = count_deliveries(session, edition_id).accepted
    readers = "1 reader" if many == 1 else f"{many:,} readers"
    return f"No. {sent[-1].number} was sent to {readers} on {when}."
