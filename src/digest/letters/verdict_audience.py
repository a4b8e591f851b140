"""Decides who is told by a letter that a verdict has changed, and against what they know of it.

A reader is told once of each revision, and of the net change since what they were told last: by
their issues, their own vote, or an earlier letter. A pass remembers how far it has come in the
transaction that queues letters, so that none is lost or doubled, wherever it is cut off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from sqlalchemy import func
from sqlmodel import Session, col, select

from digest.comparisons import store as comparisons
from digest.comparisons.models import Comparison, Revision
from digest.delivery.cursors import cursor, locked_cursor, set_cursor
from digest.delivery.sent_copies import accepted_copies
from digest.issues import store
from digest.issues.changed_verdicts import ToldVerdict, differs, told_verdicts
from digest.issues.models import Issue
from digest.letters.verdict_letter import ToldChange
from digest.votes import first_wanted, votes_by_all, wanting_changes
from subscribers.audience import may_be_mailed
from subscribers.letter_queue import ToldLetter, enqueue_once
from subscribers.locale import code_of
from subscribers.models import LetterKind, LetterState, LetterToSend, Subscriber
from subscribers.sql import UnitOfWork

STOOD = timedelta(hours=1)  #: how long a verdict has to stand before anybody is written to
AT_ONCE = 50  #: letters on changes that wait at most, so that no other letter waits for many
_READERS, _PAGES = 400, 10  # looked at in one transaction; transactions of one run
_REVISIONS = 200  # looked at in one transaction
#: Cursors: the last revision worked off, the one at work, and the last reader looked at for it.
_DONE, _AT_WORK, _READER = "verdict-done", "verdict-at-work", "verdict-reader"
_NEVER_LEFT = (LetterState.FAILED, LetterState.WITHHELD)


def queue_verdict_letters(
    sessions: UnitOfWork, now: datetime, *, at_most: int = AT_ONCE, readers: int = _READERS
) -> int:
    """Queue letters on verdicts that changed an hour ago or more, and return how many.

    Stop where *at_most* wait, and go on from there next time. *readers* are looked at in one
    transaction. Processes may run it at the same time.
    """
    queued = 0
    for _ in range(_PAGES):
        with sessions.write() as session:
            done = locked_cursor(session, _DONE)
            room = at_most - _waiting(session)
            revision = _next(session, done, now) if room > 0 else None
            if revision is None:
                break
            queued += _page(session, revision, now, room=room, readers=readers)
    return queued


def _waiting(session: Session) -> int:
    waiting = select(func.count()).where(
        LetterToSend.kind == LetterKind.VERDICT_CHANGED, LetterToSend.state == LetterState.WAITING
    )
    return session.exec(waiting).one()


def _next(session: Session, done: int, now: datetime) -> Revision | None:
    """Return the oldest revision to work off: its comparison's newest, with another verdict."""
    since = first_wanted(session)
    if since is None:
        return None
    fresh = select(func.min(Revision.id)).where(
        col(Revision.id) > done, col(Revision.imported_at) > now - STOOD
    )
    first_fresh = session.exec(fresh).one()
    waiting = [] if first_fresh is None else [col(Revision.id) < first_fresh]
    newest = session.exec(
        select(Revision)
        .join(Comparison, comparisons.is_newest_revision())
        .where(
            col(Revision.id) > done,
            col(Revision.number) > 1,
            col(Revision.imported_at) > since,
            col(Comparison.withdrawn_at).is_(None),
            *waiting,
        )
        .order_by(col(Revision.id))
        .limit(_REVISIONS)
    )
    for revision in newest:
        earlier = comparisons.history(session, revision.comparison)
        if any(differs(each, revision) for each in earlier):
            return revision
        set_cursor(session, _DONE, revision.id or 0)
    return None


def _page(session: Session, revision: Revision, now: datetime, *, room: int, readers: int) -> int:
    """Look at the next readers for one revision, and return how many letters were queued."""
    number = revision.id or 0
    after = cursor(session, _READER) if cursor(session, _AT_WORK) == number else 0
    page = wanting_changes(session, revision.imported_at, after=after, at_most=readers)
    history = comparisons.history(session, revision.comparison)[::-1]
    changed = {row.id for row in history if differs(row, revision)}
    last = {
        reader: known
        for reader, known in _known_by(session, history, page).items()
        if known.revision_id in changed
    }
    letters = _letters(session, last, now)
    for reader in islice(letters, room):
        told = ToldChange(revision.comparison_id, last[reader].revision_id, number)
        letter = ToldLetter(
            subscriber_id=reader,
            newsletter=letters[reader].newsletter,
            kind=LetterKind.VERDICT_CHANGED,
            language=letters[reader].language,
            about=f"verdict/{number}/{reader}",
            asks_for=told.as_text(),
        )
        enqueue_once(session, letter, now)
        after = reader
    cut = len(letters) >= room
    if not cut and len(page) < readers:
        set_cursor(session, _DONE, number)
    set_cursor(session, _AT_WORK, number)
    set_cursor(session, _READER, after if cut else max(page, default=after))
    return min(len(letters), room)


class _Known(NamedTuple):
    """What a reader knows of a comparison: the newest revision told, and by which newsletters."""

    revision_id: int
    newsletters: frozenset[int]  #: those that carried it


def _known_by(
    session: Session, history: Sequence[Revision], readers: Sequence[int]
) -> dict[int, _Known]:
    """Return what those of some readers know who voted on a comparison or got it in an issue.

    *history* has its revisions, the oldest first.
    """
    comparison_id = history[0].comparison_id
    editions: dict[int, list[ToldVerdict]] = {}
    for each in told_verdicts(session, col(Issue.prepared_at).is_not(None)):
        if each.comparison_id == comparison_id:
            editions.setdefault(each.edition_id, []).append(each)
    copies = accepted_copies(session, editions, readers)
    votes = votes_by_all(session, readers, comparison_id)
    letters = _letters_before(session, comparison_id, readers)
    known = {}
    for reader in readers:
        got = [each for edition in copies.get(reader, ()) for each in editions[edition]]
        carried = frozenset(each.newsletter_id for each in got if each.carried)
        if not carried and not votes[reader]:
            continue
        told = [each.revision_id for each in got] + letters.get(reader, [])
        if votes[reader]:
            told.append(_as_of(history, votes[reader][-1].at))
        known[reader] = _Known(max(told), carried)
    return known


def _as_of(history: Sequence[Revision], moment: datetime) -> int:
    """Return the id of the revision that stood at a moment; *history* begins with the oldest."""
    before = [each for each in history if each.imported_at <= moment]
    return (before or history[:1])[-1].id or 0


def _letters_before(
    session: Session, comparison_id: int, readers: Sequence[int]
) -> dict[int, list[int]]:
    """Return the revisions that letters told some readers of, by subscriber id."""
    rows = session.exec(
        select(LetterToSend.subscriber_id, LetterToSend.asks_for).where(
            col(LetterToSend.subscriber_id).in_(readers),
            LetterToSend.kind == LetterKind.VERDICT_CHANGED,
            col(LetterToSend.state).not_in(_NEVER_LEFT),
        )
    )
    told: dict[int, list[int]] = {}
    for reader, text in rows:
        change = ToldChange.of_text(text)
        if reader is not None and change.comparison_id == comparison_id:
            told.setdefault(reader, []).append(change.now)
    return told


class _Addressed(NamedTuple):
    """In whose name a letter is sent, and in which language."""

    newsletter: str
    language: str


def _letters(session: Session, last: Mapping[int, _Known], now: datetime) -> dict[int, _Addressed]:
    """Return the letters to those readers who may be mailed, by subscriber id in its order.

    A letter is sent in the name of a newsletter that the reader gets: if possible one that carried
    the comparison, if possible one in the letter's language; of several, the first.
    """
    readers = sorted(last)
    languages = dict(
        session.exec(
            select(Subscriber.id, Subscriber.language).where(col(Subscriber.id).in_(readers))
        ).all()
    )
    best: dict[int, tuple[tuple[bool, bool], str]] = {}
    running = [each for each in store.newsletters(session) if each.archived_at is None]
    for newsletter in running:
        for reader in may_be_mailed(session, newsletter.slug, readers, now):
            alike = newsletter.language == code_of(languages[reader])
            fit = (newsletter.id in last[reader].newsletters, alike)
            if reader not in best or fit > best[reader][0]:
                best[reader] = fit, newsletter.slug
    return {
        reader: _Addressed(best[reader][1], languages[reader])
        for reader in readers
        if reader in best
    }
