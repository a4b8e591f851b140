"""Gather what each panel of the preview shows.

Hides which data a panel needs: text, source, headers, request, cases, changes, back-test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from digest.errors import DigestError, NotFound, TemplateBroken
from digest.issues import provenance, store
from digest.issues.build import rule_of
from digest.issues.calendar import issue_day
from digest.issues.content import IssueView
from digest.issues.models import Edition, Issue
from digest.issues.newsletters import logo_of
from digest.issues.picking import PickRule, candidates
from digest.issues.picking.backtest import backtest
from digest.mail.mailing import Mailing, Recipient, personalise
from digest.mail.marked_copy import inert_parts, inert_recipient
from digest.mail.outbox import message
from digest.preview.changes import MailContent, compare
from digest.preview.query import PanelName, PreviewQuery
from digest.preview.sample_issues import (
    SAMPLE_ISSUES,
    SampleReader,
    as_seen_by,
    case_view,
    sample_reader,
)
from digest.preview.session import PreviewSession
from digest.preview.snapshot import PastEdition
from digest.render.lint import Finding, Severity
from digest.render.rendered import Rendered
from digest.web.archive import draft_page, public_html
from digest.web.public_pages import OWN_LINKS
from subscribers import store as subscribers

INERT = "x" * 32  #: as long as a reader's token, and valid for nothing
WEEKS = 20  #: that a back-test covers
_ID_DIGITS = 18  # what fits into a column of 64 bits


def variables_of(preview: PreviewSession, query: PreviewQuery) -> dict[str, Any]:
    """Return the template variables of the panel that *query* names."""
    make = _PANELS.get(query.view)
    return make(preview, query) if make else {}


def mail_of(preview: PreviewSession, query: PreviewQuery) -> str:
    """Return the HTML to show; raise `DigestError` when there is none."""
    html = _mail_of(preview, query)
    return public_html(html, OWN_LINKS) if query.view is PanelName.WEB else html


def web_page_of(preview: PreviewSession, query: PreviewQuery) -> str:
    """Return the page on which the archive will show the issue; raises `DigestError`.

    An earlier edition is shown as its mail in a frame, as `mail_of` returns it.
    """
    snapshot, app = preview.snapshot, preview.app
    if snapshot.newsletter is None or snapshot.standing is None or snapshot.built is None:
        raise DigestError("there is nothing to show yet")
    standing, weekday = snapshot.standing, snapshot.newsletter.weekday
    issue = store.PublishedIssue(
        id=0,
        number=standing.number,
        day=snapshot.pick.day if snapshot.pick else issue_day(standing.period, weekday),
        subject=snapshot.built.rendered.subject,
        prepared_at=app.clock(),
    )
    frame_url = f"/copy?{query.query()}"
    view = _view_of(preview, query)
    return draft_page(app, snapshot.newsletter.slug, issue, view=view, frame_url=frame_url)


def _view_of(preview: PreviewSession, query: PreviewQuery) -> IssueView | None:
    if query.case:
        return _case(preview, query.case)[0]
    if preview.snapshot.built is None or _past(preview, query):
        return None
    return as_seen_by(preview.snapshot.built.view, reader_of(preview, query))


def _mail_of(preview: PreviewSession, query: PreviewQuery) -> str:
    if query.case:
        return _case(preview, query.case)[1].html
    past = _past(preview, query)
    if past:
        return past.html
    reader = reader_of(preview, query)
    if preview.snapshot.built is None:
        raise DigestError("there is nothing to show yet")
    if reader.votes:
        return preview.snapshot.built.rendered.html
    return preview.render(as_seen_by(preview.snapshot.built.view, reader)).html


def _past(preview: PreviewSession, query: PreviewQuery) -> PastEdition | None:
    shown = {"last": preview.snapshot.last, "approved": preview.snapshot.approved}
    return shown.get(query.edition)


def reader_of(preview: PreviewSession, query: PreviewQuery) -> SampleReader:
    """Return the reader of the preview: a sample reader, or a subscriber by id."""
    kind, _, number = query.reader.partition(":")
    if kind != "id" or not number.isdecimal() or len(number) > _ID_DIGITS:
        return sample_reader(query.reader)
    with preview.app.database.read() as session:
        subscriber = subscribers.find_by_id(session, int(number))
    if subscriber is None:
        raise DigestError("there is no such subscriber")
    return SampleReader(key=query.reader, name=f"Subscriber {number}", address=subscriber.address)


def _text(preview: PreviewSession, query: PreviewQuery) -> dict[str, Any]:
    rendered = _rendered(preview, query)
    return {"text": personalise(rendered.text, inert_parts(rendered.text)) if rendered else ""}


def _source(preview: PreviewSession, query: PreviewQuery) -> dict[str, Any]:
    rendered = _rendered(preview, query)
    findings = preview.snapshot.built.findings if preview.snapshot.built and not query.case else ()
    return {
        "source": rendered.html.splitlines() if rendered else [],
        "marked": [
            finding.line for finding in findings if finding.place == "html" and finding.line
        ],
    }


def _headers(preview: PreviewSession, query: PreviewQuery) -> dict[str, Any]:
    mailing = _mailing(preview, query)
    if mailing is None:
        return {"headers": []}
    mail = message(mailing.content, mailing.recipients[0])
    return {"headers": [(name, str(value)) for name, value in mail.items()]}


def _request(preview: PreviewSession, query: PreviewQuery) -> dict[str, Any]:
    mailing = _mailing(preview, query)
    provider = preview.app.provider
    payload = provider.request_body(mailing) if mailing else {}
    return {
        "request": orjson.dumps(payload, option=orjson.OPT_INDENT_2).decode(),
        "weight": len(orjson.dumps(payload)),
        "endpoint": provider.endpoint,
    }


def _cases(preview: PreviewSession, _: PreviewQuery) -> dict[str, Any]:
    return {"cases": [_verdict(preview, case.key, case.name) for case in SAMPLE_ISSUES]}


def _verdict(preview: PreviewSession, key: str, name: str) -> dict[str, str]:
    try:
        view, rendered = _case(preview, key)
    except TemplateBroken as fault:
        return {"key": key, "name": name, "mood": "error", "verdict": str(fault)}
    reported = preview.app.issues.lint_terms.of_view(view, rendered)
    findings = [finding for finding in reported if finding.rule not in _USUAL]
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    mood = "error" if errors else "warning" if findings else "good"
    return {"key": key, "name": name, "mood": mood, "verdict": _summary(errors or findings)}


#: Findings about the installation, which every sample would repeat.
_SINCE_BUILT = frozenset({"settings-changed", "edited"})  #: rules about what came after
_USUAL = frozenset({"local-host", "postal-address"})


def _summary(findings: list[Finding]) -> str:
    if not findings:
        return "Holds"
    more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
    return f"{findings[0].message}{more}"


def _case(preview: PreviewSession, key: str) -> tuple[IssueView, Rendered]:
    settings, newsletter = preview.app.settings, preview.snapshot.newsletter
    if newsletter is None:
        raise DigestError("there is no newsletter yet")
    postal_address = preview.app.identity.of(newsletter).postal_address
    with preview.app.database.read() as session:
        logo = logo_of(session, newsletter, settings.base_url)
    view = case_view(
        key, newsletter, base_url=settings.base_url, postal_address=postal_address, logo=logo
    )
    if view is None:
        raise DigestError("there is no such case")
    return view, preview.render(view)


def _changes(preview: PreviewSession, query: PreviewQuery) -> dict[str, Any]:
    before: PastEdition | None = (
        preview.snapshot.last if query.against == "last" else preview.snapshot.approved
    )
    built = preview.snapshot.built
    if before is None or built is None:
        return {"before": "", "changes": None}
    now = MailContent(
        subject=built.rendered.subject,
        preheader=built.view.preheader,
        html=built.rendered.html,
        text=built.rendered.text,
        view=built.view,
        findings=built.findings,
    )
    changes = compare(_past_content(preview, before), now)
    return {"before": before.name, "changes": changes if changes.any else None}


def _past_content(preview: PreviewSession, before: PastEdition) -> MailContent:
    """Return an earlier edition with what it was made of, which takes the database to know."""
    with preview.app.database.read() as session:
        edition = session.get_one(Edition, before.edition_id)
        findings = preview.app.issues.findings(edition)
        issue = session.get_one(Issue, edition.issue_id)
        try:
            view = provenance.frozen_view(session, issue, edition)
        except NotFound:  # made by a version that kept no recipe
            view = None
    return MailContent(
        subject=before.subject,
        preheader=before.preheader,
        html=before.html,
        text=before.text,
        view=view,
        findings=[finding for finding in findings if finding.rule not in _SINCE_BUILT],
    )


def _backtest(preview: PreviewSession, _: PreviewQuery) -> dict[str, Any]:
    newsletter, overlay, standing = (
        preview.snapshot.newsletter,
        preview.snapshot.overlay,
        preview.snapshot.standing,
    )
    if newsletter is None or overlay is None or standing is None:
        return {"weeks": [], "rule": PickRule()}
    rule = rule_of(newsletter)
    with preview.app.database.read() as session:
        history = store.history(session, newsletter.id)
        shown_from = preview.app.settings.votes_shown_from
        pool = candidates(session, overlay.summaries, rule, votes_shown_from=shown_from)
    weeks = backtest(
        pool,
        history,
        rule,
        until=standing.period,
        weekday=newsletter.weekday,
        weeks=WEEKS,
    )
    return {
        "rule": rule,
        "weeks": [
            {
                "period": week.pick.period,
                "titles": [
                    (choice.candidate.title, int(choice.candidate.slug in week.sent))
                    for choice in week.pick.chosen
                ],
                "left": len(week.pick.left_out),
                "note": week.pick.note,
            }
            for week in reversed(weeks)
        ],
    }


def _rendered(preview: PreviewSession, query: PreviewQuery) -> Rendered | None:
    if query.case:
        return _case(preview, query.case)[1]
    built, reader = preview.snapshot.built, reader_of(preview, query)
    if built is None or reader.votes:
        return built.rendered if built else None
    return preview.render(as_seen_by(built.view, reader))


def _mailing(preview: PreviewSession, query: PreviewQuery) -> Mailing | None:
    """Return the mailing for one reader, with inert links; ``None`` without an issue."""
    rendered, newsletter, standing = (
        _rendered(preview, query),
        preview.snapshot.newsletter,
        preview.snapshot.standing,
    )
    if rendered is None or newsletter is None or standing is None:
        return None
    reader = reader_of(preview, query)
    content = preview.app.sending.content(newsletter, rendered)
    recipient: Recipient = inert_recipient(
        content, reader.address, base_url=preview.app.settings.base_url, token=INERT
    )
    return Mailing(
        content=content,
        recipients=[recipient._replace(delivery="0")],
        issue=f"{newsletter.slug}-{standing.number}",
        batch="0" * 32,
        attempt="0" * 32,
    )


_PANELS: Mapping[PanelName, Callable[[PreviewSession, PreviewQuery], dict[str, Any]]] = {
    PanelName.TEXT: _text,
    PanelName.SOURCE: _source,
    PanelName.HEADERS: _headers,
    PanelName.REQUEST: _request,
    PanelName.SAMPLE_ISSUES: _cases,
    PanelName.CHANGES: _changes,
    PanelName.BACKTEST: _backtest,
}
