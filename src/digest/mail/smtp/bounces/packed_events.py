"""Hides how the events of returned mails wait in the spool: as JSON that no webhook posts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from digest.mail.provider_events import EventKind, ParsedPost, ProviderEvent
from digest.mail.smtp.bounces.returned_mail import ReturnedMail

_BEGINS = b'{"returned_mails":'  #: every record of ours, and no array of a webhook
_NO_RECORD = ParsedPost(events=[], unreadable=["not a record of returned mails"], unread=1)


def pack_events(mails: Sequence[ReturnedMail]) -> bytes:
    """Return the events of some mails, and why others are set aside, as one record."""
    events = [tuple(mail.event) for mail in mails if mail.event is not None]
    notes = [mail.note for mail in mails if mail.note]
    return orjson.dumps({"returned_mails": {"events": events, "set_aside": notes}})


def is_packed(record: bytes) -> bool:
    """Return whether a record was made by `pack_events`."""
    return record.startswith(_BEGINS)


def parse_events(record: bytes) -> ParsedPost:
    """Return what `pack_events` packed; never raise, whatever the record holds."""
    if not is_packed(record):
        return _NO_RECORD
    try:
        packed: Any = orjson.loads(record)["returned_mails"]
        events = [ProviderEvent(EventKind(kind), *rest) for kind, *rest in packed["events"]]
        notes = [str(note) for note in packed["set_aside"]]
    except (ValueError, TypeError, KeyError):
        return _NO_RECORD
    return ParsedPost(events=events, unreadable=notes, unread=len(notes))
