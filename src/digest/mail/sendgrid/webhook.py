"""Hides how SendGrid's event webhook signs and encodes posts, and how damaged posts are read."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from digest.errors import BadSetting, BadSignature
from digest.mail.provider_events import EventKind, ParsedPost, ProviderEvent, is_machine
from digest.mail.redaction import REDACTED, redact
from digest.mail.sendgrid.payload import ATTEMPT, DELIVERY

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
MAX_DIGITS = 12  #: digits of a timestamp that is read
MAX_SIGNATURE = 200  #: characters of base64; a P-256 signature has about 96
MAX_TEXT = 500  #: characters kept of a mailbox's response
MAX_CAUSE = 64  #: characters kept of a cause
MAX_URL = 2000  #: characters kept of a clicked URL
MAX_READ = 4 * MAX_TEXT  #: characters of a response that are read
MAX_SHOWN = 1000  #: characters kept of an unreadable entry
MAX_DESCRIBED = 100  #: unreadable entries of one post that are described; all are counted
EARLIEST, LATEST = 946_684_800, 4_102_444_800  # 2000-01-01 and 2100-01-01 UTC

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
#: Kinds without further fields beside the ids: most events of a flood.
_PLAIN_KINDS = frozenset({EventKind.PROCESSED, EventKind.DELIVERED})
SEPARATOR = b",\r\n"
_KEY = re.compile(rb'"(\w{1,40})"\s*:')
#: Fields of an entry that identify no reader.
_PLAIN_FIELDS = frozenset(
    {"event", "timestamp", "type", "status", "bounce_classification", ATTEMPT, DELIVERY}
)
#: The provider's fixed causes of failure, in lower case; any other text is redacted.
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
    """Verifies signatures (ECDSA, SHA-256) with one or, during a key change, more public keys."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = [_load(key) for key in keys]

    def verify(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Return when a post was signed, in seconds since 1970, 0 if that is unreadable.

        Raise `BadSignature` unless the raw *body* was signed with a configured key.
        """
        signature, timestamp = headers.get(SIGNATURE, ""), headers.get(TIMESTAMP, "")
        if len(signature) > MAX_SIGNATURE or len(timestamp) > MAX_SIGNATURE:
            raise BadSignature
        try:
            signed = b64decode(signature, validate=True)
            words = timestamp.encode("ascii") + body
        except (Base64Error, ValueError):
            raise BadSignature from None
        if not any(_is_valid(key, signed, words) for key in self._keys):
            raise BadSignature
        readable = timestamp.isdecimal() and len(timestamp) <= MAX_DIGITS
        return int(timestamp) if readable else 0


def parse(body: bytes) -> ParsedPost:
    """Return a post's events and unreadable entries; an unreadable entry affects no other.

    Never raise, whatever the body contains.
    """
    events: list[ProviderEvent] = []
    unreadable: list[str] = []
    unread = 0
    for entry in _entries(body):
        try:
            events.append(_event(entry))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            unread += 1
            if len(unreadable) < MAX_DESCRIBED:
                unreadable.append(_describe(entry))
    return ParsedPost(events=events, unreadable=unreadable, unread=unread)


def _entries(body: bytes) -> Iterable[Any]:
    """Return the entries of the JSON array, or what can be recovered of a damaged one."""
    try:
        entries: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _recovered_entries(body)
    return entries if isinstance(entries, list) else [body]


def _recovered_entries(body: bytes) -> Iterator[Any]:
    if not body.lstrip().startswith(b"["):
        yield body
        return
    broken: list[bytes] = []
    inside = body.strip()[1:]
    # The provider's own separator is tried first: it is fast, and most entries are intact.
    for part in (inside[:-1] if inside.endswith(b"]") else inside).split(SEPARATOR):
        try:
            entry = orjson.loads(part)
        except orjson.JSONDecodeError:
            broken.append(part)
            continue
        yield from _split_again(broken)
        broken = []
        yield entry
    yield from _split_again(broken)


def _split_again(broken: list[bytes]) -> Iterator[Any]:
    """Yield the entries of wrongly cut parts, and as bytes those that are no JSON."""
    if not broken:
        return
    for part in _split_entries(b"[" + SEPARATOR.join(broken) + b"]"):
        try:
            yield orjson.loads(part)
        except orjson.JSONDecodeError:
            yield part


def _split_entries(body: bytes) -> Iterator[bytes]:
    """Cut an array at the commas between its entries, whatever the entries are."""
    depth, start = 0, 0
    for match in _TOKEN.finditer(body):
        token = match[0]
        if token in (b"[", b"{"):
            depth += 1
            start = match.end() if depth == 1 else start
        elif token in (b"]", b"}"):
            depth -= 1
        if depth == 0 or (depth == 1 and token == b","):
            yield body[start : match.start()]
            start = match.end()
        if depth == 0:
            return
    yield body[start:]  # the array was cut off


def _event(entry: Any) -> ProviderEvent:
    get = entry.get
    kind = _KINDS.get(entry["event"], EventKind.OTHER)
    at = entry["timestamp"]
    if type(at) is not int:
        at = _timestamp(at)
    if not EARLIEST <= at <= LATEST:
        raise ValueError("not a moment mail was sent at")
    delivery, attempt = get(DELIVERY), get(ATTEMPT)
    if kind in _PLAIN_KINDS and type(delivery) is str and type(attempt) is str:
        return ProviderEvent(kind, at, delivery, attempt)
    return _detailed_event(entry, kind, at)


def _detailed_event(entry: Any, kind: EventKind, at: int) -> ProviderEvent:
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
        _redacted(entry.get("reason") or entry.get("response"), address)[:MAX_TEXT],
    )


def _cause(value: Any, address: str | None) -> str:
    """Return the provider's cause of a failure, redacted unless it is a fixed cause."""
    word = _text(value) or ""
    return word if word.casefold() in _CAUSES else _redacted(value, address)[:MAX_CAUSE]


def _redacted(value: Any, address: str | None) -> str:
    """Return a redacted text, of a long one the first `MAX_READ` characters."""
    words = _text(value, MAX_READ) or ""
    if len(words) == MAX_READ:  # a cut-off address can't be told from a word
        words = words.rpartition(" ")[0]
    return redact(words, address or "")


def _timestamp(value: Any) -> int:
    """Return a timestamp given as text or float; a sample in SendGrid's documentation is text."""
    if isinstance(value, bool) or not isinstance(value, (str, float)):
        raise TypeError("not a moment")
    return int(value)


def _text(value: Any, limit: int = 64) -> str | None:
    return value[:limit].replace("\x00", "") if isinstance(value, str) and value else None


def _describe(entry: Any) -> str:
    """Describe an unreadable entry, without values that may identify a reader."""
    if isinstance(entry, bytes):
        keys = dict.fromkeys(key.decode("ascii", "replace") for key in _KEY.findall(entry))
        return f"{len(entry)} bytes that are no JSON; keys: {', '.join(keys) or 'none'}"[:MAX_SHOWN]
    if not isinstance(entry, dict):
        return f"no object but {type(entry).__name__}"
    shown = {redact(key): _redacted_value(key, value) for key, value in entry.items()}
    return orjson.dumps(shown).decode("utf-8", "replace")[:MAX_SHOWN]


def _redacted_value(key: str, value: Any) -> Any:
    plain = value is None or isinstance(value, (str, int, float))
    return redact(f"{value}"[:MAX_CAUSE]) if plain and key in _PLAIN_FIELDS else REDACTED


def _load(key: str) -> EllipticCurvePublicKey:
    try:
        loaded = load_der_public_key(b64decode(key, validate=True))
    except (Base64Error, ValueError):
        loaded = None
    if not isinstance(loaded, EllipticCurvePublicKey):
        raise BadSetting("DIGEST_WEBHOOK_KEYS: not a public key of the provider (base64 DER)")
    return loaded


def _is_valid(key: EllipticCurvePublicKey, signature: bytes, words: bytes) -> bool:
    try:
        key.verify(signature, words, ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True
