"""Decides who is told by a letter that verdicts have changed, and against what they know of them.

A pass tells each reader by one letter of all that has changed in a span of revisions: the net
change since what they were told last, by their issues, their own vote, or an earlier letter. It
remembers how far it has come in the transaction that queues letters, so that none is lost or
doubled, wherever it is cut off.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
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
from digest.letters.verdict_letter import ToldChange, as_texts, of_text
from digest.votes import first_wanted, votes_by_all, wanting_changes
from subscribers.audience import may_be_mailed
from subscribers.letter_queue import ToldLetter, enqueue_once
from subscribers.locale import code_of
from subscribers.models import LetterKind, LetterState, LetterToSend, Subscriber
from subscribers.sql import UnitOfWork

STOOD = timedelta(hours=1)  #: how long a verdict has to stand before anybody is written to
#: Letters on changes that wait at most, so that no other letter waits for many. All letters of one
#: reader fit, of which a pass makes several where it has dozens of changes.
AT_ONCE = 50
_READERS, _PAGES = 400, 10  # looked at in one transaction; transactions of one run
_REVISIONS = 200  # of one pass
#: Cursors: the last revision worked off, the last one of the pass at work, and the last reader
#: looked at in it.
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
            room, since = at_most - _waiting(session), first_wanted(session)
            if room <= 0 or since is None:
                break
            upto = _upto(session, done, since, now)
            if upto == done:
                break
            changed = _changed(session, _newest(session, done, upto, since))
            if changed:
                queued += _page(session, upto, changed, now, room=room, readers=readers)
            else:
                set_cursor(session, _DONE, upto)
    return queued


def _waiting(session: Session) -> int:
    waiting = select(func.count()).where(
        LetterToSend.kind == LetterKind.VERDICT_CHANGED, LetterToSend.state == LetterState.WAITING
    )
    return session.exec(waiting).one()


def _upto(session: Session, done: int, since: datetime, now: datetime) -> int:
    """Return the last revision of the pass at work, or of the next one, which begins with that.

    Return *done* where no revision has stood long enough.
    """
    at_work = cursor(session, _AT_WORK)
    if at_work > done:
        return at_work
    fresh = select(func.min(Revision.id)).where(
        col(Revision.id) > done, col(Revision.imported_at) > now - STOOD
    )
    first_fresh = session.exec(fresh).one()
    before = [] if first_fresh is None else [col(Revision.id) < first_fresh]
    last = session.exec(select(func.max(Revision.id)).where(col(Revision.id) > done, *before))
    upto = last.one() or done
    newest = _newest(session, done, upto, since)
    if len(newest) == _REVISIONS:
        upto = newest[-1].id or 0
    if upto > done:
        set_cursor(session, _AT_WORK, upto)
        set_cursor(session, _READER, 0)
    return upto


def _newest(session: Session, done: int, upto: int, since: datetime) -> Sequence[Revision]:
    """Return the revisions of a span that are their comparisons' newest, the oldest first."""
    return session.exec(
        select(Revision)
        .join(Comparison, comparisons.is_newest_revision())
        .where(
            col(Revision.id) > done,
            col(Revision.id) <= upto,
            col(Revision.number) > 1,
            col(Revision.imported_at) > since,
            col(Comparison.withdrawn_at).is_(None),
        )
        .order_by(col(Revision.id))
        .limit(_REVISIONS)
    ).all()


class _Changed(NamedTuple):
    """A comparison whose newest revision has another verdict than some before it."""

    revision: Revision
    history: Sequence[Revision]  #: the oldest first
    others: frozenset[int]  #: the revisions with another verdict, by id


def _changed(session: Session, newest: Sequence[Revision]) -> list[_Changed]:
    """Return those of some comparisons whose verdict has changed, the latest first."""
    histories: dict[int, list[Revision]] = {each.comparison_id: [] for each in newest}
    rows = select(Revision).where(col(Revision.comparison_id).in_(histories))
    for row in session.exec(rows.order_by(col(Revision.number))):
        histories[row.comparison_id].append(row)
    changed = []
    for revision in reversed(newest):
        history = histories[revision.comparison_id]
        others = frozenset(row.id or 0 for row in history if differs(row, revision))
        if others:
            changed.append(_Changed(revision, history, others))
    return changed


def _page(
    session: Session,
    upto: int,
    changed: Sequence[_Changed],
    now: datetime,
    *,
    room: int,
    readers: int,
) -> int:
    """Look at the next readers in a pass, and return how many letters were queued."""
    after, queued, cut = cursor(session, _READER), 0, False
    newest = max(each.revision.imported_at for each in changed)
    page = wanting_changes(session, newest, after=after, at_most=readers)
    for letters in _letters(session, upto, _to_tell(session, changed, page), now):
        if queued + len(letters) > room:
            cut = True
            break
        for letter in letters:
            enqueue_once(session, letter, now)
        queued, after = queued + len(letters), letters[0].subscriber_id
    if not cut and len(page) < readers:
        set_cursor(session, _DONE, upto)
    set_cursor(session, _READER, after if cut else max(page, default=after))
    return queued


class _ToTell(NamedTuple):
    """A change that a reader is told, and which newsletters carried the comparison to them."""

    change: ToldChange
    newsletters: frozenset[int]


def _to_tell(
    session: Session, changed: Sequence[_Changed], since: Mapping[int, datetime]
) -> dict[int, list[_ToTell]]:
    """Return what some readers are to be told, by subscriber id.

    *since* says since when each has wanted that; earlier changes are left out, and so are those
    of comparisons that the reader neither voted on nor got in an issue.
    """
    known = _Knowledge.of(session, changed, since)
    to_tell: dict[int, list[_ToTell]] = {}
    for reader, moment in since.items():
        for each in changed:
            was, carried = known.of_reader(reader, each)
            if moment < each.revision.imported_at and was in each.others:
                revision = each.revision
                change = ToldChange(revision.comparison_id, was, revision.id or 0)
                to_tell.setdefault(reader, []).append(_ToTell(change, carried))
    return to_tell


class _Knowledge(NamedTuple):
    """What some readers got of some comparisons, by reader and comparison."""

    issues: Mapping[tuple[int, int], Sequence[ToldVerdict]]
    votes: Mapping[tuple[int, int], datetime]  #: when they voted last
    letters: Mapping[tuple[int, int], int]  #: the newest revision that letters told

    @classmethod
    def of(
        cls, session: Session, changed: Sequence[_Changed], readers: Iterable[int]
    ) -> _Knowledge:
        """Look up what *readers* got of the comparisons in *changed*."""
        of_changed, numbers = {each.revision.comparison_id for each in changed}, list(readers)
        editions: dict[int, list[ToldVerdict]] = {}
        for told in told_verdicts(session, col(Issue.prepared_at).is_not(None)):
            if told.comparison_id in of_changed:
                editions.setdefault(told.edition_id, []).append(told)
        issues: dict[tuple[int, int], list[ToldVerdict]] = {}
        for reader, copies in accepted_copies(session, editions, numbers).items():
            for told in (told for edition in copies for told in editions[edition]):
                issues.setdefault((reader, told.comparison_id), []).append(told)
        votes = {
            (reader, vote.comparison_id): vote.at
            for reader, own in votes_by_all(session, numbers).items()
            for vote in own  # the oldest first
        }
        newest = {each.revision.id for each in changed}
        return cls(issues, votes, _letters_before(session, numbers, newest))

    def of_reader(self, reader: int, changed: _Changed) -> tuple[int, frozenset[int]]:
        """Return the newest revision of a comparison that a reader knows, and who carried it.

        The revision is 0 where they neither voted on it nor got it in an issue.
        """
        key = (reader, changed.revision.comparison_id)
        got, voted = self.issues.get(key, ()), self.votes.get(key)
        carried = frozenset(told.newsletter_id for told in got if told.carried)
        if not carried and voted is None:
            return 0, carried
        told = [self.letters.get(key, 0), *(each.revision_id for each in got)]
        if voted is not None:
            told.append(_as_of(changed.history, voted))
        return max(told), carried


def _as_of(history: Sequence[Revision], moment: datetime) -> int:
    """Return the id of the revision that stood at a moment; *history* begins with the oldest."""
    before = [each for each in history if each.imported_at <= moment]
    return (before or history[:1])[-1].id or 0


def _letters_before(
    session: Session, readers: Sequence[int], newest: Collection[int | None]
) -> dict[tuple[int, int], int]:
    """Return the newest revision that letters told, by reader and comparison.

    A letter that waits will tell only what is *newest* of a comparison.
    """
    rows = session.exec(
        select(LetterToSend.subscriber_id, LetterToSend.asks_for, LetterToSend.state).where(
            col(LetterToSend.subscriber_id).in_(readers),
            LetterToSend.kind == LetterKind.VERDICT_CHANGED,
            col(LetterToSend.state).not_in(_NEVER_LEFT),
        )
    )
    told: dict[tuple[int, int], int] = {}
    for reader, text, state in rows:
        for change in of_text(text):
            if state is not LetterState.WAITING or change.now in newest:
                key = (reader or 0, change.comparison_id)
                told[key] = max(change.now, told.get(key, 0))
    return told


def _letters(
    session: Session, upto: int, to_tell: Mapping[int, Sequence[_ToTell]], now: datetime
) -> Iterable[Sequence[ToldLetter]]:
    """Yield the letters to each reader who may be mailed: one, or several if it gets too long."""
    for reader, sender in _senders(session, to_tell, now).items():
        yield [
            ToldLetter(
                subscriber_id=reader,
                newsletter=sender.newsletter,
                kind=LetterKind.VERDICT_CHANGED,
                language=sender.language,
                about=f"verdict/{upto}/{reader}" + (f"/{number}" if number > 1 else ""),
                asks_for=text,
            )
            for number, text in enumerate(as_texts([each.change for each in to_tell[reader]]), 1)
        ]


class _Sender(NamedTuple):
    """In whose name a letter is sent, and in which language."""

    newsletter: str
    language: str


def _senders(
    session: Session, to_tell: Mapping[int, Sequence[_ToTell]], now: datetime
) -> dict[int, _Sender]:
    """Return who writes to those readers who may be mailed, by subscriber id in its order.

    A letter is sent in the name of a newsletter that the reader gets: of those that carried the
    most of its comparisons, if possible one in the letter's language; of several, the first.
    """
    readers = sorted(to_tell)
    languages = dict(
        session.exec(
            select(Subscriber.id, Subscriber.language).where(col(Subscriber.id).in_(readers))
        ).all()
    )
    best: dict[int, tuple[tuple[int, bool], str]] = {}
    running = [each for each in store.newsletters(session) if each.archived_at is None]
    for newsletter in running:
        for reader in may_be_mailed(session, newsletter.slug, readers, now):
            carried = sum(newsletter.id in each.newsletters for each in to_tell[reader])
            fit = (carried, newsletter.language == code_of(languages[reader]))
            if reader not in best or fit > best[reader][0]:
                best[reader] = fit, newsletter.slug
    return {
        reader: _Sender(best[reader][1], languages[reader]) for reader in readers if reader in best
    }
