"""Hides how mails become files in the outbox folder, which a mail program can open (RFC 5322)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from pathlib import Path

from digest.mail.mailing import Content, Mailing, Recipient, pack, personalise, unpack
from digest.mail.transport import Accepted, Answer, NotSent, PreparedRequest

OUTBOX_ID_PREFIX = "outbox-"  #: prefix of a provider id that marks a copy in the outbox folder
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class _UnencodedListHeaders(EmailPolicy):
    """Writes URLs in List-* headers unencoded; RFC 2047 encoded words would break the links."""

    def fold(self, name: str, value: str) -> str:
        """Return a List-* header folded between two URLs only, any other header as usual."""
        if not _is_list_header(name, value):
            folded: str = super().fold(name, value)
            return folded
        return f"{name}: {value}".replace(", ", f",{self.linesep} ") + self.linesep

    def fold_binary(self, name: str, value: str) -> bytes:
        """Return the folded header as bytes."""
        if not _is_list_header(name, value):
            return super().fold_binary(name, value)
        return self.fold(name, value).encode("ascii")


_POLICY = _UnencodedListHeaders(linesep="\r\n")


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
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = Address(content.sender.name, addr_spec=content.sender.address)
    if content.reply_to:
        mail["Reply-To"] = Address(content.reply_to.name, addr_spec=content.reply_to.address)
    mail["To"] = Address(addr_spec=recipient.address)
    subject = personalise(content.subject, recipient.parts)
    # Without this, the header decodes an encoded word, whose line end could begin another header.
    mail["Subject"] = subject.replace("=?", "=\u2060?")
    for name, value in {**content.headers, **recipient.headers}.items():
        mail[name] = value
    mail.set_content(personalise(content.text, recipient.parts), cte="quoted-printable")
    html = personalise(content.html, recipient.parts)
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    return mail


def _is_list_header(name: str, value: str) -> bool:
    return name.lower().startswith("list-") and value.isascii()


def _message_id(mailing: Mailing, recipient: Recipient) -> str:
    """Return a stable Message-ID, so that a mail program sees a rewritten mail as the same."""
    domain = mailing.content.sender.address.rpartition("@")[2]
    return f"<{_safe(recipient.delivery)}.{_safe(mailing.issue) or 'letter'}@{domain}>"


def _safe(name: str) -> str:
    return _UNSAFE.sub("-", name).strip(".-")
