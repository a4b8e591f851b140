"""The events of a mail in the provider's JSON: which kinds, when, and with which fields.

Source: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from html import unescape
from typing import Any, NamedTuple

from digest.fake_sendgrid.faults.outcomes import MailOutcome, OutcomeOdds, named_outcome
from digest.fake_sendgrid.message_store import AcceptedMail
from digest.fake_sendgrid.substitution import substitute

ACCOUNT = "26126"
IP = "192.0.2.25"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
#: The reason of a "dropped" event, by the event kind that suppressed the address.
DROPPED = {
    "bounce": "Bounced Address",
    "spamreport": "Spam Reporting Address",
    "unsubscribe": "Unsubscribed Address",
}
_LINK = re.compile(r'<a\s(?![^>]*clicktracking=["\']?off)[^>]*?href="(https?://[^"]+)"', re.I)

#: The fields of each kind, beside those that every event has.
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "processed": {},
    "dropped": {"reason": "Invalid", "status": "5.0.0"},
    "delivered": {"ip": IP, "response": "250 2.0.0 OK fake", "tls": 1},
    "deferred": {"response": "450 4.2.1 try again later", "attempt": "1", "ip": IP},
    "bounce": {
        "reason": "550 5.1.1 no such mailbox here",
        "status": "5.1.1",
        "type": "bounce",
        "bounce_classification": "Invalid Address",
        "ip": IP,
        "tls": 1,
    },
    "blocked": {
        "reason": "554 5.7.1 this message was refused",
        "status": "5.7.1",
        "type": "blocked",
        "bounce_classification": "Reputation",
        "ip": IP,
        "tls": 1,
    },
    "open": {"useragent": AGENT, "ip": IP, "sg_machine_open": False, "sg_content_type": "html"},
    "click": {"useragent": AGENT, "ip": IP, "url_offset": {"index": 0, "type": "html"}},
    "spamreport": {},
    "unsubscribe": {},
    "group_unsubscribe": {"useragent": AGENT, "ip": IP, "url": "", "asm_group_id": 1},
    "group_resubscribe": {"useragent": AGENT, "ip": IP, "url": "", "asm_group_id": 1},
}
#: Kinds that carry the id of the SMTP transaction.
WITH_SMTP_ID = frozenset({"processed", "dropped", "delivered", "deferred", "bounce", "blocked"})


class ReportedEvent(NamedTuple):
    """One event; events of an earlier *stage* are posted first unless a fault shuffles them."""

    stage: int
    event: dict[str, Any]


def mail_events(
    mail: AcceptedMail, shared: Mapping[str, Any], odds: OutcomeOdds, suppressed: str | None = None
) -> list[ReportedEvent]:
    """Return all events of a mail; *suppressed* is the event kind that suppressed its address."""
    if suppressed:
        reason = DROPPED.get(suppressed, "Invalid")
        return [ReportedEvent(0, make("dropped", mail, shared, reason=reason))]
    outcomes = odds.outcomes_of(mail.address, also=str(shared.get("subject")))
    return list(_outcome_events(outcomes, mail, shared))


def _outcome_events(
    outcomes: frozenset[MailOutcome], mail: AcceptedMail, shared: Mapping[str, Any]
) -> Iterator[ReportedEvent]:
    if MailOutcome.DROPPED in outcomes:
        yield ReportedEvent(0, make("dropped", mail, shared))
        return
    yield ReportedEvent(0, make("processed", mail, shared))
    for end in (MailOutcome.BOUNCE, MailOutcome.BLOCKED):
        if end in outcomes:
            yield ReportedEvent(1, make(end, mail, shared, after=2))
            return
    if MailOutcome.DEFERRED in outcomes:
        yield ReportedEvent(1, make("deferred", mail, shared, after=1, attempt="1"))
    yield ReportedEvent(1, make("delivered", mail, shared, after=3 + _lag(mail, "arrival", 900)))
    yield from _engagement_events(outcomes, mail, shared)
    if MailOutcome.LATE_BOUNCE in outcomes:
        yield ReportedEvent(3, anonymous(make("bounce", mail, shared, after=9)))


def _engagement_events(
    outcomes: frozenset[MailOutcome], mail: AcceptedMail, shared: Mapping[str, Any]
) -> Iterator[ReportedEvent]:
    forced = named_outcome(mail.address) is not None
    read = 5 + _lag(mail, "arrival", 900) + _lag(mail, "reading", 5000)
    if outcomes & {MailOutcome.OPEN, MailOutcome.CLICK} and (
        forced or _tracks(shared, "open_tracking")
    ):
        machine = not forced and _drawn(mail, "machine") % 5 < 2  # noqa: PLR2004 - two of five
        yield ReportedEvent(2, make("open", mail, shared, after=read, sg_machine_open=machine))
    if MailOutcome.CLICK in outcomes and (forced or _tracks(shared, "click_tracking")):
        links = list(dict.fromkeys(_links(mail, shared)))
        # The first link is followed most, the last least.
        for url in links[int(len(links) * (_drawn(mail, "link") % 1000 / 1000) ** 2) :][:1]:
            click = read + 1 + _lag(mail, "thinking", 300)
            yield ReportedEvent(2, make("click", mail, shared, after=click, url=url))
    if MailOutcome.SPAMREPORT in outcomes:
        yield ReportedEvent(2, make("spamreport", mail, shared, after=7))
    if MailOutcome.UNSUBSCRIBE in outcomes and (forced or _tracks(shared, "subscription_tracking")):
        yield ReportedEvent(2, make("unsubscribe", mail, shared, after=8))


def _drawn(mail: AcceptedMail, purpose: str) -> int:
    """Return a 32-bit number drawn for a mail, the same one each time."""
    return int.from_bytes(blake2b(f"{purpose}|{mail.address}".encode(), digest_size=4).digest())


def _lag(mail: AcceptedMail, purpose: str, most: int) -> int:
    """Return a drawn delay in seconds, mostly short; 0 for an address named after its outcome."""
    return (
        0
        if named_outcome(mail.address)
        else int(most * (_drawn(mail, purpose) % 10_000 / 10_000) ** 4)
    )


def make(
    kind: str, mail: AcceptedMail, shared: Mapping[str, Any], *, after: int = 0, **own: Any
) -> dict[str, Any]:
    """Return one event, *after* seconds behind acceptance; *own* fields override the usual ones.

    Custom arguments stand beside the provider's fields, which win where two names are the same.
    """
    event: dict[str, Any] = {
        **mail.custom_args,
        "email": mail.address,
        "timestamp": int(mail.at) + after,
        "event": "bounce" if kind == "blocked" else kind,
        "sg_event_id": _event_id(kind, mail),
        "sg_message_id": f"{mail.message_id}.recvd-5f54b5d587-fake-1-{int(mail.at):X}.{mail.place}",
        **FIELDS.get(kind, {}),
    }
    if kind in WITH_SMTP_ID:
        event["smtp-id"] = f"<{mail.message_id}@geopod-ismtpd-fake>"
    categories = shared.get("categories") or []
    if categories:
        event["category"] = categories[0] if len(categories) == 1 else categories
    return {**event, **own}


def anonymous(event: dict[str, Any]) -> dict[str, Any]:
    """Return a bounce without message ids and custom arguments, as a bounce by mail arrives."""
    kept = ("email", "timestamp", "event", "reason", "status", "type", "bounce_classification")
    return {name: event[name] for name in (*kept, "sg_event_id") if name in event}


def _event_id(kind: str, mail: AcceptedMail) -> str:
    if kind in WITH_SMTP_ID:
        name = f"{'drop' if kind == 'dropped' else kind}-{mail.place}-{ACCOUNT}-{mail.message_id}-0"
        return urlsafe_b64encode(f"{name}-{mail.address}".encode()[:72]).decode().rstrip("=")
    drawn = blake2b(f"{kind}|{mail.message_id}|{mail.id}".encode(), digest_size=16).digest()
    return urlsafe_b64encode(drawn).decode().rstrip("=")


def _tracks(shared: Mapping[str, Any], name: str) -> bool:
    """Return whether a tracking switch is on; the account's default is on."""
    switch = (shared.get("tracking_settings") or {}).get(name) or {}
    return bool(switch.get("enable", True))


def _links(mail: AcceptedMail, shared: Mapping[str, Any]) -> list[str]:
    tags = mail.own.get("substitutions") or {}
    html = next((p["value"] for p in shared.get("content") or () if p["type"] == "text/html"), "")
    # Substituting only the links of the shared text is cheaper than substituting the whole.
    return [substitute(unescape(url), tags) for url in _LINK.findall(html)]
