"""SendGrid's event webhook: who signed it, and what it says in our words."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from digest.errors import BadSetting, BadSignature
from digest.mail.events import EventKind, MailEvent
from digest.mail.sendgrid.request import ATTEMPT, BATCH, DELIVERY

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
MAX_TEXT = 500  #: characters kept of what a mailbox said

_KINDS = {
    "processed": EventKind.PROCESSED,
    "dropped": EventKind.DROPPED,
    "deferred": EventKind.DEFERRED,
    "delivered": EventKind.DELIVERED,
    "bounce": EventKind.BOUNCED,
    "open": EventKind.OPENED,
    "click": EventKind.CLICKED,
    "spamreport": EventKind.COMPLAINED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "group_unsubscribe": EventKind.UNSUBSCRIBED,
}


class Verifier:
    """Tells requests the provider signed from all others; knows two keys while one is replaced."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = [_load(key) for key in keys]

    def verify(self, body: bytes, *, signature: str, timestamp: str) -> None:
        """Return when the raw *body* was signed with a key of ours; raises `BadSignature`."""
        try:
            signed = b64decode(signature, validate=True)
            words = timestamp.encode("ascii") + body
        except (Base64Error, ValueError):
            raise BadSignature from None
        if not any(_fits(key, signed, words) for key in self._keys):
            raise BadSignature


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """What one request said."""

    events: Sequence[MailEvent]
    unreadable: Sequence[str]  #: why, for each entry that is no event


def parse(body: bytes) -> Parsed:
    """Read a request's events; one that can't be read doesn't spoil its neighbours.

    Raises ``ValueError`` when the body isn't a JSON array.
    """
    found: Any = orjson.loads(body)
    if not isinstance(found, list):
        raise ValueError("not a JSON array")
    events: list[MailEvent] = []
    unreadable: list[str] = []
    for entry in found:
        try:
            events.append(_event(entry))
        except (KeyError, TypeError, ValueError, OverflowError) as fault:
            unreadable.append(type(fault).__name__)
    return Parsed(events=events, unreadable=unreadable)


def _event(entry: Mapping[str, Any]) -> MailEvent:
    kind = _KINDS.get(entry["event"], EventKind.OTHER)
    if kind is EventKind.BOUNCED and entry.get("type") == "blocked":
        kind = EventKind.BLOCKED
    said = entry.get("reason") or entry.get("response") or ""
    return MailEvent(
        kind=kind,
        at=datetime.fromtimestamp(int(entry["timestamp"]), UTC),
        delivery=_text(entry.get(DELIVERY)),
        batch=_text(entry.get(BATCH)),
        attempt=_text(entry.get(ATTEMPT)),
        address=_text(entry.get("email")),
        url=_text(entry.get("url")),
        machine=entry.get("sg_machine_open") is True,
        detail=str(said).replace("\x00", "")[:MAX_TEXT],
        provider_id=_text(entry.get("sg_event_id")),
    )


def _text(value: Any) -> str | None:
    return value.replace("\x00", "") if isinstance(value, str) and value else None


def _load(key: str) -> EllipticCurvePublicKey:
    try:
        loaded = load_der_public_key(b64decode(key, validate=True))
    except (Base64Error, ValueError):
        loaded = None
    if not isinstance(loaded, EllipticCurvePublicKey):
        raise BadSetting("DIGEST_WEBHOOK_KEYS: not a public key of the provider (base64 DER)")
    return loaded


def _fits(key: EllipticCurvePublicKey, signature: bytes, words: bytes) -> bool:
    try:
        key.verify(signature, words, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
