"""Build, lint and approve issues by an installation's settings and templates.

This module hides with which settings a mail is rendered and linted, and what allows it to be sent.
What builds and renders is imported where it does so: a send on its way needs the checks alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sqlmodel import Session

from digest.app.resources import Resources
from digest.delivery.counts import count_deliveries
from digest.errors import NotApproved
from digest.issues import approval, draft_history, provenance, store
from digest.issues.approval import ApprovalStatus
from digest.issues.checking import LintTerms, untold_since
from digest.issues.content import IssueView
from digest.issues.models import Approval, ApprovalChannel, Edition, Issue, Newsletter
from digest.issues.picking import set_count
from digest.mail.mailing import UNSUBSCRIBE_TAG
from digest.render.lint import Finding
from digest.render.rendered import Rendered

if TYPE_CHECKING:
    from digest.issues.build import BuiltIssue, IssueBuilder


@dataclass(frozen=True)
class IssueBuilding:
    """What builds an installation's issues, and decides whether one may be sent."""

    resources: Resources

    @cached_property
    def builder(self) -> IssueBuilder:
        """The builder that renders and checks an issue's mail."""
        from digest.issues.build import IssueBuilder
        from digest.render.sandbox import render_confined

        settings = self.resources.settings
        return IssueBuilder(
            base_url=settings.base_url,
            identity=self.resources.identity,
            render=lambda view: render_confined(
                "issue",
                {"issue": view, "language": view.language},
                folder=self.resources.template_folder,
            ),
            check=self.lint_terms.of_view,
            sources=self.template_sources,
            votes_shown_from=settings.votes_shown_from,
        )

    @cached_property
    def lint_terms(self) -> LintTerms:
        """The terms by which this installation lints a mail."""
        return LintTerms(
            identity=self.resources.identity,
            lenient=self.resources.outbox_folder is not None,
        )

    def template_sources(self) -> dict[str, str]:
        """Return the source of each template of an issue, by name; raises `TemplateBroken`."""
        from digest.render.template_paths import template_sources

        return template_sources("issue", folder=self.resources.template_folder)

    def build(
        self,
        session: Session,
        newsletter: Newsletter,
        period: str | None = None,
        *,
        count: int | None = None,
        again: bool = False,
    ) -> tuple[Issue, BuiltIssue]:
        """Build the issue of *period*, else the next one, and freeze its edition.

        *count* asks for so many comparisons, as a step of the issue's draft, which the desk shows
        and undoes. Raises what `digest.issues.build.build` raises. The caller commits.
        """
        from digest.issues.build import build
        from digest.issues.calendar.next_issue import next_issue

        now = self.resources.clock()
        period = period or next_issue(session, newsletter, now).period
        if count:
            decisions = set_count(draft_history.current(session, newsletter, period), count)
            summary = f"asked for {count} {'comparison' if count == 1 else 'comparisons'}"
            draft_history.decide(session, newsletter, period, decisions, summary=summary, now=now)
        return build(session, newsletter, period, now=now, issue_builder=self.builder, again=again)

    def check(self, issue: Issue, edition: Edition) -> list[Finding]:
        """Lint a frozen edition, and add what has changed since that it doesn't tell of."""
        return self.findings(edition) + untold_since(edition, issue)

    def findings(self, edition: Edition) -> list[Finding]:
        """Lint a frozen edition, and return the findings."""
        unsubscribe_url = f"{self.resources.settings.base_url}/u/{UNSUBSCRIBE_TAG}"
        return self.lint_terms.of_edition(edition, unsubscribe_url)

    def approve(
        self,
        session: Session,
        issue: Issue,
        *,
        by: str,
        channel: ApprovalChannel,
        findings: Sequence[Finding],
        despite: Collection[str] | None = (),
        seen: str | None = None,
    ) -> ApprovalStatus:
        """Record that *by* approves an issue as it is, and return how its approval stands then.

        *findings* are those of its edition, and *despite* names the rules whose warnings are
        accepted; ``None`` accepts all. *seen* is the fingerprint of the mail that was looked at.
        Raises `MailUnfit` and `NotApproved`. The caller commits.
        """
        templates = provenance.template_hash(self.template_sources())
        given = approval.approve(
            session,
            issue,
            templates=templates,
            findings=findings,
            by=by,
            now=self.resources.clock(),
            despite=despite,
            channel=channel,
        )
        if seen is not None and given.editions != [seen]:
            raise NotApproved(f"issue {issue.number} was built again since you looked at it")
        status = approval.approval_status(session, issue, templates=templates)
        return status or ApprovalStatus(approval=given, void=())

    def require_approved(self, session: Session, issue: Issue) -> Approval | None:
        """Return the approval that allows *issue* to be sent.

        ``None`` where the newsletter needs no approval and no check has a finding. Raises
        `NotApproved` or `MailUnfit`.
        """
        return approval.require_approved(
            session,
            issue,
            templates=provenance.template_hash(self.template_sources()),
            findings=self.findings(store.edition_of(session, issue)),
        )

    def missing_approval(self, session: Session, issue: Issue) -> NotApproved | None:
        """Return why an issue that is being sent may not go on; ``None`` where it may.

        Changed templates are no reason: the issue's mail is frozen, and was approved.
        """
        if approval.has_enough(session, issue):
            return None
        try:
            self.require_approved(session, issue)
        except NotApproved as fault:
            return fault
        return None

    def update_sender(self, session: Session, issue: Issue, by: str = "") -> bool:
        """Set an issue's sender and reply-to to today's, and return whether either changed.

        Do nothing once a mail of the issue was accepted or is in doubt. A changed sender withdraws
        the approvals, since nobody has approved the new sender; *by* is who resumes the issue.
        """
        edition = store.edition_of(session, issue)
        counts = count_deliveries(session, edition.id or 0)
        if counts.accepted or counts.in_doubt:
            return False
        today = self.resources.identity.of(store.newsletter_of(session, issue))
        if not provenance.change_sender(session, edition, today):
            return False
        why = "the sender has changed"
        approval.withdraw(session, issue, by=by, why=why, now=self.resources.clock())
        return True

    @staticmethod
    def rerender(view: IssueView, sources: provenance.Sources) -> Rendered:
        """Render an issue with the template sources in *sources*, and none of today's."""
        from digest.render.sandbox import render_confined

        with TemporaryDirectory() as folder:
            for name, source in sources.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(source, encoding="utf-8")
            return render_confined(
                "issue", {"issue": view, "language": view.language}, folder=Path(folder)
            )
