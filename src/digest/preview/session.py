"""One editor's preview session: the newest snapshot, and the editor's actions on it.

Hides the locking between the file watcher's threads and requests.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlmodel import Session

from digest import images
from digest.app.installation import App
from digest.comparisons.models import Contender
from digest.comparisons.store import store_draft
from digest.errors import DigestError, NotApproved
from digest.issues import approval, build, draft_history, store
from digest.issues.checking import edited_since, spam_findings
from digest.issues.content import IssueView
from digest.issues.models import ApprovalChannel, Issue, IssueState, Newsletter
from digest.letters import test_copy_location
from digest.preview.build_errors import BuildError
from digest.preview.draft_requests import Subject, decided
from digest.preview.overlay import ComparisonFolder
from digest.preview.snapshot import Snapshot, checked, issue_builder_of, same, take_snapshot
from digest.render.lint import Finding
from digest.render.rendered import Rendered
from digest.render.sandbox import RenderProcess
from subscribers.address import parse


class PreviewSession:
    """One editor's session over one folder; every method may be called from any thread."""

    def __init__(
        self,
        load: Callable[[], App],
        folder: Path,
        *,
        newsletter: str = "weekly",
        period: str | None = None,
        confined: RenderProcess,
        remote_images: bool = False,
    ) -> None:
        self.folder, self.newsletter, self.period = ComparisonFolder(folder), newsletter, period
        self.remote_images = remote_images
        self.snapshot = Snapshot()
        self.sending = False  #: whether this desk sends the issue now
        self.send_fault = ""  #: why the newest send from the desk stopped
        self.spam: tuple[str, list[Finding]] | None = None  #: the checked seal, and the findings
        self._load, self._confined = load, confined
        self._app: App | None = None
        self._lock = threading.RLock()

    @property
    def app(self) -> App:
        """The installation, with the settings of the last snapshot that read them."""
        with self._lock:
            if self._app is None:
                self._app = self._load()
            return self._app

    def renew(self, *, settings: bool = False) -> Snapshot:
        """Take, check and return a snapshot; *settings* reads the settings again.

        An error in the editor's files isn't raised: the snapshot's `faults` hold it.
        """
        with self._lock:
            self.refresh(settings=settings)
            return self.check_snapshot()

    def choose(self, newsletter: str) -> None:
        """Lay the next issue of another newsletter on the desk."""
        with self._lock:
            self.newsletter, self.period = newsletter, None
            self.snapshot = Snapshot(version=self.snapshot.version)

    def stay(self) -> None:
        """Keep the issue of the newest snapshot on the desk, also once it is on its way."""
        with self._lock:
            self.period = self._week()

    def check_snapshot(self) -> Snapshot:
        """Check the newest snapshot and return it with its findings."""
        with self._lock:
            snapshot = checked(self.app, self.snapshot)
            version = self.snapshot.version + (_checked(snapshot) != _checked(self.snapshot))
            self.snapshot = replace(snapshot, version=version)
            return self.snapshot

    def refresh(self, *, settings: bool = False) -> Snapshot:
        """Take a snapshot without checking it, and return it; `check_snapshot` checks it."""
        with self._lock:
            began = time.perf_counter()
            try:
                if settings:
                    self._app = self._load()
                snapshot = take_snapshot(
                    self.app,
                    self.folder,
                    self.newsletter,
                    wanted=self.period,
                    confined=self._confined,
                    before=self.snapshot,
                )
            except DigestError as fault:
                faults = (BuildError(what=str(fault), next_step=fault.next_step or ""),)
                snapshot = replace(self.snapshot, version=self.snapshot.version + 1, faults=faults)
            snapshot = replace(snapshot, sending=self.sending, send_fault=self.send_fault)
            took = (time.perf_counter() - began) * 1000
            version = self.snapshot.version if same(snapshot, self.snapshot) else snapshot.version
            self.snapshot = replace(snapshot, version=version, milliseconds=took)
            return self.snapshot

    def render(self, view: IssueView) -> Rendered:
        """Render an issue in the confined process; raise `TemplateBroken`."""
        return self._confined.render(
            "issue", {"issue": view, "language": view.language}, folder=self.app.template_folder
        )

    def decide(self, request: Mapping[str, Any]) -> str:
        """Apply a decision to the draft and return a summary; raise `DigestError` for a bad one."""
        with self._lock:
            week = self._week()
            with self.app.database.write() as session:
                newsletter = store.newsletter(session, self.newsletter)
                act = str(request.get("act", ""))
                if act in {"undo", "redo"}:
                    back = draft_history.undo if act == "undo" else draft_history.redo
                    summary = back(session, newsletter, week)
                    done = "undone" if act == "undo" else "done again"
                    return f"{done}: {summary}" if summary else f"nothing to {act}"
                now = draft_history.current(session, newsletter, week)
                shown = (
                    [choice.candidate.slug for choice in self.snapshot.pick.chosen]
                    if self.snapshot.pick
                    else []
                )
                picture = images.find(session, str(request.get("key", "")))
                subject = Subject(
                    title=self._title(request),
                    shown=shown,
                    picture=picture,
                    contenders=self._contenders(str(request.get("slug", ""))),
                )
                changed, summary = decided(now, request, subject)
                if changed != now:
                    moment = self.app.clock()
                    draft_history.decide(
                        session, newsletter, week, changed, summary=summary, now=moment
                    )
            return summary

    def approve(self, seen: str, accepted: Collection[str], by: str) -> str:
        """Store the unsaved comparisons, freeze the issue, approve it, and return the seal.

        *seen* is the fingerprint of the mail the editor saw. Raise `NotApproved` when the frozen
        mail would differ from it, `DigestError` for any other refusal.
        """
        with self._lock, self.app.database.write() as session:
            newsletter = store.newsletter(session, self.newsletter)
            issue = self._frozen(session, newsletter, seen)
            self.check_snapshot()
            status = self.app.issues.approve(
                session,
                issue,
                by=by,
                channel=ApprovalChannel.DESK,
                findings=self.snapshot.built.findings if self.snapshot.built else (),
                despite=accepted,
            )
            return status.approval.seal

    def try_out(self, address: str) -> str:
        """Send one test copy of the shown issue, and return where it went.

        Raise `DigestError` when there is no issue, it has errors or the transport refuses it, and
        `BadAddress`.
        """
        snapshot = self.check_snapshot()
        built, newsletter = snapshot.built, snapshot.newsletter
        if built is None or newsletter is None:
            raise DigestError("the desk has nothing to send")
        approval.refuse_errors(built.findings)
        content = self.app.sending.content(newsletter, built.rendered)
        to = parse(address).wire
        self.app.letters.send_test_copy(content, to)
        return test_copy_location(self.app.outbox_folder)

    def ask_spam(self) -> str:
        """Check the shown issue with SpamAssassin and return its verdict; raise `DigestError`."""
        built, newsletter = self.snapshot.built, self.snapshot.newsletter
        if built is None or newsletter is None:
            raise DigestError("the desk has nothing to check")
        content = self.app.sending.content(newsletter, built.rendered)
        base_url, now = self.app.settings.base_url, self.app.clock()
        findings = spam_findings(content, base_url=base_url, now=now)
        self.spam = (built.fingerprint(), findings)
        return findings[0].message if findings else "SpamAssassin finds nothing"

    def _title(self, request: Mapping[str, Any]) -> str:
        """Return the title of the comparison *request* names; raise `DigestError` if unknown."""
        slug, pick = str(request.get("slug", "")), self.snapshot.pick
        chosen = [choice.candidate for choice in pick.chosen] if pick else []
        out = [choice.candidate for choice in pick.left_out] if pick else []
        title = next(
            (candidate.title for candidate in [*chosen, *out] if candidate.slug == slug), ""
        )
        if not title and request.get("act") in {"pin", "drop", "empty", "move", "note", "quote"}:
            raise DigestError(f"there is no comparison called {slug[:60]!r}")
        return title or slug

    def _contenders(self, slug: str) -> Sequence[Contender]:
        """Return both sides of a comparison in the issue; none for any other."""
        built = self.snapshot.built
        rows = built.revisions if built else ()
        return next((row.contenders for row in rows if row.comparison.slug == slug), ())

    def _week(self) -> str:
        if self.snapshot.standing is None:
            raise DigestError("there is no issue on the desk yet")
        return self.snapshot.standing.period

    def _frozen(self, session: Session, newsletter: Newsletter, seen: str) -> Issue:
        """Return the issue frozen as seen; a changed issue gets a new edition."""
        week, now = self._week(), self.app.clock()
        issue = store.by_period(session, newsletter.id, week)
        if issue is not None and issue.state is IssueState.BUILT:
            edition = store.edition_of(session, issue)
            behind = draft_history.went_on(session, issue) or edited_since(edition, issue)
            if build.mail_fingerprint(edition) == seen and not behind:
                return issue
        for draft in self.snapshot.overlay.drafts.values() if self.snapshot.overlay else ():
            store_draft(session, draft, now=now)
        issue, built = build.build(
            session,
            newsletter,
            week,
            now=now,
            issue_builder=replace(
                issue_builder_of(self.app, self._confined),
                votes_seen=self.snapshot.built.background if self.snapshot.built else None,
            ),
            again=True,
        )
        if built.fingerprint() != seen:
            raise NotApproved("something has changed in the meantime; please review it again")
        return issue


def _checked(snapshot: Snapshot) -> tuple[object, ...]:
    return (snapshot.built and snapshot.built.findings, snapshot.release)
