"""Which settings of an installation the checks of a mail depend on, before and after freezing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parseaddr
from typing import cast

from sqlalchemy.orm import object_session
from sqlmodel import Session

from digest.comparisons import store as comparisons
from digest.comparisons.models import Comparison, Revision
from digest.issues import provenance, store
from digest.issues.changed_verdicts import changed_since_told
from digest.issues.content import IssueView
from digest.issues.identity import MailIdentity
from digest.issues.issue_commands import build_again, named
from digest.issues.models import Edition, Issue, IssueState, Newsletter, Tracking
from digest.issues.variants import found_besides, variants_of
from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG, Content, vote_tag
from digest.mail.marked_copy import inert_recipient
from digest.mail.outbox import message
from digest.mail.spamassassin import SpamScore, score_mail
from digest.render.escaping import in_plain_text
from digest.render.lint import (
    Finding,
    LintedMail,
    Severity,
    error,
    lint_mail,
    spam_score,
    warning,
)
from digest.render.rendered import Rendered


@dataclass(frozen=True, kw_only=True)
class LintTerms:
    """The settings of an installation that a mail is checked against.

    *lenient* makes a missing postal address a warning, so that an issue can be built without it.
    """

    identity: MailIdentity  #: where a newsletter has none of its own
    lenient: bool = False

    def of_view(self, view: IssueView, rendered: Rendered) -> Sequence[Finding]:
        """Return the findings of an issue just rendered, those of its templates included."""
        copy = LintedMail(
            subject=rendered.subject,
            preheader=in_plain_text(view.preheader),  # as the mail prints it
            html=rendered.html,
            text=rendered.text,
            unsubscribe_url=view.unsubscribe_url,
            tags=_tags(len(view.comparisons)),
            postal_address=view.postal_address,
            tracked=view.tracked,
        )
        return self._with_leniency([*rendered.findings, *lint_mail(copy)], copy.postal_address)

    def of_edition(self, edition: Edition, unsubscribe_url: str) -> list[Finding]:
        """Return the findings of a frozen edition, those kept of its templates included.

        The mail is checked with the settings it was built with; a setting changed since is a
        finding of its own.
        """
        settings, newsletter = provenance.settings_of(edition), _newsletter(edition)
        today = self.identity.of(newsletter) if newsletter else self.identity
        url, postal = settings.get("base_url"), settings.get("postal_address")
        copy = LintedMail(
            subject=edition.subject,
            preheader=in_plain_text(edition.preheader),
            html=edition.html,
            text=edition.text,
            unsubscribe_url=unsubscribe_url if url is None else f"{url}/u/{UNSUBSCRIBE_TAG}",
            tags=_tags(len(provenance.revisions_of(edition))),
            postal_address=today.postal_address if postal is None else postal,
            tracked=_is_tracked(edition),
        )
        moved = moved_since(copy, unsubscribe_url, today.postal_address)
        moved += sender_since(settings, today, _issue(edition))
        moved += withdrawn_since(edition, _issue(edition))
        moved += edited_since(edition, _issue(edition))
        moved += changed_since(edition, _issue(edition))
        found = [*provenance.findings_of(edition), *moved, *lint_mail(copy)]
        session = object_session(edition)
        for each in variants_of(cast(Session, session), edition).values() if session else ():
            found += found_besides(found, lint_mail(replace(copy, html=each.html, text=each.text)))
        return self._with_leniency(found, today.postal_address)

    def _with_leniency(self, findings: list[Finding], postal_address: str) -> list[Finding]:
        if postal_address or not self.lenient:
            return findings
        return [
            replace(finding, severity=Severity.WARNING)
            if finding.rule == "postal-address"
            else finding
            for finding in findings
        ]


def _tags(comparisons: int) -> tuple[str, ...]:
    """Return the tags that are replaced in the mail of an issue with so many comparisons."""
    votes = (vote_tag(position) for position in range(1, comparisons + 1))
    return (UNSUBSCRIBE_TAG, PREFERENCES_TAG, *votes)


def moved_since(copy: LintedMail, unsubscribe_url: str, postal_address: str) -> list[Finding]:
    """Return an error for each setting that has changed since an edition was built."""
    mend = "Set it back, or build again: digest build --again."
    findings = []
    if copy.unsubscribe_url != unsubscribe_url:
        was, now = (_site(url) for url in (copy.unsubscribe_url, unsubscribe_url))
        text = f"its links lead to {was}, and DIGEST_BASE_URL is {now} now"
        findings.append(error("settings-changed", "html", text, mend))
    if copy.postal_address != postal_address:
        text = "the postal address has changed since it was built"
        findings.append(error("settings-changed", "html", text, mend))
    return findings


def sender_since(
    kept: Mapping[str, str], today: MailIdentity, issue: Issue | None = None
) -> list[Finding]:
    """Return an error for the sender and the reply-to, where it changed since an edition was built.

    *kept* has neither for editions of versions that didn't keep it.
    """
    texts = []
    was, now = kept.get("sender", ""), today.sender
    if was and parseaddr(was) != parseaddr(now):
        texts.append(f"it was made to come from {was}, and mail comes from {now} now")
    before, after = kept.get("reply_to"), today.reply_to
    if before is not None and parseaddr(before) != parseaddr(after):
        texts.append(
            f"answers to it were to go to {before or 'the sender'},"
            f" and go to {after or 'the sender'} now"
        )
    return [error("settings-changed", "html", text, _mend_sender(issue)) for text in texts]


def _mend_sender(issue: Issue | None) -> str:
    mend = "Set it back, or build again and approve that: digest build --again."
    if issue is not None and issue.state is IssueState.BUILT:
        mend = (
            f"Set it back, or build again and approve that: {build_again(issue)}; then digest"
            f" approve {named(issue)}."
        )
    elif issue is not None:
        mend = (
            f"Set it back; where nobody has got it yet, digest resume {named(issue)} takes the new"
            " one, which has to be approved."
        )
    return mend


def withdrawn_since(edition: Edition, issue: Issue | None) -> list[Finding]:
    """Return an error for each comparison that was withdrawn since an unsent issue was built.

    That is one it carries, or one of earlier issues of whose votes or changes it tells.
    """
    session = object_session(edition)
    if session is None or issue is None or issue.state is not IssueState.BUILT:
        return []
    mend = f"Build it without: {build_again(issue)}."
    return [
        error("withdrawn", "html", f"it carries {slug}, which was withdrawn", mend)
        for slug in store.withdrawals_in(cast(Session, session), issue.id or 0)
    ] + [
        error("withdrawn", "html", f"it tells of {what} {slug}, which was withdrawn", mend)
        for what, slug in _told(edition)
        if comparisons.by_slug(cast(Session, session), slug).withdrawn_at is not None
    ]


def _told(edition: Edition) -> list[tuple[str, str]]:
    """Return what an edition tells of comparisons that it doesn't carry, with their slugs."""
    background = provenance.background_of(edition)
    echoed = [("votes on", background.echo.comparison)] if background.echo else []
    return [*echoed, *(("changes in", change.slug) for change in background.changes)]


def changed_since(edition: Edition, issue: Issue | None) -> list[Finding]:
    """Return a warning for each change an unsent issue tells of that isn't the newest any more."""
    session = object_session(edition)
    if session is None or issue is None or issue.state is not IssueState.BUILT:
        return []
    mend = f"Build it with the newest: {build_again(issue)}."
    return [
        warning("changed-again", "html", f"it tells of {each.slug}, which has changed again", mend)
        for each in provenance.background_of(edition).changes
        if session.get_one(Comparison, each.comparison_id).latest
        != session.get_one(Revision, each.now).number
    ]


def untold_since(edition: Edition, issue: Issue) -> list[Finding]:
    """Return a warning for each verdict that changed after an unsent issue was built without it.

    It says nothing untrue, and the next issue tells of these. So this isn't among the findings that
    an approval or an unattended newsletter waits for.
    """
    session = cast(Session, object_session(edition))
    if issue.state is not IssueState.BUILT or issue.corrects_issue_id is not None:
        return []
    newsletter = store.newsletter_of(session, issue)
    carried = [row.comparison_id for row in store.placements(session, issue)]
    day = store.dated(issue, newsletter)
    now = changed_since_told(session, newsletter, issue.number or 0, carried=carried, day=day)
    told = {each.comparison_id for each in provenance.background_of(edition).changes}
    mend = f"Build it again: {build_again(issue)}; otherwise, the next issue tells it."
    return [
        warning(
            "changed-since",
            "html",
            f"it doesn't tell of {each.slug}, whose verdict has changed since",
            mend,
        )
        for each in now
        if each.comparison_id not in told
        and session.get_one(Revision, each.now).imported_at > edition.frozen_at
    ]


def edited_since(edition: Edition, issue: Issue | None) -> list[Finding]:
    """Return a warning for each comparison that an editor changed since an issue was built."""
    session = object_session(edition)
    if session is None or issue is None or issue.state is not IssueState.BUILT:
        return []
    mend = f"Build it with the new words: {build_again(issue)}."
    shown = provenance.revisions_of(edition)
    return [
        warning("edited", "html", f"it carries {slug} as it was before an editor changed it", mend)
        for slug in comparisons.edited_since(cast(Session, session), shown)
    ]


def _site(unsubscribe_url: str) -> str:
    return unsubscribe_url.removesuffix(f"/u/{UNSUBSCRIBE_TAG}")


def spam_findings(content: Content, *, base_url: str, now: datetime) -> list[Finding]:
    """Return the findings of SpamAssassin, which takes seconds; raises `NoSpamAssassin`."""
    return score_spam(content, base_url=base_url, now=now)[1]


def score_spam(
    content: Content, *, base_url: str, now: datetime, score: Callable[..., SpamScore] = score_mail
) -> tuple[float, list[Finding]]:
    """Return SpamAssassin's points for a mail, and what follows; raises `NoSpamAssassin`."""
    reader = inert_recipient(content, "reader@example.org", base_url=base_url, token="x" * 32)
    report = score(message(content, reader), now=now)
    tests = [f"{rule.name} {rule.points:g}" for rule in report.rules if rule.points > 0]
    return report.score, list(spam_score(report.score, tests))


def _issue(edition: Edition) -> Issue | None:
    session = object_session(edition)
    return session.get(Issue, edition.issue_id) if session else None


def _newsletter(edition: Edition) -> Newsletter | None:
    session, issue = object_session(edition), _issue(edition)
    return session.get(Newsletter, issue.newsletter_id) if session and issue else None


def _is_tracked(edition: Edition) -> bool:
    """Return whether links will be rewritten; true when the newsletter isn't known."""
    newsletter = _newsletter(edition)
    return newsletter is None or newsletter.tracking is not Tracking.OFF
