"""What one reader's mail looked like: shared content with the personal parts put in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from typing import Any

from digest.fake_sendgrid.message_store import AcceptedMail

#: A list header holds a link longer than a line; folding would encode it beyond recognition.
UNFOLDED = policy.default.clone(max_line_length=998)


@dataclass(frozen=True, kw_only=True, slots=True)
class SubstitutedMail:
    """One mail as it would have left."""

    subject: str
    sender: str
    to: str
    reply_to: str
    headers: dict[str, str]
    parts: dict[str, str]  #: media type to text

    @property
    def html(self) -> str:
        """The HTML part, or nothing."""
        return self.parts.get("text/html", "")

    @property
    def text(self) -> str:
        """The plain text part, or nothing."""
        return self.parts.get("text/plain", "")


def substitute(text: str, tags: Mapping[str, str]) -> str:
    """Replace each tag as plain text, in the order they were sent, as SendGrid does."""
    for tag, value in tags.items():
        text = text.replace(tag, value)
    return text


def substitute_mail(message: AcceptedMail, shared: Mapping[str, Any]) -> SubstitutedMail:
    """Put a mail together; tags are replaced in subject, content and reply-to, nowhere else."""
    own = message.own
    tags = own.get("substitutions") or {}
    replies = shared.get("reply_to_list") or [shared.get("reply_to")]
    return SubstitutedMail(
        subject=substitute(own.get("subject") or shared.get("subject") or "", tags),
        sender=_written(own.get("from") or shared["from"]),
        to=", ".join(_written(mailbox) for mailbox in own["to"]),
        reply_to=substitute(", ".join(_written(m) for m in replies if m), tags),
        headers={**(shared.get("headers") or {}), **(own.get("headers") or {})},
        parts={p["type"]: substitute(p["value"], tags) for p in shared.get("content") or ()},
    )


def as_mail(rendered: SubstitutedMail, *, message_id: str, at: float) -> bytes:
    """Write a rendered mail as a message file."""
    mail = EmailMessage(UNFOLDED)
    mail["Subject"] = _one_line(rendered.subject)
    mail["From"], mail["To"] = rendered.sender, rendered.to
    if rendered.reply_to:
        mail["Reply-To"] = rendered.reply_to
    mail["Date"] = format_datetime(datetime.fromtimestamp(at, UTC))
    mail["Message-ID"] = f"<{message_id}@geopod-ismtpd-fake>"
    for name, value in rendered.headers.items():
        del mail[name]  # some may stand only once
        mail[name] = value
    for kind, text in rendered.parts.items():
        subtype = kind.rpartition("/")[2]
        if mail.get_content_type() == "text/plain" and not mail.get_payload():
            mail.set_content(text, subtype=subtype)
        else:
            mail.add_alternative(text, subtype=subtype)
    return mail.as_bytes()


def _written(mailbox: Mapping[str, Any]) -> str:
    return formataddr((mailbox.get("name") or "", str(mailbox["email"])))


def _one_line(text: str) -> str:
    return " ".join(text.split())
