"""The order in which an issue is built: pick, compose, render, check, freeze."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
from sqlmodel import Session

from digest.comparisons.models import Revision
from digest.comparisons.score import share_oddities
from digest.comparisons.store import ComparisonSummary, revisions, summaries
from digest.errors import DigestError, IssueFrozen, NothingToPick
from digest.issues import draft_history, provenance, store
from digest.issues.announcing import announce_issue
from digest.issues.approval import refuse_errors
from digest.issues.calendar import slots
from digest.issues.calendar.next_issue import date_of
from digest.issues.changed_verdicts import changed_since_told
from digest.issues.content import Correction, IssueView, correct_view, missing_quote, unsaid
from digest.issues.content.background import Background
from digest.issues.content.branding import branded
from digest.issues.content.compose import compose, with_chosen_quotes
from digest.issues.content.echo import EchoFacts, echo_facts
from digest.issues.identity import MailIdentity
from digest.issues.issue_commands import build_again, named
from digest.issues.models import (
    CORRECTION_STEP,
    Edition,
    Issue,
    IssueState,
    Newsletter,
    Placement,
    Tracking,
)
from digest.issues.newsletters import logo_of, require_running
from digest.issues.picking import (
    Decisions,
    ExclusionReason,
    Pick,
    PickPoints,
    PickRule,
    apply_words,
    candidates,
    overrides,
)
from digest.issues.picking.embargo import embargo_warnings
from digest.issues.variants import (
    DraftedVariant,
    draft_variants,
    found_besides,
    store_variants,
)
from digest.render.lint import Finding, warning
from digest.render.rendered import Rendered
from digest.votes import SHOWN_FROM, counts_by_link, counts_of, turnout
from subscribers.announcements.models import AnnouncementKind

Render = Callable[[IssueView], Rendered]
Check = Callable[[IssueView, Rendered], Sequence[Finding]]


@dataclass(frozen=True, kw_only=True)
class IssueBuilder:
    """What an installation brings to the build of any issue: settings, renderer and checks."""

    base_url: str
    render: Render
    check: Check
    sources: Callable[[], provenance.Sources] = dict  #: the templates, by name
    identity: MailIdentity = field(
        default_factory=MailIdentity
    )  #: where a newsletter has none of its own
    votes_shown_from: int = SHOWN_FROM  #: votes from which readers' share is shown
    #: Has the votes to tell of in place of those that stand now: some come in while somebody reads.
    votes_seen: Background | None = None


@dataclass(frozen=True, kw_only=True)
class BuiltIssue:
    """An issue as it would be sent, before it is stored."""

    view: IssueView
    composed: IssueView  #: before the editors' words
    rendered: Rendered
    findings: Sequence[Finding]
    revisions: Sequence[Revision]
    decisions: Decisions
    correction: Correction | None = None
    background: Background = field(default_factory=Background)
    variants: Sequence[DraftedVariant] = ()  #: for readers who agree with a reviewer

    def fingerprint(self) -> str:
        """Return the SHA-256 of what a reader gets, in hexadecimal, without the variants."""
        return fingerprint(self.rendered, self.view.preheader)


def fingerprint(rendered: Rendered, preheader: str, variants: Sequence[DraftedVariant] = ()) -> str:
    """Return the SHA-256 of subject, preheader, HTML and text, and of variants, in hexadecimal."""
    parts: list[Any] = [rendered.subject, preheader, rendered.html, rendered.text]
    parts += [[each.note.seat, each.rendered.html, each.rendered.text] for each in variants]
    return sha256(orjson.dumps(parts)).hexdigest()


def mail_fingerprint(edition: Edition) -> str:
    """Return the fingerprint of an edition as it is, without its variants."""
    rendered = Rendered(subject=edition.subject, html=edition.html, text=edition.text)
    return fingerprint(rendered, edition.preheader)


def rule_of(newsletter: Newsletter) -> PickRule:
    """Return the rule by which a newsletter's comparisons are picked."""
    return PickRule(
        max_per_issue=newsletter.max_per_issue,
        no_repeat=newsletter.no_repeat,
        min_per_issue=newsletter.min_per_issue,
        points=PickPoints(**newsletter.points),
        newsletter=newsletter.slug,
    )


def choose_comparisons(
    session: Session,
    newsletter: Newsletter,
    period: str,
    *,
    pool: Sequence[ComparisonSummary] | None = None,
    decisions: Decisions | None = None,
    votes_shown_from: int = SHOWN_FROM,
) -> Pick:
    """Return the pick for the issue of *period* under its draft; write nothing.

    *pool* replaces the stored comparisons as the ones to choose from, *decisions* those of the
    draft. Readers' votes on a tool count from *votes_shown_from* on.
    """
    rule, pool = rule_of(newsletter), summaries(session) if pool is None else pool
    return overrides.choose(
        candidates(session, pool, rule, votes_shown_from=votes_shown_from),
        store.history(session, newsletter.id),
        rule,
        decisions or draft_history.current(session, newsletter, period),
        period=period,
        day=date_of(session, newsletter, period),
    )


def draft_issue(
    session: Session,
    newsletter: Newsletter,
    chosen: Pick,
    *,
    number: int,
    issue_builder: IssueBuilder,
    unsaved: Mapping[int, Revision] | None = None,
    correction: Correction | None = None,
    decisions: Decisions | None = None,
) -> BuiltIssue:
    """Compose, render and check the picked comparisons; store nothing.

    *unsaved* maps the ids used in the pick to revisions that aren't stored; *correction* is what
    the issue corrects, *decisions* replaces those of the draft. Raises `NothingToPick` when
    *chosen* is empty.
    """
    if not chosen.chosen:
        raise NothingToPick(chosen.note, next_step=_step_of_empty(chosen))
    ids = [choice.candidate.revision_id for choice in chosen.chosen]
    stored = revisions(
        session, [revision_id for revision_id in ids if revision_id not in (unsaved or {})]
    )
    rows = {**stored, **(unsaved or {})}
    ordered = [rows[revision_id] for revision_id in ids]
    decisions = decisions or draft_history.current(session, newsletter, chosen.period)
    background = _background(session, newsletter, number, ordered, issue_builder)
    if correction is None:
        carried = [revision.comparison_id for revision in ordered]
        changes = changed_since_told(session, newsletter, number, carried=carried, day=chosen.day)
        background = replace(background, changes=changes)
    if seen := issue_builder.votes_seen:
        background = replace(background, counts=seen.counts, echo=seen.echo)
    composed = compose(
        ordered,
        newsletter,
        number=number,
        period=chosen.period,
        on=chosen.day,
        base_url=issue_builder.base_url,
        postal_address=issue_builder.identity.of(newsletter).postal_address,
        background=background,
    )
    composed = with_chosen_quotes(composed, ordered, decisions.quotes)
    composed = correct_view(composed, correction) if correction else composed
    logo = logo_of(session, newsletter, issue_builder.base_url)
    view = branded(apply_words(composed, decisions), newsletter, logo)
    output = issue_builder.render(view)
    doubts = (
        *_share_warnings(ordered),
        *embargo_warnings(ordered, chosen.day),
        *_quote_warnings(ordered, decisions),
        *unsaid(view, output),
    )
    rendered = replace(output, findings=(*output.findings, *doubts))
    return BuiltIssue(
        view=view,
        composed=composed,
        rendered=rendered,
        findings=issue_builder.check(view, rendered),
        revisions=ordered,
        decisions=decisions,
        correction=correction,
        background=background,
    )


def _background(
    session: Session,
    newsletter: Newsletter,
    number: int,
    carried: Sequence[Revision],
    issue_builder: IssueBuilder,
) -> Background:
    """Return what an issue of that number is told besides *carried*."""
    before = store.edition_before(session, newsletter.id, number)
    shown_from = issue_builder.votes_shown_from
    return Background(
        last_form=provenance.opening_form_of(before) if before else "",
        counts=counts_of(session, [revision.comparison_id for revision in carried]),
        shown_from=shown_from,
        echo=_echo(session, newsletter, number, before, shown_from),
    )


def _echo(
    session: Session, newsletter: Newsletter, number: int, before: Edition | None, shown_from: int
) -> EchoFacts | None:
    """Return what to tell of the votes on the last issue that went out before *number*.

    It tells that issue's readers of their own votes: those by a link in it. Where it was corrected,
    what the correction carries counts, and its links too. A correction has no echo.
    """
    last = store.before(session, newsletter, number)
    if last is None or number > CORRECTION_STEP:
        return None
    corrections = store.published_corrections(session, newsletter, last.id)
    mailed = [session.get_one(Issue, each.id) for each in (last, *(one for one, _ in corrections))]
    editions = [number for issue in mailed for number in store.edition_ids(session, issue)]
    ids = [placement.revision_id for placement in store.placements(session, mailed[-1])]
    rows = revisions(session, ids)
    carried = [rows[each] for each in ids if rows[each].comparison.withdrawn_at is None]
    comparisons = [revision.comparison_id for revision in carried]
    return echo_facts(
        carried,
        counts_by_link(session, comparisons, editions),
        turnout(session, comparisons, edition_ids=editions),
        shown_from=shown_from,
        before=provenance.background_of(before).echo if before else None,
    )


def _step_of_empty(chosen: Pick) -> str:
    """Return the next step for an empty pick: what was taken out can be put back."""
    dropped = any(entry.why is ExclusionReason.DROPPED for entry in chosen.left_out)
    back = "put one back at the desk (digest preview), or: " if dropped else ""
    return f"{back}digest import PATH..."


def _share_warnings(carried: Sequence[Revision]) -> Iterator[Finding]:
    """Yield a warning for each panel share that contradicts the published calls."""
    for revision in carried:
        for side in revision.contenders:
            for doubt in share_oddities(side, revision.seats):
                yield warning(
                    "panel-share",
                    "html",
                    f"{revision.comparison.slug}: {side.name}: {doubt}",
                    "Find out which is right, and import the comparison again.",
                )


def _quote_warnings(carried: Sequence[Revision], decisions: Decisions) -> Iterator[Finding]:
    """Yield a warning for each quote chosen by an editor that isn't there any more."""
    for revision in carried:
        slug = revision.comparison.slug
        choice = decisions.quotes.get(slug)
        gone = missing_quote(revision.contenders, choice) if choice else ""
        if gone:
            yield warning(
                "quote-gone",
                "html",
                f"{slug}: an editor chose a quote that is gone: {gone}",
                "Choose another quote at the desk, or leave the choice to Digest.",
            )


def build(
    session: Session,
    newsletter: Newsletter,
    period: str,
    *,
    now: datetime,
    issue_builder: IssueBuilder,
    again: bool = False,
    chosen: Pick | None = None,
) -> tuple[Issue, BuiltIssue]:
    """Build the issue of *period* and freeze its edition; the caller commits.

    *again* rebuilds an issue whose audience isn't frozen yet; the earlier edition stays stored as
    an earlier revision. *chosen* replaces the pick of the rule. The week of a cancelled issue gets
    another one, with the next number. Raises `IssueFrozen`, `NothingToPick`, `MailUnfit` when a
    check forbids the mail, and `WrongState` for an archived newsletter.
    """
    require_running(session, newsletter)
    before = _existing_issue(session, newsletter, period, again=again)
    number = before.number if before else None
    number = number or store.next_number(session, newsletter.id)
    decisions = draft_history.current(session, newsletter, period)
    chosen = chosen or choose_comparisons(
        session,
        newsletter,
        period,
        decisions=decisions,
        votes_shown_from=issue_builder.votes_shown_from,
    )
    built = draft_issue(
        session,
        newsletter,
        chosen,
        number=number,
        issue_builder=issue_builder,
        decisions=decisions,
    )
    built = _with_variants(session, newsletter, built, issue_builder)
    issue = before or Issue(
        newsletter_id=newsletter.id or 0, period=period, state=IssueState.BUILT, built_at=now
    )
    issue.number = number
    freeze_edition(session, issue, chosen, built, now=now, issue_builder=issue_builder)
    return issue, built


def _with_variants(
    session: Session, newsletter: Newsletter, built: BuiltIssue, issue_builder: IssueBuilder
) -> BuiltIssue:
    """Return what was built with its variants, and with what the checks find in them alone."""
    variants = draft_variants(
        session,
        newsletter.slug,
        built.view,
        built.revisions,
        render=issue_builder.render,
        check=issue_builder.check,
    )
    findings = [*built.findings]
    for each in variants:
        findings += found_besides(findings, each.findings)
    return replace(built, variants=variants, findings=findings)


def freeze_edition(
    session: Session,
    issue: Issue,
    chosen: Pick,
    built: BuiltIssue,
    *,
    now: datetime,
    issue_builder: IssueBuilder,
    part: str = "everyone",
) -> Edition:
    """Store what was drafted as the newest edition of *issue*; the caller commits.

    *part* is the part of the audience that gets it. Raises `MailUnfit` when a check forbids it.
    """
    refuse_errors(built.findings)
    issue.state, issue.note = IssueState.BUILT, ""
    issue.pick, issue.built_at = chosen.to_dict(), now
    session.add(issue)
    session.flush()
    _replace_placements(session, issue, chosen)
    newsletter = store.newsletter_of(session, issue)
    edition = _store_edition(session, issue, newsletter, built, now, part)
    inputs = provenance.BuildInputs(
        newsletter=newsletter,
        carried=built.revisions,
        number=issue.number or 0,
        period=issue.period,
        on=chosen.day,
        base_url=issue_builder.base_url,
        identity=issue_builder.identity.of(newsletter),
        decisions=built.decisions,
        opening_form=built.composed.opening_form,
        correction=built.correction,
        background=built.background,
        variants=[each.note for each in built.variants],
    )
    store_variants(session, edition, built.variants)
    provenance.keep_recipe(
        session, edition, inputs, issue_builder.sources(), built.rendered.findings
    )
    told = {"revision": edition.revision, "subject": edition.subject}
    announce_issue(session, AnnouncementKind.ISSUE_BUILT, issue, now, **told)
    return edition


def _existing_issue(
    session: Session, newsletter: Newsletter, period: str, *, again: bool
) -> Issue | None:
    issue = store.by_period(session, newsletter.id, period)
    if issue is None or issue.state is IssueState.SKIPPED:
        return issue
    if issue.state is IssueState.CANCELLED:  # its week gets another issue, with the next number
        slots.reopen(session, newsletter, period)
        return None
    if issue.state is not IssueState.BUILT:
        raise IssueFrozen(
            f"issue {issue.number} of {period} is {issue.state} and can't change",
            next_step="digest build takes the next issue that is due",
        )
    if not again:
        raise IssueFrozen(
            f"issue {issue.number} of {period} is already built",
            next_step=f"digest show {named(issue)}, or {build_again(issue)} to make it anew",
        )
    return issue


def _replace_placements(session: Session, issue: Issue, chosen: Pick) -> None:
    for old in store.placements(session, issue):
        session.delete(old)
    session.flush()
    if issue.id is None:
        raise DigestError("an issue without an id can't carry anything")
    session.add_all(
        Placement(
            issue_id=issue.id,
            position=choice.position,
            comparison_id=choice.candidate.comparison_id,
            revision_id=choice.candidate.revision_id,
        )
        for choice in chosen.chosen
    )


def _store_edition(
    session: Session,
    issue: Issue,
    newsletter: Newsletter,
    built: BuiltIssue,
    now: datetime,
    part: str,
) -> Edition:
    edition = Edition(
        issue_id=issue.id or 0,
        slice=part,
        revision=len(store.edition_ids(session, issue)) + 1,
        language=newsletter.language,
        tracking=Tracking(newsletter.tracking),
        subject=built.rendered.subject,
        preheader=built.view.preheader,
        html=built.rendered.html,
        text=built.rendered.text,
        fingerprint=fingerprint(built.rendered, built.view.preheader, built.variants),
        frozen_at=now,
    )
    session.add(edition)
    session.flush()
    return edition
