"""One look at the next issue: what it is made of, how it comes out, what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from digest.app.installation import App
from digest.errors import ComparisonUnreadable, DigestError
from digest.issues import approval, build, draft_history, provenance, store
from digest.issues.approval import ApprovalStatus
from digest.issues.build import BuiltIssue, IssueBuilder
from digest.issues.calendar import cadence, slots
from digest.issues.content import IssueView
from digest.issues.models import Edition, Issue, IssueState, Newsletter
from digest.issues.picking import Decisions, Pick
from digest.preview.build_errors import BuildError, of_error
from digest.preview.overlay import ComparisonFolder, ComparisonOverlay, overlay_drafts
from digest.render.engine import Rendered
from digest.render.sandbox import RenderProcess
from digest.render.template_paths import template_folders

#: In these an issue may still be made anew.
OPEN = (None, IssueState.BUILT, IssueState.SKIPPED)


class PastEdition(NamedTuple):
    """An edition to compare with: what it is called, and its words."""

    name: str
    subject: str
    preheader: str
    html: str
    text: str


@dataclass(frozen=True, kw_only=True)
class IssueStanding:
    """Where an issue stands."""

    number: int
    period: str
    state: IssueState | None  #: ``None`` before it is built
    fingerprint: str = ""  #: of the frozen edition
    revision: int = 0
    word: ApprovalStatus | None = None  #: the newest approval
    leaves: str = ""  #: when the service sends it by itself, on the newsletter's clocks

    @property
    def approved(self) -> bool:
        """Whether an approval is in force."""
        return self.word is not None and not self.word.void


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What the desk shows; *proof* is the last good one while there are faults."""

    version: int = 0
    newsletter: Newsletter | None = None
    standing: IssueStanding | None = None
    pick: Pick | None = None
    proof: BuiltIssue | None = None
    shelf: ComparisonOverlay | None = None
    decisions: Decisions = Decisions()  # noqa: RUF009 - frozen
    undo: str = ""
    redo: str = ""
    faults: Sequence[BuildError] = ()
    last: PastEdition | None = None  #: the issue before this one
    approved: PastEdition | None = None  #: what was approved last of this one
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


def same(one: Snapshot, other: Snapshot) -> bool:
    """Tell whether there is nothing new to see in one."""
    return _told(one) == _told(other)


def _told(look: Snapshot) -> tuple[object, ...]:
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


def issue_builder_of(app: App, confined: RenderProcess) -> IssueBuilder:
    """Return what making a mail takes, rendering in a process that is kept."""

    def render(view: IssueView) -> Rendered:
        return confined.render("issue", {"issue": view}, folder=app.own_mails())

    return replace(app.press(), render=render)


def checked(app: App, seen: Snapshot) -> Snapshot:
    """Return a look with the findings of its own mail."""
    if not seen.unchecked or seen.proof is None:
        return seen
    findings = app.checks().of_view(seen.proof.view, seen.proof.rendered)
    return replace(seen, proof=replace(seen.proof, findings=findings), unchecked=False)


def take_snapshot(
    app: App,
    folder: ComparisonFolder,
    slug: str,
    *,
    wanted: str | None,
    confined: RenderProcess,
    before: Snapshot,
) -> Snapshot:
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
            shelf = overlay_drafts(session, found, app.clock())
            seen = replace(_stored(session, seen, newsletter, week), standing=standing, shelf=shelf)
            pick = build.choose_comparisons(session, newsletter, week, known=shelf.summaries)
            seen = replace(seen, pick=pick)
            proof = build.draft_issue(
                session,
                newsletter,
                pick,
                number=standing.number,
                press=replace(issue_builder_of(app, confined), check=lambda *_: ()),
                unsaved=shelf.unsaved(one.candidate.revision_id for one in pick.chosen),
            )
            kept = before.proof.findings if before.proof else ()
            seen = replace(seen, proof=replace(proof, findings=kept), unchecked=True)
    except DigestError as fault:
        faults.insert(0, _fault(fault, app))
    except SQLAlchemyError as fault:
        said = f"the database can't be read ({type(fault).__name__})"
        faults.insert(0, BuildError(what=said, next_step="digest init"))
    return replace(seen, faults=tuple(faults))


def _stored(session: Session, seen: Snapshot, newsletter: Newsletter, week: str) -> Snapshot:
    issue = store.by_period(session, newsletter.id, week)
    undo, redo = draft_history.around(session, newsletter, week)
    return replace(
        seen,
        newsletter=newsletter,
        decisions=draft_history.current(session, newsletter, week),
        undo=undo,
        redo=redo,
        last=_last(session, newsletter, week),
        approved=_approved(session, issue),
    )


def _next_open(session: Session, app: App, newsletter: Newsletter) -> str:
    now = app.clock()
    week = cadence.period_at(now, newsletter.timezone)
    for ahead in range(60):
        week = cadence.period_at(now + timedelta(days=7 * ahead), newsletter.timezone)
        issue = store.by_period(session, newsletter.id, week)
        if issue is None or issue.state in OPEN:
            return week
    return week


def _standing(session: Session, app: App, newsletter: Newsletter, week: str) -> IssueStanding:
    issue = store.by_period(session, newsletter.id, week)
    if issue is None or issue.number is None:
        number = store.next_number(session, newsletter.id)
        return IssueStanding(number=number, period=week, state=issue.state if issue else None)
    edition = store.edition_of(session, issue)
    templates = provenance.template_hash(app.sources())
    leaves = slots.leaves_at(session, newsletter, week)
    return IssueStanding(
        number=issue.number,
        period=week,
        state=issue.state,
        fingerprint=edition.fingerprint,
        revision=edition.revision,
        word=approval.approval_status(session, issue, templates=templates),
        leaves=f"{newsletter.cadence().local(leaves):%A %d %B, %H:%M}" if leaves else "",
    )


def _last(session: Session, newsletter: Newsletter, week: str) -> PastEdition | None:
    earlier = [
        each
        for each in store.issues(session, newsletter.id)
        if each.period < week and each.number is not None
    ]
    if not earlier:
        return None
    return _past(f"No. {earlier[-1].number}", store.edition_of(session, earlier[-1]))


def _approved(session: Session, issue: Issue | None) -> PastEdition | None:
    given = approval.latest(session, issue) if issue else None
    if given is None or issue is None:
        return None
    found = [e for e in store.editions(session, issue) if e.fingerprint in given.editions]
    return _past(f"approved by {given.by}", found[-1]) if found else None


def _past(name: str, edition: Edition) -> PastEdition:
    return PastEdition(name, edition.subject, edition.preheader, edition.html, edition.text)


def _fault(fault: DigestError | ComparisonUnreadable, app: App) -> BuildError:
    try:
        looked = template_folders("email", app.own_mails())
    except DigestError:
        looked = ()
    return of_error(fault, looked)
