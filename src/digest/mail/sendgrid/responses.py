"""Decides what SendGrid's response to a request means: sent, refused, retry, halt or in doubt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from digest.mail.sendgrid.http_exchange import Exchange, Phase
from digest.mail.transport import Accepted, Answer, Halted, InDoubt, NotSent, Refused

ACCEPTED = 202  #: the only status of a queued mail
CHECKED_ONLY = 200  #: documented for sandbox mode: validated and not sent
FORBIDDEN = 403  #: for a key without the right, and for a sender nobody verified
CLIENT_ERRORS = (400, 499)  #: range documented as refusals of the whole request
MAX_DETAIL = 300  #: characters kept of the provider's text
MAX_ID = 200  #: characters of a message id that is kept; SendGrid's have about 22
_INDEX = re.compile(r"personalizations\.([0-9]{1,4})\b", re.ASCII)
#: Matches whole words, each once: a search around an @ inside a word would take quadratic time.
_WORD = re.compile(r"[^\s\[\]<>\"'(),;]+")

_HALTS = {
    200: "the provider only checked the mail (sandbox mode is on) and sent nothing",
    401: "the provider doesn't accept the API key, or its credit is used up",
    403: "the API key may not send: it lacks the right Mail Send",
    404: "the provider knows no such address; see DIGEST_SENDGRID_URL",
    451: "the provider may not take this mail in its region; see DIGEST_SENDGRID_URL",
}


def classify(exchange: Exchange, *, recipients: int, now: float) -> Answer:
    """Return the answer an exchange stands for.

    *now* is Unix time in seconds, used if the response has no Date header.
    """
    status = exchange.status
    if status is None:
        return _without_status(exchange)
    if status == ACCEPTED:
        return Accepted(provider_id=_id(exchange.headers.get("X-Message-Id")), status=status)
    if status == CHECKED_ONLY or CLIENT_ERRORS[0] <= status <= CLIENT_ERRORS[1]:
        return _refusal(exchange, status, recipients, now)
    return InDoubt(status=status, detail=f"the provider answered {status}")


def _id(header: str | None) -> str | None:
    """Return the provider's message id, ``None`` if it is long or not printable ASCII."""
    fits = header and len(header) <= MAX_ID and header.isascii() and header.isprintable()
    return header if fits else None


def _refusal(exchange: Exchange, status: int, recipients: int, now: float) -> Answer:
    match status:
        case 400:
            return _refused(exchange, recipients)
        case 413:
            return Refused(status=status, detail="the request is too large", too_large=True)
        case 408:
            return NotSent(status=status, detail="the provider didn't get the whole request")
        case 429:
            asked_at = _asked_at(exchange, now)
            wait = _wait(exchange.headers.get("X-RateLimit-Reset"), asked_at)
            if wait is None:
                wait = _retry_after(exchange.headers.get("Retry-After", ""), asked_at)
            detail = "the provider asks to slow down"
            return NotSent(status=status, detail=detail, wait=wait, counts=False)
    return Halted(status=status, detail=_halt_detail(exchange, status))


def _without_status(exchange: Exchange) -> Halted | NotSent | InDoubt:
    if exchange.phase is Phase.IMPOSSIBLE:
        return Halted(detail=f"no request can be made ({exchange.fault}); see DIGEST_SENDGRID_URL")
    if exchange.phase in {Phase.CONNECTING, Phase.WRITING}:
        where = "no connection" if exchange.phase is Phase.CONNECTING else "the request was cut off"
        return NotSent(detail=f"{where} ({exchange.fault})")
    return InDoubt(detail=f"no answer to the request ({exchange.fault})")


def _refused(exchange: Exchange, recipients: int) -> Refused | Halted:
    """Return `Refused` for errors about recipients, `Halted` for errors of the mail itself."""
    named: dict[int, str] = {}
    reasons: list[str] = []
    about_mail = False
    for field, message in _errors(exchange.body):
        reasons.append(f"{_clean(field)}: {message}" if field else message)
        index = _INDEX.match(field)
        if index and int(index[1]) < recipients:
            named.setdefault(int(index[1]), message)
        elif field and not field.startswith("personalizations"):
            about_mail = True
    detail = "; ".join(reasons)[:MAX_DETAIL] or "the provider gave no reason"
    if about_mail and not named:
        return Halted(status=exchange.status, detail=f"the provider refuses the mail: {detail}")
    return Refused(status=exchange.status, detail=detail, recipients=named)


def _errors(body: bytes) -> Iterator[tuple[str, str]]:
    """Yield field and message of each error in a response body, addresses hidden in the message."""
    try:
        parsed: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return
    errors = parsed.get("errors") if isinstance(parsed, dict) else None
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            field, message = error.get("field"), error.get("message")
            text = message if isinstance(message, str) else ""
            yield (field if isinstance(field, str) else ""), _clean(text)


def _halt_detail(exchange: Exchange, status: int) -> str:
    meaning = _HALTS.get(status, f"the provider refused the request ({status})")
    errors = list(_errors(exchange.body))
    if status == FORBIDDEN and any(field == "from" for field, _ in errors):
        meaning = "the sender isn't verified with the provider"
    reason = next((message for _, message in errors if message), "")
    return f"{meaning}: {reason}" if reason else meaning


def _clean(text: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text)
    hidden = _WORD.sub(lambda word: "(address)" if "@" in word[0] else word[0], printable)
    return hidden[:MAX_DETAIL]


def _asked_at(exchange: Exchange, now: float) -> float:
    """Return when the provider answered, in Unix seconds by the Date header, else *now*.

    A rate limit's reset is a time of the same clock, so a wrong local clock changes no wait.
    """
    try:
        return parsedate_to_datetime(exchange.headers.get("Date", "")).timestamp()
    except (ValueError, OverflowError):
        return now


def _wait(reset: str | None, now: float) -> float | None:
    """Return the seconds until the limit is reset, ``None`` if the header is invalid or past."""
    try:
        seconds = float(reset or "") - now
    except ValueError:
        return None
    return seconds if 0 < seconds < float("inf") else None


def _retry_after(header: str, now: float) -> float | None:
    """Return the seconds of a Retry-After header: a delay or a date (RFC 9110, section 10.2.3)."""
    if header.strip().isdecimal():
        return _wait(str(now + float(header)), now)
    try:
        return _wait(str(parsedate_to_datetime(header).timestamp()), now)
    except (ValueError, OverflowError):
        return None
