"""SQL of slots, blackouts and shifts: each slot is claimed once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from digest.errors import WrongState
from digest.issues.calendar.exceptions import Calendar, DueMoment
from digest.issues.models import Blackout, Newsletter, Slot, SlotShift, SlotState
from subscribers.sql import upsert

#: States that a slot may still leave.
OPEN = (SlotState.AHEAD, SlotState.DRAFTED, SlotState.HELD, SlotState.MISSED)

#: States from which the service sends the issue by itself.
WAITING = frozenset({SlotState.AHEAD, SlotState.DRAFTED, SlotState.HELD})


#: How the note of a slot begins whose issue was cancelled.
CANCELLED = "cancelled: "


def calendar_of(session: Session, newsletter: Newsletter) -> Calendar:
    """Return a newsletter's cadence with its blackouts and shifts; raises `BadCadence`."""
    shifts = session.exec(select(SlotShift).where(SlotShift.newsletter_id == newsletter.id)).all()
    return Calendar(
        cadence=newsletter.cadence(),
        blackouts=dict(_blackout_days(blackouts(session, newsletter))),
        shifts={row.period: datetime.fromisoformat(row.wall) for row in shifts},
    )


def blackouts(session: Session, newsletter: Newsletter) -> Sequence[Blackout]:
    """Return a newsletter's blackouts, the earliest first."""
    chosen = select(Blackout).where(Blackout.newsletter_id == newsletter.id)
    return session.exec(chosen.order_by(col(Blackout.first), col(Blackout.id))).all()


def shift(session: Session, newsletter: Newsletter, period: str, wall: datetime, why: str) -> None:
    """Shift the moment of one period to the naive local time *wall*; the caller commits."""
    row = {"wall": wall.isoformat(timespec="minutes"), "why": why}
    session.connection().execute(
        upsert(session, SlotShift)
        .values(newsletter_id=newsletter.id, period=period, **row)
        .on_conflict_do_update(index_elements=["newsletter_id", "period"], set_=row)
    )


def shifted_to(session: Session, newsletter: Newsletter, period: str) -> datetime | None:
    """Return the naive local time that one period's moment is shifted to; ``None`` without one."""
    row = session.get(SlotShift, (newsletter.id, period))
    return datetime.fromisoformat(row.wall) if row else None


def reschedule(
    session: Session, newsletter: Newsletter, period: str, wall: datetime, why: str = ""
) -> DueMoment:
    """Move one period's issue to the naive local time *wall*, and return its new moment.

    The caller commits. Raises `BadShift` past the issues before and after it, and `WrongState` for
    an issue that is out already.
    """
    moment = calendar_of(session, newsletter).shifted(period, wall)
    slot = slot_of(session, newsletter.id, period, lock=True)
    if slot is not None and slot.state not in WAITING:
        raise WrongState(f"{period} is {slot.state} and can't be moved")
    shift(session, newsletter, period, wall, why)
    if slot is not None:
        slot.due_at = moment.at
        session.add(slot)
    return moment


def black_out(
    session: Session, newsletter: Newsletter, first: date, last: date, why: str | None
) -> bool:
    """Let no issue come out from *first* to *last*; without *why* lift that. The caller commits.

    Return whether a blackout of exactly these days was there before.
    """
    before = [
        old for old in blackouts(session, newsletter) if (old.first, old.last) == (first, last)
    ]
    for old in before:
        session.delete(old)
    if why is not None:
        newsletter_id = newsletter.id or 0
        session.add(Blackout(newsletter_id=newsletter_id, first=first, last=last, why=why))
    return bool(before)


def claim(session: Session, newsletter: Newsletter, moment: DueMoment, now: datetime) -> bool:
    """Claim the slot of a period; return false when any process had claimed it. Caller commits."""
    row = {
        "newsletter_id": newsletter.id,
        "period": moment.period,
        "day": moment.day,
        "due_at": moment.at,
        "state": SlotState.SKIPPED if moment.blackout else SlotState.AHEAD,
        "note": moment.blackout or "",
        "claimed_at": now,
    }
    statement = upsert(session, Slot).values(row).on_conflict_do_nothing()
    return session.connection().execute(statement.returning(col(Slot.id))).first() is not None


def reopen(session: Session, newsletter: Newsletter, period: str) -> None:
    """Open the slot of a period again whose issue was cancelled; the caller commits.

    A slot that was skipped for another reason, such as a blackout, stays as it is.
    """
    slot = slot_of(session, newsletter.id, period, lock=True)
    cancelled = slot is not None and slot.note.startswith(CANCELLED)
    if slot is not None and slot.state is SlotState.SKIPPED and cancelled:
        slot.state, slot.note = SlotState.AHEAD, ""
        session.add(slot)


def slot_of(
    session: Session, newsletter_id: int | None, period: str, *, lock: bool = False
) -> Slot | None:
    """Return the slot of a period; *lock* locks the row until the caller commits."""
    statement = select(Slot).where(Slot.newsletter_id == newsletter_id, Slot.period == period)
    statement = statement.execution_options(populate_existing=True)
    return session.exec(statement.with_for_update() if lock else statement).one_or_none()


def slots_of(
    session: Session,
    newsletter_id: int | None,
    states: Iterable[SlotState] = tuple(SlotState),
    *,
    since: datetime | None = None,
) -> Sequence[Slot]:
    """Return a newsletter's slots in these states, the earliest first."""
    chosen = select(Slot).where(Slot.newsletter_id == newsletter_id, col(Slot.state).in_(states))
    if since is not None:
        chosen = chosen.where(Slot.due_at >= since)
    return session.exec(chosen.order_by(col(Slot.day))).all()


def latest_day(session: Session, newsletter_id: int | None) -> date | None:
    """Return the latest day whose slot is claimed."""
    return session.exec(
        select(func.max(col(Slot.day))).where(Slot.newsletter_id == newsletter_id)
    ).one()


def latest_due(session: Session, newsletter_id: int | None, now: datetime) -> date | None:
    """Return the day of the latest slot that is due or released; skipped ones don't count."""
    released, skipped = SlotState.RELEASED, SlotState.SKIPPED
    return session.exec(
        select(func.max(col(Slot.day))).where(
            Slot.newsletter_id == newsletter_id,
            (col(Slot.due_at) <= now) & (col(Slot.state) != skipped)
            | (col(Slot.state) == released),
        )
    ).one()


def _blackout_days(rows: Sequence[Blackout]) -> Iterable[tuple[date, str]]:
    for blackout in rows:
        for number in range((blackout.last - blackout.first).days + 1):
            yield blackout.first + timedelta(days=number), blackout.why
