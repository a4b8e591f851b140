"""What each view of the stage shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from digest.errors import DigestError, TemplateBroken
from digest.issues import store
from digest.issues.content import IssueView
from digest.issues.picking import PickRule, candidate
from digest.issues.picking.backtest import backtest
from digest.mail.mailing import Mailing, Recipient, personalise
from digest.mail.marked_copy import inert_parts, inert_recipient
from digest.mail.outbox import message
from digest.mail.sendgrid import body
from digest.preview import diff
from digest.preview.query import PanelName, PreviewQuery
from digest.preview.sample_issues import CASES, SampleReader, as_seen_by, case_view, sample_reader
from digest.preview.session import PreviewSession
from digest.preview.snapshot import PastEdition
from digest.render.engine import Rendered
from digest.render.lint import Finding, Severity
from digest.web.archive import for_everybody
from digest.web.public_pages import OWN_LINKS
from subscribers import store as subscribers

INERT = "x" * 32  #: as long as a reader's own token, and good for nothing
WEEKS = 20
_ID_DIGITS = 18  # what fits into a column


def given(desk: PreviewSession, asked: PreviewQuery) -> dict[str, Any]:
    """Return what the stage of that view is filled with."""
    make = _STAGES.get(asked.view)
    return make(desk, asked) if make else {}


def mail_of(desk: PreviewSession, asked: PreviewQuery) -> str:
    """Return the HTML to show; raises `DigestError` when there is none."""
    html = _mail_of(desk, asked)
    return for_everybody(html, OWN_LINKS) if asked.view is PanelName.WEB else html


def _mail_of(desk: PreviewSession, asked: PreviewQuery) -> str:
    if asked.case:
        return _case(desk, asked.case)[1].html
    past = {"last": desk.look.last, "approved": desk.look.approved}.get(asked.edition)
    if past:
        return past.html
    reader = reader_of(desk, asked)
    if desk.look.proof is None:
        raise DigestError("there is nothing to show yet")
    if reader.votes:
        return desk.look.proof.rendered.html
    return desk.render(as_seen_by(desk.look.proof.view, reader)).html


def reader_of(desk: PreviewSession, asked: PreviewQuery) -> SampleReader:
    """Return the reader the desk looks as: a made-up one, or a subscriber by number."""
    kind, _, number = asked.reader.partition(":")
    if kind != "id" or not number.isdecimal() or len(number) > _ID_DIGITS:
        return sample_reader(asked.reader)
    with desk.app.database.read() as session:
        found = subscribers.find_by_id(session, int(number))
    if found is None:
        raise DigestError("there is no such subscriber")
    return SampleReader(key=asked.reader, name=f"Subscriber {number}", address=found.address)


def _text(desk: PreviewSession, asked: PreviewQuery) -> dict[str, Any]:
    rendered = _rendered(desk, asked)
    return {"text": personalise(rendered.text, inert_parts()) if rendered else ""}


def _source(desk: PreviewSession, asked: PreviewQuery) -> dict[str, Any]:
    rendered = _rendered(desk, asked)
    found = desk.look.proof.findings if desk.look.proof and not asked.case else ()
    return {
        "source": rendered.html.splitlines() if rendered else [],
        "marked": [each.line for each in found if each.place == "html" and each.line],
    }


def _headers(desk: PreviewSession, asked: PreviewQuery) -> dict[str, Any]:
    mailing = _mailing(desk, asked)
    if mailing is None:
        return {"headers": []}
    mail = message(mailing.content, mailing.recipients[0])
    return {"headers": [(name, str(value)) for name, value in mail.items()]}


def _request(desk: PreviewSession, asked: PreviewQuery) -> dict[str, Any]:
    mailing = _mailing(desk, asked)
    told = body(mailing) if mailing else {}
    return {
        "request": orjson.dumps(told, option=orjson.OPT_INDENT_2).decode(),
        "weight": len(orjson.dumps(told)),
        "endpoint": f"{desk.app.settings.sendgrid_url}/v3/mail/send",
    }


def _cases(desk: PreviewSession, _: PreviewQuery) -> dict[str, Any]:
    return {"cases": [_verdict(desk, each.key, each.name) for each in CASES]}


def _verdict(desk: PreviewSession, key: str, name: str) -> dict[str, str]:
    try:
        view, rendered = _case(desk, key)
    except TemplateBroken as fault:
        return {"key": key, "name": name, "mood": "error", "verdict": str(fault)}
    told = desk.app.checks().of_view(view, rendered)
    findings = [each for each in told if each.rule not in _USUAL]
    errors = [each for each in findings if each.severity is Severity.ERROR]
    mood = "error" if errors else "warning" if findings else "good"
    return {"key": key, "name": name, "mood": mood, "verdict": _said(errors or findings)}


#: Said of every mail while an installation is being set up; the checks say it already.
_USUAL = frozenset({"local-host", "postal-address"})


def _said(findings: list[Finding]) -> str:
    if not findings:
        return "Holds"
    more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
    return f"{findings[0].message}{more}"


def _case(desk: PreviewSession, key: str) -> tuple[IssueView, Rendered]:
    settings, newsletter = desk.app.settings, desk.look.newsletter
    if newsletter is None:
        raise DigestError("there is no newsletter yet")
    view = case_view(
        key, newsletter, base_url=settings.base_url, postal_address=settings.postal_address
    )
    if view is None:
        raise DigestError("there is no such case")
    return view, desk.render(view)


def _changes(desk: PreviewSession, asked: PreviewQuery) -> dict[str, Any]:
    before: PastEdition | None = desk.look.last if asked.against == "last" else desk.look.approved
    proof = desk.look.proof
    if before is None or proof is None:
        return {"before": "", "parts": []}
    told = (
        ("Subject", before.subject, proof.rendered.subject),
        ("Preheader", before.preheader, proof.view.preheader),
        ("Text", before.text, proof.rendered.text),
        ("HTML", before.html, proof.rendered.html),
    )
    return {
        "before": before.name,
        "parts": [(name, diff.diff_rows(old, new)) for name, old, new in told if old != new],
    }


def _backtest(desk: PreviewSession, _: PreviewQuery) -> dict[str, Any]:
    newsletter, shelf, standing = desk.look.newsletter, desk.look.shelf, desk.look.standing
    if newsletter is None or shelf is None or standing is None:
        return {"weeks": [], "rule": PickRule()}
    rule = PickRule(max_per_issue=newsletter.max_per_issue, no_repeat=newsletter.no_repeat)
    with desk.app.database.read() as session:
        history = store.history(session, newsletter.id)
    weeks = backtest(
        [candidate(each) for each in shelf.summaries],
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
                    (one.candidate.title, int(one.candidate.slug in week.sent))
                    for one in week.pick.chosen
                ],
                "left": len(week.pick.left_out),
                "note": week.pick.note,
            }
            for week in reversed(weeks)
        ],
    }


def _rendered(desk: PreviewSession, asked: PreviewQuery) -> Rendered | None:
    if asked.case:
        return _case(desk, asked.case)[1]
    proof, reader = desk.look.proof, reader_of(desk, asked)
    if proof is None or reader.votes:
        return proof.rendered if proof else None
    return desk.render(as_seen_by(proof.view, reader))


def _mailing(desk: PreviewSession, asked: PreviewQuery) -> Mailing | None:
    """Return what the provider would be handed for one reader, with links that do nothing."""
    rendered, newsletter, standing = (
        _rendered(desk, asked),
        desk.look.newsletter,
        desk.look.standing,
    )
    if rendered is None or newsletter is None or standing is None:
        return None
    reader = reader_of(desk, asked)
    recipient: Recipient = inert_recipient(
        reader.address, base_url=desk.app.settings.base_url, token=INERT
    )
    return Mailing(
        content=desk.app.content(newsletter, rendered),
        recipients=[recipient._replace(delivery="0")],
        issue=f"{newsletter.slug}-{standing.number}",
        batch="0" * 32,
        attempt="0" * 32,
    )


_STAGES: Mapping[PanelName, Callable[[PreviewSession, PreviewQuery], dict[str, Any]]] = {
    PanelName.TEXT: _text,
    PanelName.SOURCE: _source,
    PanelName.HEADERS: _headers,
    PanelName.REQUEST: _request,
    PanelName.CASES: _cases,
    PanelName.CHANGES: _changes,
    PanelName.BACKTEST: _backtest,
}
