"""SendGrid's event webhook: who signed it, and what it says in our words."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from digest.errors import BadSetting, BadSignature
from digest.mail.provider_events import EventKind, ProviderEvent, is_machine
from digest.mail.redaction import GONE, redact
from digest.mail.sendgrid.payload import ATTEMPT, DELIVERY

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
MAX_SIGNATURE = 200  #: characters of base64; one of P-256 has about 96
MAX_TEXT = 500  #: characters kept of what a mailbox said
MAX_CAUSE = 64
MAX_URL = 2000
MAX_READ = 4 * MAX_TEXT  #: characters of it that are read
MAX_SAID = 1000  #: characters kept of an entry that can't be read
MAX_KEPT = 100  #: entries of one request that are kept when they can't be read; all are counted
EARLIEST, LATEST = 946_684_800, 4_102_444_800  # the years 2000 and 2100

_KINDS = {
    "processed": EventKind.PROCESSED,
    "dropped": EventKind.DROPPED,
    "deferred": EventKind.DEFERRED,
    "delivered": EventKind.DELIVERED,
    "bounce": EventKind.BOUNCED,
    "open": EventKind.OPENED,
    "click": EventKind.CLICKED,
    "spamreport": EventKind.COMPLAINED,
    "unsubscribe": EventKind.RESIGNED,
    "group_unsubscribe": EventKind.UNSUBSCRIBED,
    "account_status_change": EventKind.ACCOUNT,
}
#: Kinds that say nothing beside whom they speak of: most of a flood.
_PLAIN = frozenset({EventKind.PROCESSED, EventKind.DELIVERED})
FRAME = b",\r\n"
_KEY = re.compile(rb'"(\w{1,40})"\s*:')
#: Fields of an entry that say nothing of whom it is about.
_PLAIN_FIELDS = frozenset(
    {"event", "timestamp", "type", "status", "bounce_classification", ATTEMPT, DELIVERY}
)
#: The provider's own words for why mail failed. Others are freed of what names a reader.
_CAUSES = frozenset(
    {
        "invalid address",
        "technical",
        "content",
        "reputation",
        "frequency/volume",
        "frequency or volume too high",
        "mailbox unavailable",
        "unclassified",
        "bounced address",
        "invalid",
        "spam reporting address",
        "unsubscribed address",
    }
)
_TOKEN = re.compile(rb'"(?:[^"\\]+|\\.)*+"?|[\[\]{},]', re.DOTALL)


class Verifier:
    """Tells requests the provider signed from all others; knows two keys while one is replaced."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = [_load(key) for key in keys]

    def verify(self, body: bytes, *, signature: str, timestamp: str) -> None:
        """Return when the raw *body* was signed with a key of ours; raises `BadSignature`."""
        if len(signature) > MAX_SIGNATURE or len(timestamp) > MAX_SIGNATURE:
            raise BadSignature
        try:
            signed = b64decode(signature, validate=True)
            words = timestamp.encode("ascii") + body
        except (Base64Error, ValueError):
            raise BadSignature from None
        if not any(_fits(key, signed, words) for key in self._keys):
            raise BadSignature


@dataclass(frozen=True, kw_only=True)
class ParsedRequest:
    """What one request said."""

    events: Sequence[ProviderEvent]
    unreadable: Sequence[str]  #: the first entries that are no event, their addresses taken out
    unread: int  #: how many there were


def parse(body: bytes) -> ParsedRequest:
    """Read a request's events; what can't be read doesn't spoil its neighbours. Never raises."""
    events: list[ProviderEvent] = []
    unreadable: list[str] = []
    unread = 0
    for entry in _entries(body):
        try:
            events.append(_event(entry))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            unread += 1
            if len(unreadable) < MAX_KEPT:
                unreadable.append(_said(entry))
    return ParsedRequest(events=events, unreadable=unreadable, unread=unread)


def _entries(body: bytes) -> Iterable[Any]:
    """Return what the array holds; where it isn't JSON as a whole, what can be told apart in it."""
    try:
        found: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _one_by_one(body)
    return found if isinstance(found, list) else [body]


def _one_by_one(body: bytes) -> Iterator[Any]:
    if not body.lstrip().startswith(b"["):
        yield body
        return
    broken: list[bytes] = []
    inside = body.strip()[1:]
    # The provider's own framing is tried first: it is quick, and the damage is seldom large.
    for part in (inside[:-1] if inside.endswith(b"]") else inside).split(FRAME):
        try:
            entry = orjson.loads(part)
        except orjson.JSONDecodeError:
            broken.append(part)
            continue
        yield from _mended(broken)
        broken = []
        yield entry
    yield from _mended(broken)


def _mended(broken: list[bytes]) -> Iterator[Any]:
    """Read what was wrongly cut, or framed otherwise; what can't be read comes as it is."""
    if not broken:
        return
    for part in _parts(b"[" + FRAME.join(broken) + b"]"):
        try:
            yield orjson.loads(part)
        except orjson.JSONDecodeError:
            yield part


def _parts(body: bytes) -> Iterator[bytes]:
    """Cut an array at the commas between its entries, whatever those are."""
    depth, start = 0, 0
    for found in _TOKEN.finditer(body):
        token = found[0]
        if token in (b"[", b"{"):
            depth += 1
            start = found.end() if depth == 1 else start
        elif token in (b"]", b"}"):
            depth -= 1
        if depth == 0 or (depth == 1 and token == b","):
            yield body[start : found.start()]
            start = found.end()
        if depth == 0:
            return
    yield body[start:]  # it was cut off


def _event(entry: Any) -> ProviderEvent:
    get = entry.get
    kind = _KINDS.get(entry["event"], EventKind.OTHER)
    at = entry["timestamp"]
    if type(at) is not int:
        at = _moment(at)
    if not EARLIEST <= at <= LATEST:
        raise ValueError("not a moment mail was sent at")
    delivery, attempt = get(DELIVERY), get(ATTEMPT)
    if kind in _PLAIN and type(delivery) is str and type(attempt) is str:
        return ProviderEvent(kind, at, delivery, attempt)
    return _told(entry, kind, at)


def _told(entry: Any, kind: EventKind, at: int) -> ProviderEvent:
    if kind is EventKind.BOUNCED and entry.get("type") == "blocked":
        kind = EventKind.BLOCKED
    machine = entry.get("sg_machine_open") is True
    if kind is EventKind.CLICKED:
        machine = is_machine(_text(entry.get("useragent"), MAX_TEXT) or "")
    address = _text(entry.get("email"), MAX_TEXT)
    cause = entry.get("bounce_classification")
    if kind is EventKind.DROPPED:
        cause = entry.get("reason")
    if kind is EventKind.ACCOUNT:
        cause = entry.get("type")
    return ProviderEvent(
        kind,
        at,
        _text(entry.get(DELIVERY)),
        _text(entry.get(ATTEMPT)),
        address,
        (_text(entry.get("url"), MAX_URL) or "") if kind is EventKind.CLICKED else "",
        machine,
        _cause(cause, address),
        _words(entry.get("reason") or entry.get("response"), address)[:MAX_TEXT],
    )


def _cause(value: Any, address: str | None) -> str:
    """Return why mail failed, in the provider's words."""
    word = _text(value) or ""
    return word if word.casefold() in _CAUSES else _words(value, address)[:MAX_CAUSE]


def _words(value: Any, address: str | None) -> str:
    """Return what was said, freed of what names a reader; of much, its beginning."""
    words = _text(value, MAX_READ) or ""
    if len(words) == MAX_READ:  # half an address at the end can't be told from a word
        words = words.rpartition(" ")[0]
    return redact(words, address or "")


def _moment(value: Any) -> int:
    """Read a moment that isn't a plain number; a sample in the provider's manual has text."""
    if isinstance(value, bool) or not isinstance(value, (str, float)):
        raise TypeError("not a moment")
    return int(value)


def _text(value: Any, limit: int = 64) -> str | None:
    return value[:limit].replace("\x00", "") if isinstance(value, str) and value else None


def _said(entry: Any) -> str:
    """Describe what can't be read, without a word that may name somebody."""
    if isinstance(entry, bytes):
        keys = dict.fromkeys(key.decode("ascii", "replace") for key in _KEY.findall(entry))
        return f"{len(entry)} bytes that are no JSON; keys: {', '.join(keys) or 'none'}"[:MAX_SAID]
    if not isinstance(entry, dict):
        return f"no object but {type(entry).__name__}"
    told = {redact(key): _shown(key, value) for key, value in entry.items()}
    return orjson.dumps(told).decode("utf-8", "replace")[:MAX_SAID]


def _shown(key: str, value: Any) -> Any:
    plain = value is None or isinstance(value, (str, int, float))
    return redact(f"{value}"[:MAX_CAUSE]) if plain and key in _PLAIN_FIELDS else GONE


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
    except (InvalidSignature, ValueError):
        return False
    return True
