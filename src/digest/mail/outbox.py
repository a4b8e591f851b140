"""Hides how mails become files in the outbox folder, which a mail program can open (RFC 5322)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from digest.mail.mailing import Content, Mailing, Recipient, pack, personalise, unpack
from digest.mail.message_headers import headers_of
from digest.mail.transport import Accepted, Answer, NotSent, PreparedRequest

OUTBOX_ID_PREFIX = "outbox-"  #: prefix of a provider id that marks a copy in the outbox folder
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Outbox:
    """Writes each mail as ``<issue>/<delivery>.eml``; a repeated mail replaces its file."""

    folder: Path
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def prepare(self, mailing: Mailing) -> PreparedRequest:
        """Return the mailing as JSON; write nothing."""
        return PreparedRequest(payload=pack(mailing), recipients=len(mailing.recipients))

    def hand_over(self, request: PreparedRequest) -> Answer:
        """Write the files; return `NotSent` on a disk error, since a retry replaces the files."""
        mailing = unpack(request.payload)
        folder = self.folder / (_safe(mailing.issue) or "letters")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for recipient in mailing.recipients:
                path = folder / f"{_safe(recipient.delivery) or 'mail'}.eml"
                mail = message(mailing.content, recipient)
                mail["Date"] = format_datetime(self.clock())
                mail["Message-ID"] = _message_id(mailing, recipient)
                path.touch(mode=0o600)  # the file contains an address
                path.write_bytes(mail.as_bytes())
        except OSError as fault:
            return NotSent(detail=f"the outbox can't be written: {fault.strerror}")
        return Accepted(provider_id=f"{OUTBOX_ID_PREFIX}{request.hash[:16]}")


def message(content: Content, recipient: Recipient) -> EmailMessage:
    """Return one reader's mail as the provider would deliver it."""
    mail = headers_of(content, recipient)
    mail.set_content(personalise(content.text, recipient.parts), cte="quoted-printable")
    html = personalise(content.html, recipient.parts)
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    return mail


def _message_id(mailing: Mailing, recipient: Recipient) -> str:
    """Return a stable Message-ID, so that a mail program sees a rewritten mail as the same."""
    domain = mailing.content.sender.address.rpartition("@")[2]
    return f"<{_safe(recipient.delivery)}.{_safe(mailing.issue) or 'letter'}@{domain}>"


def _safe(name: str) -> str:
    return _UNSAFE.sub("-", name).strip(".-")
