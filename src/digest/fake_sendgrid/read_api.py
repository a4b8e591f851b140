"""The read-only routes: pages for people, lists and counts as JSON for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from digest.fake_sendgrid import message_store, ui
from digest.fake_sendgrid.events.event_json import mail_events
from digest.fake_sendgrid.faults.outcomes import OutcomeOdds
from digest.fake_sendgrid.http.http_message import (
    TEXT,
    HttpRequest,
    HttpResponse,
    error_response,
    json_response,
)
from digest.fake_sendgrid.message_store import AcceptedMail
from digest.fake_sendgrid.substitution import SubstitutedMail, as_mail, substitute_mail

PAGE = 100
DEFAULT_LIMIT = 1000
MAX_DIGITS = 9


def answer(ledger: Path, request: HttpRequest, odds: OutcomeOdds) -> HttpResponse:
    """Return the answer to a GET request, read from the ledger file."""
    query = request.query
    if request.path == "/":
        return _list(ledger, query)
    if request.path == "/_fake/counts":
        return json_response(message_store.counts(ledger, query.get("issue")))
    if request.path == "/_fake/requests":
        return json_response({"requests": message_store.requests(ledger, _limit(query))})
    if request.path == "/_fake/messages":
        mails = message_store.messages(ledger, query, _limit(query), newest=False)
        return json_response({"messages": [as_facts(mail) for mail in mails]})
    return _mail(ledger, request.path, odds)


def as_facts(mail: AcceptedMail) -> dict[str, Any]:
    """Return the JSON form of a mail, without its content."""
    return {
        "id": mail.id,
        "address": mail.address,
        "message_id": mail.message_id,
        "request": mail.request,
        "place": mail.place,
        "at": mail.at,
        "custom_args": mail.custom_args,
        "headers": mail.own.get("headers") or {},
        "substitutions": mail.own.get("substitutions") or {},
    }


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", "")
    return int(text) if text.isdecimal() and len(text) <= MAX_DIGITS else DEFAULT_LIMIT


def _list(ledger: Path, query: Mapping[str, str]) -> HttpResponse:
    wanted = {name: query[name] for name in ("address", "before") if query.get(name)}
    mails = message_store.messages(ledger, wanted, PAGE + 1, newest=True)
    shown = [(mail, _rendered(ledger, mail)) for mail in mails[:PAGE]]
    older = mails[PAGE - 1].id if len(mails) > PAGE else None
    return ui.mails_page(shown, message_store.counts(ledger), query.get("address", ""), older)


def _mail(ledger: Path, path: str, odds: OutcomeOdds) -> HttpResponse:
    """Return the answer to /mails/N, /mails/N/html, /mails/N/raw or /_fake/messages/N."""
    area, _, rest = path.removeprefix("/").removeprefix("_fake/").partition("/")
    number, _, part = rest.partition("/")
    known = area in {"mails", "messages"} and number.isdecimal() and part in {"", "html", "raw"}
    mails = message_store.messages(ledger, {"id": number}, 1, newest=True) if known else []
    if not mails:
        return error_response(404, "not found")
    mail, shown = mails[0], _rendered(ledger, mails[0])
    if area == "messages":
        return json_response({**as_facts(mail), **_content(shown)})
    if part == "html":
        return ui.html_part(shown)
    if part == "raw":
        raw = as_mail(shown, message_id=mail.message_id, at=mail.at)
        return HttpResponse(headers=(TEXT, ("X-Content-Type-Options", "nosniff")), body=raw)
    return ui.mail_page(mail, shown, _events(ledger, mail, odds))


def _events(ledger: Path, mail: AcceptedMail, odds: OutcomeOdds) -> list[dict[str, Any]]:
    shared = message_store.content(ledger, mail.content)
    stopped_by = message_store.suppression(ledger, mail)
    return [event for _, event in mail_events(mail, shared, odds, stopped_by)]


def _content(shown: SubstitutedMail) -> dict[str, Any]:
    return {
        "subject": shown.subject,
        "from": shown.sender,
        "to": shown.to,
        "reply_to": shown.reply_to,
        "headers": shown.headers,
        "html": shown.html,
        "text": shown.text,
    }


def _rendered(ledger: Path, mail: AcceptedMail) -> SubstitutedMail:
    return substitute_mail(mail, message_store.content(ledger, mail.content))
