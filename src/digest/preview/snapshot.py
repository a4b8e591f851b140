"""One snapshot of the next issue: its parts, its rendered mail, its errors.

Hides how an unsaved issue is built from the overlay, and when two snapshots look the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from digest.app.installation import App
from digest.db import unfit
from digest.errors import ComparisonUnreadable, DigestError, NothingToPick
from digest.issues import approval, build, draft_history, provenance, store
from digest.issues.approval import ApprovalStatus
from digest.issues.build import BuiltIssue, IssueBuilder
from digest.issues.calendar.next_issue import leaves_at, next_issue
from digest.issues.content import IssueView
from digest.issues.content.background import Background
from digest.issues.models import Edition, Issue, IssueState, Newsletter
from digest.issues.picking import Decisions, Pick
from digest.issues.variants import VariantNote, variant_notes
from digest.preview.build_errors import BuildError, of_error
from digest.preview.overlay import ComparisonFolder, ComparisonOverlay, overlay_drafts
from digest.preview.release import EmptyWeek, ReleaseFacts, read_empty_week, read_release_facts
from digest.render.rendered import Rendered
from digest.render.sandbox import RenderProcess
from digest.render.template_paths import template_folders
from digest.sources import count_waiting
from subscribers.errors import SubscribersError


class PastEdition(NamedTuple):
    """An earlier edition to compare with: its name, its id and its texts."""

    name: str
    edition_id: int
    subject: str
    preheader: str
    html: str
    text: str


@dataclass(frozen=True, kw_only=True)
class IssueStanding:
    """An issue's number, period, state, approval and due time."""

    number: int
    period: str
    state: IssueState | None  #: ``None`` before it is built
    fingerprint: str = ""  #: of the frozen edition, without its variants
    revision: int = 0
    background: Background | None = None  #: what the frozen edition was told
    word: ApprovalStatus | None = None  #: the newest approval
    sent_back: str = ""  #: who sent it back, and why; empty unless it waits for a new approval
    variants: tuple[VariantNote, ...] = ()  #: of the frozen edition
    leaves: str = ""  #: when the service sends it, in the newsletter's time zone

    @property
    def is_open(self) -> bool:
        """Whether the issue may still change: its audience isn't frozen."""
        return self.state in {None, IssueState.BUILT, IssueState.SKIPPED}

    @property
    def approved(self) -> bool:
        """Whether an approval is in force."""
        return self.word is not None and not self.word.void and not self.word.missing


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What the preview shows; *built* is the last good build while there are faults."""

    version: int = 0
    newsletter: Newsletter | None = None
    standing: IssueStanding | None = None
    pick: Pick | None = None
    built: BuiltIssue | None = None
    overlay: ComparisonOverlay | None = None
    others: Sequence[str] = ()  #: names of files in the folder that hold no comparison
    decisions: Decisions = Decisions()  # noqa: RUF009 - frozen
    undo: str = ""
    redo: str = ""
    faults: Sequence[BuildError] = ()
    empty: EmptyWeek | None = None  #: what to offer where the issue has nothing to carry
    release: ReleaseFacts | None = None
    variants: Sequence[VariantNote] = ()  #: for readers who agree with a reviewer
    sending: bool = False  #: whether this desk sends the issue now
    send_fault: str = ""  #: why the newest send from this desk stopped
    last: PastEdition | None = None  #: the issue before this one
    approved: PastEdition | None = None  #: this issue's edition of the newest approval
    proposals: int = 0  #: of followed sites, that wait for an editor
    unchecked: bool = False  #: whether the findings are those of the previous build
    milliseconds: float = 0.0

    @property
    def seal(self) -> str:
        """The fingerprint of the shown mail; empty when there is none."""
        return self.built.fingerprint() if self.built else ""

    @property
    def stale(self) -> bool:
        """Whether the shown mail is older than the files."""
        return bool(self.faults)


def same(first: Snapshot, second: Snapshot) -> bool:
    """Return whether two snapshots show the same."""
    return _visible(first) == _visible(second)


def _visible(snapshot: Snapshot) -> tuple[object, ...]:
    word = snapshot.standing.word if snapshot.standing else None
    return (
        snapshot.seal,
        snapshot.built.findings if snapshot.built else (),
        snapshot.pick,
        snapshot.decisions,
        (snapshot.undo, snapshot.redo),
        snapshot.faults,
        (snapshot.last, snapshot.approved),
        snapshot.standing
        and (snapshot.standing.number, snapshot.standing.state, snapshot.standing.fingerprint),
        word and (word.approval.id, word.void, word.missing),
        snapshot.standing and snapshot.standing.sent_back,
        snapshot.overlay and sorted(snapshot.overlay.drafts),
        snapshot.others,
        snapshot.proposals,
        snapshot.empty,
        snapshot.release,
        snapshot.variants,
        (snapshot.sending, snapshot.send_fault),
    )


def issue_builder_of(app: App, confined: RenderProcess) -> IssueBuilder:
    """Return the installation's issue builder, which renders in the *confined* process."""

    def render(view: IssueView) -> Rendered:
        return confined.render(
            "issue", {"issue": view, "language": view.language}, folder=app.template_folder
        )

    return replace(app.issues.builder, render=render)


def checked(app: App, snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with the findings of its own mail, and with who gets it and when."""
    snapshot = replace(snapshot, release=_release(app, snapshot))
    if not snapshot.unchecked or snapshot.built is None:
        return snapshot
    findings = app.issues.lint_terms.of_view(snapshot.built.view, snapshot.built.rendered)
    return replace(snapshot, built=replace(snapshot.built, findings=findings), unchecked=False)


def _release(app: App, snapshot: Snapshot) -> ReleaseFacts | None:
    if snapshot.newsletter is None or snapshot.standing is None:
        return None
    carried = snapshot.built.revisions if snapshot.built else ()
    about = store.topics_of([side.category for side in each.contenders] for each in carried)
    try:
        with app.database.read() as session:
            return read_release_facts(
                session, app, snapshot.newsletter, snapshot.standing.period, about
            )
    except (DigestError, SubscribersError, SQLAlchemyError):
        return None  # a fault of the settings or the database is shown as such


def take_snapshot(
    app: App,
    folder: ComparisonFolder,
    slug: str,
    *,
    wanted: str | None,
    confined: RenderProcess,
    before: Snapshot,
) -> Snapshot:
    """Return a snapshot of the issue of period *wanted*, else of the next open period.

    `checked` adds the findings later, so that the mail shows sooner. Errors become `faults`.
    """
    drafts, unreadable = folder.read()
    faults = [_fault(error, app) for error in unreadable]
    snapshot = replace(
        before, version=before.version + 1, faults=(), empty=None, others=folder.others
    )
    try:
        with app.database.read() as session:
            snapshot = replace(snapshot, proposals=count_waiting(session))
            newsletter = store.newsletter(session, slug)
            week = wanted or next_issue(session, newsletter, app.clock()).period
            standing = _standing(session, app, newsletter, week)
            overlay = overlay_drafts(session, drafts, app.clock())
            snapshot = replace(
                _stored(session, snapshot, newsletter, week), standing=standing, overlay=overlay
            )
            if not standing.is_open:
                return _frozen(session, snapshot, newsletter, standing.number)
            pick = build.choose_comparisons(
                session,
                newsletter,
                week,
                pool=overlay.summaries,
                decisions=snapshot.decisions,
                votes_shown_from=app.settings.votes_shown_from,
            )
            snapshot = replace(snapshot, pick=pick)
            unchecked = replace(issue_builder_of(app, confined), check=lambda *_: ())
            built = _drafted(session, snapshot, unchecked)
            kept = before.built.findings if before.built else ()
            snapshot = replace(snapshot, built=replace(built, findings=kept), unchecked=True)
            snapshot = replace(snapshot, variants=_variants(session, snapshot, slug))
    except NothingToPick as fault:
        snapshot = replace(_emptied(app, snapshot, str(fault)), built=None, unchecked=False)
    except DigestError as fault:
        faults.insert(0, _fault(fault, app))
    except SQLAlchemyError as fault:
        faults.insert(0, _fault(unfit(fault), app))
    return replace(snapshot, faults=tuple(faults))


def _drafted(session: Session, snapshot: Snapshot, issue_builder: IssueBuilder) -> BuiltIssue:
    """Return the issue as it would be frozen now.

    Where nothing but votes came in since it was frozen, that is as it was frozen. Raises
    `DigestError`.
    """
    newsletter, standing, pick = snapshot.newsletter, snapshot.standing, snapshot.pick
    if newsletter is None or standing is None or pick is None or snapshot.overlay is None:
        raise NothingToPick
    draft = partial(
        build.draft_issue,
        session,
        newsletter,
        pick,
        number=standing.number,
        decisions=snapshot.decisions,
        unsaved=snapshot.overlay.unsaved(choice.candidate.revision_id for choice in pick.chosen),
    )
    if standing.background is not None:
        as_it_was = draft(issue_builder=replace(issue_builder, votes_seen=standing.background))
        if as_it_was.fingerprint() == standing.fingerprint:
            return as_it_was
    return draft(issue_builder=issue_builder)


def _frozen(session: Session, snapshot: Snapshot, newsletter: Newsletter, number: int) -> Snapshot:
    """Return the snapshot with the mail that is on its way or sent, and no fault of today's files.

    Raises `NotFound` for an edition whose inputs weren't kept.
    """
    issue = store.by_number(session, newsletter.id, number)
    edition = store.edition_of(session, issue)
    view = provenance.frozen_view(session, issue, edition)
    rendered = Rendered(subject=edition.subject, html=edition.html, text=edition.text)
    built = BuiltIssue(
        view=view,
        composed=view,
        rendered=rendered,
        findings=(),
        revisions=(),
        decisions=snapshot.decisions,
    )
    variants = snapshot.standing.variants if snapshot.standing else ()
    return replace(snapshot, built=built, variants=variants, pick=None, unchecked=False, faults=())


def _variants(session: Session, snapshot: Snapshot, newsletter: str) -> Sequence[VariantNote]:
    """Return what the variants lead with: as frozen, or as they would be for what is shown."""
    if snapshot.built is None or snapshot.standing is None:
        return ()
    if snapshot.seal == snapshot.standing.fingerprint:
        return snapshot.standing.variants
    return variant_notes(session, newsletter, snapshot.built.view, snapshot.built.revisions)


def _emptied(app: App, snapshot: Snapshot, why: str) -> Snapshot:
    newsletter, standing, overlay = snapshot.newsletter, snapshot.standing, snapshot.overlay
    if newsletter is None or standing is None or overlay is None:
        return snapshot
    with app.database.read() as session:
        offered = read_empty_week(session, newsletter, standing.period, why, pool=overlay.summaries)
    return replace(snapshot, empty=offered)


def _stored(session: Session, snapshot: Snapshot, newsletter: Newsletter, week: str) -> Snapshot:
    issue = store.by_period(session, newsletter.id, week)
    undo, redo = draft_history.around(session, newsletter, week)
    return replace(
        snapshot,
        newsletter=newsletter,
        decisions=draft_history.current(session, newsletter, week),
        undo=undo,
        redo=redo,
        last=_last(session, newsletter, week),
        approved=_approved(session, issue),
    )


def _standing(session: Session, app: App, newsletter: Newsletter, week: str) -> IssueStanding:
    issue = store.by_period(session, newsletter.id, week)
    if issue is None or issue.number is None:
        number = store.next_number(session, newsletter.id)
        return IssueStanding(number=number, period=week, state=issue.state if issue else None)
    edition = store.edition_of(session, issue)
    templates = provenance.template_hash(app.issues.template_sources())
    back = approval.sent_back(session, issue)
    leaves = leaves_at(session, newsletter, week, app.clock())
    return IssueStanding(
        number=issue.number,
        period=week,
        state=issue.state,
        fingerprint=build.mail_fingerprint(edition),
        variants=tuple(provenance.variants_of(edition)),
        revision=edition.revision,
        background=provenance.background_of(edition),
        word=approval.approval_status(session, issue, templates=templates),
        sent_back=f"{back.by}: {back.note}" if back else "",
        leaves=f"{newsletter.cadence().local(leaves):%A, %-d %B, %H:%M}" if leaves else "",
    )


def _last(session: Session, newsletter: Newsletter, week: str) -> PastEdition | None:
    issue = store.last_before(session, newsletter.id, week)
    return _past(f"No. {issue.number}", store.edition_of(session, issue)) if issue else None


def _approved(session: Session, issue: Issue | None) -> PastEdition | None:
    newest = approval.latest(session, issue) if issue else None
    if newest is None or issue is None:
        return None
    approved = [
        edition
        for edition in store.editions(session, issue)
        if edition.fingerprint in newest.editions
    ]
    return _past(f"approved by {newest.by}", approved[-1]) if approved else None


def _past(name: str, edition: Edition) -> PastEdition:
    texts = (edition.subject, edition.preheader, edition.html, edition.text)
    return PastEdition(name, edition.id or 0, *texts)


def _fault(fault: DigestError | ComparisonUnreadable, app: App) -> BuildError:
    try:
        folders = template_folders("email", app.template_folder)
    except DigestError:
        folders = ()
    return of_error(fault, folders)
