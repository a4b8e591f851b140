"""One look at the next issue: what it is made of, how it comes out, what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from digest.app import App
from digest.errors import ComparisonUnreadable, DigestError
from digest.issues import approval, drafts, period, publish, recipe, store, turns
from digest.issues.approval import Word
from digest.issues.choice import Pick
from digest.issues.draft import Decisions
from digest.issues.models import Edition, Issue, IssueState, Newsletter
from digest.issues.publish import Press, Proof
from digest.issues.view import IssueView
from digest.render.confined import Confined
from digest.render.engine import Rendered
from digest.render.locate import folders
from digest.web.desk.faults import Fault, of_error
from digest.web.desk.folder import Folder, Shelf, lay_over

#: In these an issue may still be made anew.
OPEN = (None, IssueState.BUILT, IssueState.SKIPPED)


class Past(NamedTuple):
    """An edition to compare with: what it is called, and its words."""

    name: str
    subject: str
    preheader: str
    html: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where an issue stands."""

    number: int
    period: str
    state: IssueState | None  #: ``None`` before it is built
    fingerprint: str = ""  #: of the frozen edition
    revision: int = 0
    word: Word | None = None  #: the newest approval
    leaves: str = ""  #: when the service sends it by itself, on the newsletter's clocks

    @property
    def approved(self) -> bool:
        """Whether an approval is in force."""
        return self.word is not None and not self.word.void


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the desk shows; *proof* is the last good one while there are faults."""

    version: int = 0
    newsletter: Newsletter | None = None
    standing: Standing | None = None
    pick: Pick | None = None
    proof: Proof | None = None
    shelf: Shelf | None = None
    decisions: Decisions = Decisions()  # noqa: RUF009 - frozen
    undo: str = ""
    redo: str = ""
    faults: Sequence[Fault] = ()
    last: Past | None = None  #: the issue before this one
    approved: Past | None = None  #: what was approved last of this one
    unchecked: bool = False  #: whether the findings are still those of the mail before
    milliseconds: float = 0.0

    @property
    def seal(self) -> str:
        """The fingerprint of what is shown; empty when nothing is."""
        return self.proof.fingerprint() if self.proof else ""

    @property
    def stale(self) -> bool:
        """Whether what is shown is older than what is on the disk."""
        return bool(self.faults)


def same(one: Look, other: Look) -> bool:
    """Tell whether there is nothing new to see in one."""
    return _told(one) == _told(other)


def _told(look: Look) -> tuple[object, ...]:
    word = look.standing.word if look.standing else None
    return (
        look.seal,
        look.proof.findings if look.proof else (),
        look.pick,
        look.decisions,
        (look.undo, look.redo),
        look.faults,
        (look.last, look.approved),
        look.standing and (look.standing.number, look.standing.state, look.standing.fingerprint),
        word and (word.approval.id, word.void),
        look.shelf and sorted(look.shelf.drafts),
    )


def press_of(app: App, confined: Confined) -> Press:
    """Return what making a mail takes, rendering in a process that is kept."""

    def render(view: IssueView) -> Rendered:
        return confined.render("issue", {"issue": view}, folder=app.own_mails())

    return replace(app.press(), render=render)


def checked(app: App, seen: Look) -> Look:
    """Return a look with the findings of its own mail."""
    if not seen.unchecked or seen.proof is None:
        return seen
    findings = app.checks().of_view(seen.proof.view, seen.proof.rendered)
    return replace(seen, proof=replace(seen.proof, findings=findings), unchecked=False)


def look_at(
    app: App,
    folder: Folder,
    slug: str,
    *,
    wanted: str | None,
    confined: Confined,
    before: Look,
) -> Look:
    """Look at the issue of the period *wanted*, else of the next one that is still open.

    What is wrong with it is left to `checked`, so that it shows a moment earlier.
    """
    found, unreadable = folder.read()
    faults = [_fault(each, app) for each in unreadable]
    seen = replace(before, version=before.version + 1, faults=())
    try:
        with app.database.read() as session:
            newsletter = store.newsletter(session, slug)
            week = wanted or _next_open(session, app, newsletter)
            standing = _standing(session, app, newsletter, week)
            shelf = lay_over(session, found, app.clock())
            seen = replace(_stored(session, seen, newsletter, week), standing=standing, shelf=shelf)
            pick = publish.choose(session, newsletter, week, known=shelf.summaries)
            seen = replace(seen, pick=pick)
            proof = publish.proof(
                session,
                newsletter,
                pick,
                number=standing.number,
                press=replace(press_of(app, confined), check=lambda *_: ()),
                unsaved=shelf.unsaved(one.candidate.revision_id for one in pick.chosen),
            )
            kept = before.proof.findings if before.proof else ()
            seen = replace(seen, proof=replace(proof, findings=kept), unchecked=True)
    except DigestError as fault:
        faults.insert(0, _fault(fault, app))
    except SQLAlchemyError as fault:
        said = f"the database can't be read ({type(fault).__name__})"
        faults.insert(0, Fault(what=said, next_step="digest init"))
    return replace(seen, faults=tuple(faults))


def _stored(session: Session, seen: Look, newsletter: Newsletter, week: str) -> Look:
    issue = store.by_period(session, newsletter.id, week)
    undo, redo = drafts.around(session, newsletter, week)
    return replace(
        seen,
        newsletter=newsletter,
        decisions=drafts.current(session, newsletter, week),
        undo=undo,
        redo=redo,
        last=_last(session, newsletter, week),
        approved=_approved(session, issue),
    )


def _next_open(session: Session, app: App, newsletter: Newsletter) -> str:
    now = app.clock()
    week = period.at(now, newsletter.timezone)
    for ahead in range(60):
        week = period.at(now + timedelta(days=7 * ahead), newsletter.timezone)
        issue = store.by_period(session, newsletter.id, week)
        if issue is None or issue.state in OPEN:
            return week
    return week


def _standing(session: Session, app: App, newsletter: Newsletter, week: str) -> Standing:
    issue = store.by_period(session, newsletter.id, week)
    if issue is None or issue.number is None:
        number = store.next_number(session, newsletter.id)
        return Standing(number=number, period=week, state=issue.state if issue else None)
    edition = store.edition_of(session, issue)
    templates = recipe.hash_of(app.sources())
    leaves = turns.leaves_at(session, newsletter, week)
    return Standing(
        number=issue.number,
        period=week,
        state=issue.state,
        fingerprint=edition.fingerprint,
        revision=edition.revision,
        word=approval.word(session, issue, templates=templates),
        leaves=f"{newsletter.cadence().local(leaves):%A %d %B, %H:%M}" if leaves else "",
    )


def _last(session: Session, newsletter: Newsletter, week: str) -> Past | None:
    earlier = [
        each
        for each in store.issues(session, newsletter.id)
        if each.period < week and each.number is not None
    ]
    if not earlier:
        return None
    return _past(f"No. {earlier[-1].number}", store.edition_of(session, earlier[-1]))


def _approved(session: Session, issue: Issue | None) -> Past | None:
    given = approval.latest(session, issue) if issue else None
    if given is None or issue is None:
        return None
    found = [e for e in store.editions(session, issue) if e.fingerprint in given.editions]
    return _past(f"approved by {given.by}", found[-1]) if found else None


def _past(name: str, edition: Edition) -> Past:
    return Past(name, edition.subject, edition.preheader, edition.html, edition.text)


def _fault(fault: DigestError | ComparisonUnreadable, app: App) -> Fault:
    try:
        looked = folders("email", app.own_mails())
    except DigestError:
        looked = ()
    return of_error(fault, looked)
