"""Answers that only look: the pages, and the lists and counts for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from digest.testing import pages, queries
from digest.testing.events import news
from digest.testing.ledger import Message
from digest.testing.luck import Luck
from digest.testing.message import TEXT, Reply, Request, errors, facts
from digest.testing.substitute import Rendered, as_mail, render

PAGE = 100
DEFAULT_LIMIT = 1000
MAX_DIGITS = 9


def answer(ledger: Path, request: Request, luck: Luck) -> Reply:
    """Answer a GET that changes nothing, from the ledger file."""
    query = request.query
    if request.path == "/":
        return _list(ledger, query)
    if request.path == "/_fake/counts":
        return facts(queries.counts(ledger, query.get("issue")))
    if request.path == "/_fake/requests":
        return facts({"requests": queries.requests(ledger, _limit(query))})
    if request.path == "/_fake/messages":
        found = queries.messages(ledger, query, _limit(query), newest=False)
        return facts({"messages": [as_facts(mail) for mail in found]})
    return _one(ledger, request.path, luck)


def as_facts(mail: Message) -> dict[str, Any]:
    """Say what is known of a mail, without its content."""
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


def _list(ledger: Path, query: Mapping[str, str]) -> Reply:
    wanted = {name: query[name] for name in ("address", "before") if query.get(name)}
    found = queries.messages(ledger, wanted, PAGE + 1, newest=True)
    shown = [(mail, _rendered(ledger, mail)) for mail in found[:PAGE]]
    older = found[PAGE - 1].id if len(found) > PAGE else None
    return pages.mails_page(shown, queries.counts(ledger), query.get("address", ""), older)


def _one(ledger: Path, path: str, luck: Luck) -> Reply:
    """Answer /mails/N, /mails/N/html, /mails/N/raw or /_fake/messages/N."""
    area, _, rest = path.removeprefix("/").removeprefix("_fake/").partition("/")
    number, _, part = rest.partition("/")
    known = area in {"mails", "messages"} and number.isdecimal() and part in {"", "html", "raw"}
    found = queries.messages(ledger, {"id": number}, 1, newest=True) if known else []
    if not found:
        return errors(404, "not found")
    mail, shown = found[0], _rendered(ledger, found[0])
    if area == "messages":
        return facts({**as_facts(mail), **_content(shown)})
    if part == "html":
        return pages.html_part(shown)
    if part == "raw":
        raw = as_mail(shown, message_id=mail.message_id, at=mail.at)
        return Reply(headers=(TEXT, ("X-Content-Type-Options", "nosniff")), body=raw)
    return pages.mail_page(mail, shown, _events(ledger, mail, luck))


def _events(ledger: Path, mail: Message, luck: Luck) -> list[dict[str, Any]]:
    shared = queries.content(ledger, mail.content)
    stopped_by = queries.suppression(ledger, mail)
    return [event for _, event in news(mail, shared, luck, stopped_by)]


def _content(shown: Rendered) -> dict[str, Any]:
    return {
        "subject": shown.subject,
        "from": shown.sender,
        "to": shown.to,
        "reply_to": shown.reply_to,
        "headers": shown.headers,
        "html": shown.html,
        "text": shown.text,
    }


def _rendered(ledger: Path, mail: Message) -> Rendered:
    return render(mail, queries.content(ledger, mail.content))
