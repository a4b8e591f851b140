"""Decide whom an issue is for, and who of them may not be mailed now.

A weekly issue is for everybody who joined its newsletter, less those who got a cancelled issue of
the same week. A correction is for those who got the issue that was wrong, and for nobody else: each
reader whose copy was handed over, or may have been.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Select,
    String,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    select,
)
from sqlmodel import Session, col

from digest.delivery.models import Attempt, Batch, BatchState, Delivery
from digest.delivery.sent_copies import NEVER_ARRIVED
from digest.errors import WrongState
from digest.issues import store
from digest.issues.issue_commands import named
from digest.issues.models import Edition, Issue, IssueState
from digest.mail.outbox import OUTBOX_ID_PREFIX
from subscribers.audience import audience
from subscribers.models import JOINED, Subscription

#: Why a reader is left out of an issue that was built for a cancelled one's week.
HAD_CANCELLED = "got the cancelled issue of this week"
_PROVIDER_ID = select(col(Attempt.provider_id)).where(col(Attempt.key) == col(Batch.attempt))
#: Whether a batch went to the outbox folder, and so to nobody. It is asked batch by batch: as a set
#: of attempts, those of every issue would be read.
IN_OUTBOX_FOLDER = func.coalesce(_PROVIDER_ID.correlate(Batch).scalar_subquery(), "").startswith(
    OUTBOX_ID_PREFIX
)


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """How many candidates may not be mailed for one reason."""

    reason: str
    readers: int


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How many readers an issue would go to now, and who is left out."""

    readers: int
    left_out: tuple[LeftOut, ...]  #: the most frequent reason first
    uncertain: int = 0  #: the part of *readers* whose copy of the wrong issue is in doubt

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def candidates(session: Session, issue: Issue, *, newsletter: str, now: datetime) -> Select[Any]:
    """Return a SELECT of all whom *issue* is for.

    Columns: ``subscriber_id``, and ``exclusion``, which is NULL for a reader who may be mailed
    *now*, and else the reason. Raise `WrongState` for the correction of an issue that is on its
    way again.
    """
    from digest.issues.corrections import require_at_rest  # all that builds a mail

    wrong = store.wrong_issue(session, issue)
    if wrong is not None:
        require_at_rest(wrong)
        return _got(wrong, newsletter, now)
    readers = joined(newsletter, store.topics(session, issue), now)
    cancelled = _cancelled_before(session, issue)
    return _without_those_who_got(cancelled, readers) if cancelled else readers


def is_for_all(session: Session, issue: Issue) -> bool:
    """Return whether *issue* is for all who joined, whatever became of other issues' copies."""
    return issue.corrects_issue_id is None and not _cancelled_before(session, issue)


def joined(newsletter: str, about: Collection[str] | None, now: datetime) -> Select[Any]:
    """Return a SELECT of all who confirmed *newsletter* once and haven't left, as `candidates`.

    *about* is the mail's topics; ``None`` excludes nobody by topic.
    """
    readers = audience(newsletter, now, about=about)
    return readers.where(col(Subscription.standing).in_(JOINED))


def correction_reach(session: Session, wrong: Issue, now: datetime) -> Reach:
    """Return how many readers a correction of *wrong* would go to now, and who is left out."""
    newsletter = store.newsletter_of(session, wrong).slug
    rows = _got(wrong, newsletter, now).subquery()
    number, uncertain = func.count(), func.sum(rows.c.uncertain)
    counted = session.connection().execute(
        select(rows.c.exclusion, number, uncertain)
        .group_by(rows.c.exclusion)
        .order_by(number.desc(), rows.c.exclusion)
    )
    readers, doubts, left_out = 0, 0, []
    for reason, count, doubtful in counted:
        if reason is None:
            readers, doubts = count, int(doubtful)
        else:
            left_out.append(LeftOut(reason=reason, readers=count))
    return Reach(readers=readers, left_out=tuple(left_out), uncertain=doubts)


def require_real_copies(session: Session, wrong: Issue) -> None:
    """Raise `WrongState` where copies of *wrong* went to the outbox folder, and so to nobody."""
    in_folder = exists().where(
        col(Edition.issue_id) == wrong.id,
        col(Batch.edition_id) == col(Edition.id),
        col(Batch.state) == BatchState.ACCEPTED,
        IN_OUTBOX_FOLDER,
    )
    if session.connection().execute(select(in_folder)).scalar_one():
        raise WrongState(
            f"issue {wrong.number} went to the outbox folder, not to readers, so nobody has to be"
            " told",
            next_step=f"digest send {named(wrong)} --from-outbox sends it for real",
        )


def _cancelled_before(session: Session, issue: Issue) -> Sequence[int]:
    """Return the ids of the cancelled issues whose week this issue was built for again."""
    ids = session.connection().execute(
        select(col(Issue.id)).where(
            col(Issue.newsletter_id) == issue.newsletter_id,
            col(Issue.period) == issue.period,
            col(Issue.state) == IssueState.CANCELLED,
        )
    )
    return [number for number in ids.scalars() if number is not None]


def _without_those_who_got(cancelled: Sequence[int], readers: Select[Any]) -> Select[Any]:
    """Return *readers* with whoever got one of these issues excluded, or may have got it."""
    rows = readers.subquery()
    got = _copies(cancelled, col(Delivery.subscriber_id)).where(~IN_OUTBOX_FOLDER)
    had = case((rows.c.subscriber_id.in_(got), HAD_CANCELLED), else_=null())
    reason = func.coalesce(rows.c.exclusion, had)
    return select(rows.c.subscriber_id, reason.label("exclusion"))


def _got(wrong: Issue, newsletter: str, now: datetime) -> Select[Any]:
    """Return a SELECT of all to whom *wrong* was handed over, or may have been.

    A bounce is proof that it didn't arrive; a doubt is no proof, and leaves nobody misinformed.
    """
    readers = audience(newsletter, now)
    # Looked up for each copy: as a join, SQLite would begin with the list and read it for each.
    standing = (
        readers.with_only_columns(func.coalesce(readers.selected_columns.exclusion, _MAY_BE_MAILED))
        .where(col(Subscription.subscriber_id) == col(Delivery.subscriber_id))
        .correlate(Delivery)
        .scalar_subquery()
    )
    copies = _copies(
        [wrong.id or 0],
        col(Delivery.subscriber_id),
        col(Delivery.news),
        standing.label("standing"),
        case((col(Batch.state) == BatchState.ACCEPTED, 0), else_=1).label("uncertain"),
    ).subquery()
    lost = literal(f"issue {wrong.number} didn't reach them: ").concat(cast(copies.c.news, String))
    exclusion = case(
        (copies.c.standing.is_(None), literal("erased")),
        (copies.c.standing != _MAY_BE_MAILED, copies.c.standing),
        (copies.c.news.in_(NEVER_ARRIVED), lost),
        else_=null(),
    )
    return select(copies.c.subscriber_id, exclusion.label("exclusion"), copies.c.uncertain)


def _copies(issues: Sequence[int], *columns: Any) -> Select[Any]:
    """Return a SELECT of *columns* for each copy of *issues* that was handed over, or may be."""
    return (
        select(*columns)
        .select_from(Edition)
        .join(Batch, col(Batch.edition_id) == col(Edition.id))
        # By the range alone: SQLite would read the whole edition again for each of its batches.
        .join(
            Delivery, col(Delivery.id).between(col(Batch.first_delivery), col(Batch.last_delivery))
        )
        .where(
            col(Edition.issue_id).in_(issues),
            col(Batch.state).in_(_MAY_HAVE_LEFT),
            col(Delivery.outcome).is_(None),
        )
    )


_MAY_BE_MAILED = ""
_MAY_HAVE_LEFT = (BatchState.ACCEPTED, BatchState.IN_DOUBT, BatchState.STARTED)
