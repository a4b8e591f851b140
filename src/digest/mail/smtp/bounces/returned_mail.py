"""Decides what a mail that came back is, and which events it stands for.

Who it is about is said by the token of its return path alone, wherever in the mail that stands: the
token is signed, so a report that somebody made up is about nobody. An address in a report counts
only if our mail was sent to it.

A delivery report (RFC 3464) of several recipients is about one reader's mail that was forwarded:
the mildest outcome counts, since some copy arrived. A bounce that is no report, as qmail writes it,
says who and not why, and doesn't suppress. An automatic answer (RFC 3834) changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime
from enum import StrEnum
from itertools import islice

from digest.mail.provider_events import EventKind, ProviderEvent
from digest.mail.redaction import redact
from digest.mail.smtp.bounces.mail_parts import MailParts, TooManyParts, field_of, take_apart
from digest.mail.smtp.bounces.status_codes import (
    PERMANENT,
    TEMPORARY,
    UNCLASSIFIED,
    StatusCode,
    failure_of,
    status_in,
)
from digest.mail.smtp.return_path import MailOrigin, ReturnPaths, tokens_in
from subscribers.errors import BadToken

EARLIEST = 946_684_800  # 2000-01-01 UTC
MAX_DETAIL = 500  #: characters kept of a server's response
MAX_TOKENS = 20  #: tokens of one mail that are tried
MAX_RECIPIENTS = 100  #: recipients of one report that are read
#: Types of a complaint that are one; the others report on us, on nobody, or the contrary.
_COMPLAINTS = frozenset({"abuse", "fraud", "other"})
_SYSTEMS = re.compile(r"(?i)mailer-?daemon|mail-?daemon|postmaster|microsoftexchange[0-9a-f]*")
_ADDRESSED = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
_OF_OUR_MAIL = ("Message-ID", "Return-Path", "X-Original-Message-ID")
_REFERS = ("In-Reply-To", "References", "X-Original-Message-ID")
#: From the mildest to the most severe.
_SEVERITY = (
    EventKind.DELIVERED,
    EventKind.PROCESSED,
    EventKind.DEFERRED,
    EventKind.BLOCKED,
    EventKind.BOUNCED,
)
#: Kinds by the action of a report (RFC 3464, section 2.3.3), except "failed".
_ACTIONS = {
    "delivered": EventKind.DELIVERED,
    "relayed": EventKind.PROCESSED,  # to a system that reports nothing
    "expanded": EventKind.PROCESSED,  # to the members of a list
    "delayed": EventKind.DEFERRED,
}


class ReturnSort(StrEnum):
    """What a mail that came back is."""

    REPORT = "report"  #: a delivery report, or a bounce in words
    COMPLAINT = "complaint"  #: a reader reported our mail as spam
    ANSWER = "answer"  #: an automatic answer, or a person's: it changes nothing
    FOREIGN = "foreign"  #: about no mail of ours, or its token isn't ours: it is set aside
    UNREADABLE = "unreadable"  #: no report is like it: it is set aside


@dataclass(frozen=True, kw_only=True)
class ReturnedMail:
    """What one mail that came back is, and its event if it stands for one."""

    sort: ReturnSort
    event: ProviderEvent | None = None
    note: str = ""  #: why it was set aside, without an address


def read_returned_mail(
    raw: bytes, paths: ReturnPaths, *, received: int, recipient: str = ""
) -> ReturnedMail:
    """Return what a mail is; never raise, whatever it holds.

    *received* is when it came, in seconds since 1970; no event is later. *recipient* is the address
    it was delivered to, where the mail server says so beside the mail.
    """
    try:
        return _read(take_apart(raw), paths, received, recipient)
    except (TooManyParts, RecursionError):
        return ReturnedMail(sort=ReturnSort.UNREADABLE, note="more parts than a report has")
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as fault:
        # Faults of Python's own parsers, for a charset, an address or a date that they can't read.
        note = f"the mail can't be read: {type(fault).__name__}"
        return ReturnedMail(sort=ReturnSort.UNREADABLE, note=note)


def _read(parts: MailParts, paths: ReturnPaths, received: int, recipient: str) -> ReturnedMail:
    origin = _origin(paths, _places(parts, recipient))
    if origin is None:
        return ReturnedMail(sort=ReturnSort.FOREIGN, note=_foreign(parts))
    return _Reading(parts, paths, origin, received).mail()


def _places(parts: MailParts, recipient: str) -> Iterator[str]:
    """Yield the texts that may hold a token, the surest first."""
    yield recipient
    yield from (field_of(parts.top, name) for name in _ADDRESSED)
    for fields in parts.delivery_fields[:1]:
        yield f"{field_of(fields, 'Original-Envelope-Id')}@"  # it is a token and no address
    if parts.feedback is not None:
        yield field_of(parts.feedback, "Original-Mail-From")
    for mail in parts.returned:
        yield from (field_of(mail, name) for name in _OF_OUR_MAIL)
    yield from (field_of(parts.top, name) for name in _REFERS)
    yield parts.text


def _origin(paths: ReturnPaths, places: Iterable[str]) -> MailOrigin | None:
    tokens = (token for place in places for token in tokens_in(place))
    for token in islice(dict.fromkeys(islice(tokens, 10 * MAX_TOKENS)), MAX_TOKENS):
        with suppress(BadToken):
            return paths.read(token)
    return None


def _foreign(parts: MailParts) -> str:
    what = "a complaint" if parts.feedback is not None else "a mail"
    what = "a delivery report" if parts.delivery_fields else what
    return f"{what} without a token of this installation"


@dataclass(frozen=True)
class _Reading:
    """One mail that names a mail of ours."""

    parts: MailParts
    paths: ReturnPaths
    origin: MailOrigin
    received: int

    def mail(self) -> ReturnedMail:
        if self.parts.feedback is not None:
            return self._complaint(self.parts.feedback)
        recipients = [fields for fields in self.parts.delivery_fields if _is_recipient(fields)]
        if recipients:
            outcomes = [_outcome(fields) for fields in recipients[:MAX_RECIPIENTS]]
            at, (kind, cause) = min(
                enumerate(outcomes), key=lambda each: _SEVERITY.index(each[1][0])
            )
            return self._report(kind, cause, recipients[at])
        if _is_from_a_system(self.parts.top):
            return self._report(EventKind.BLOCKED, UNCLASSIFIED, self.parts.top)
        return ReturnedMail(sort=ReturnSort.ANSWER)

    def _complaint(self, feedback: Message) -> ReturnedMail:
        if field_of(feedback, "Feedback-Type").lower() not in _COMPLAINTS:
            return ReturnedMail(sort=ReturnSort.ANSWER)
        at = self._moment(feedback, "Arrival-Date", "Received-Date")
        event = self._event(EventKind.COMPLAINED, at, self._address(feedback))
        return ReturnedMail(sort=ReturnSort.COMPLAINT, event=event)

    def _report(self, kind: EventKind, cause: str, fields: Message) -> ReturnedMail:
        at = self._moment(fields, "Last-Attempt-Date")
        address = self._address(fields)
        said = field_of(fields, "Diagnostic-Code").partition(";")[2].strip()
        named = _address_of(field_of(fields, "Final-Recipient"))
        event = self._event(kind, at, address)._replace(
            cause=cause, detail=redact(redact(said, address or ""), named)[:MAX_DETAIL]
        )
        return ReturnedMail(sort=ReturnSort.REPORT, event=event)

    def _event(self, kind: EventKind, at: int, address: str | None) -> ProviderEvent:
        return ProviderEvent(kind, at, self.origin.delivery, self.origin.attempt, address)

    def _address(self, fields: Message) -> str | None:
        """Return the address that our mail was sent to, if any part of the mail names it."""
        names = ("Original-Recipient", "Final-Recipient", "Original-Rcpt-To")
        named = [_address_of(field_of(fields, name)) for name in names]
        named += [parseaddr(field_of(mail, "To"))[1] for mail in self.parts.returned]
        named += [field_of(self.parts.top, "X-Failed-Recipients").partition(",")[0].strip()]
        return next((a for a in named if a and self.paths.is_to(self.origin, a)), None)

    def _moment(self, fields: Message, *names: str) -> int:
        """Return when it happened, in seconds since 1970; a mail read twice is one event."""
        written = [field_of(fields, name) for name in names] + [field_of(self.parts.top, "Date")]
        for text in written:
            moment = _seconds(text)
            if moment >= EARLIEST:
                return min(moment, self.received)
        return self.received


def _is_recipient(fields: Message) -> bool:
    return any(name in fields for name in ("Action", "Final-Recipient", "Status"))


def _outcome(fields: Message) -> tuple[EventKind, str]:
    """Return the kind and the cause of what a report says of one recipient."""
    action = field_of(fields, "Action").partition(" ")[0].partition(";")[0].lower()
    code = _status(fields)
    kind = _ACTIONS.get(action)
    if kind is None and action != "failed" and code is not None and code.family != PERMANENT:
        # Of no action that is known; the class of the code says as much.
        kind = EventKind.DEFERRED if code.family == TEMPORARY else EventKind.PROCESSED
    if kind is None:
        return failure_of(code)
    return kind, failure_of(code)[1] if kind is EventKind.DEFERRED else ""


def _status(fields: Message) -> StatusCode | None:
    """Return the status code; where it is vague, the one in the other server's words, if alike."""
    code = status_in(field_of(fields, "Status"))
    if code is not None and not code.is_vague:
        return code
    said = status_in(field_of(fields, "Diagnostic-Code"))
    if said is None or (code is not None and said.family != code.family):
        return code
    return said


def _is_from_a_system(top: Message) -> bool:
    """Return whether a mail that is no report comes from a mail server, not from a mailbox."""
    if "X-Failed-Recipients" in top:  # Exim
        return True
    local = parseaddr(field_of(top, "From"))[1].partition("@")[0]
    return _SYSTEMS.fullmatch(local) is not None


def _seconds(date: str) -> int:
    """Return a date (RFC 5322, section 3.3) in seconds since 1970; 0 if it can't be read."""
    with suppress(ValueError, TypeError, OverflowError, IndexError):
        moment = parsedate_to_datetime(date)
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    return 0


def _address_of(field: str) -> str:
    """Return the address in a field such as ``rfc822; reader@example.org``."""
    address = field.partition(";")[2] or field
    return address.strip().strip("<>").strip()
