"""The mail as one recipient receives it: how tags and personal fields replace shared content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from typing import Any

from digest.fake_sendgrid.message_store import AcceptedMail

#: A List-Unsubscribe header holds a long link, and folding would encode it; 998: RFC 5322, 2.1.1.
UNFOLDED = policy.default.clone(max_line_length=998)


@dataclass(frozen=True, kw_only=True, slots=True)
class SubstitutedMail:
    """One mail as the provider would have sent it."""

    subject: str
    sender: str
    to: str
    reply_to: str
    headers: dict[str, str]
    parts: dict[str, str]  #: media type to text

    @property
    def html(self) -> str:
        """The HTML part, or an empty text."""
        return self.parts.get("text/html", "")

    @property
    def text(self) -> str:
        """The plain text part, or an empty text."""
        return self.parts.get("text/plain", "")


def substitute(text: str, tags: Mapping[str, str]) -> str:
    """Return *text* with each tag replaced literally, in the order of the request."""
    for tag, value in tags.items():
        text = text.replace(tag, value)
    return text


def substitute_mail(message: AcceptedMail, shared: Mapping[str, Any]) -> SubstitutedMail:
    """Return the mail of one recipient; tags count in subject, content and reply-to only."""
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
    """Return a rendered mail as an RFC 5322 message; *at* is in Unix seconds."""
    mail = EmailMessage(UNFOLDED)
    mail["Subject"] = _one_line(rendered.subject)
    mail["From"], mail["To"] = rendered.sender, rendered.to
    if rendered.reply_to:
        mail["Reply-To"] = rendered.reply_to
    mail["Date"] = format_datetime(datetime.fromtimestamp(at, UTC))
    mail["Message-ID"] = f"<{message_id}@geopod-ismtpd-fake>"
    for name, value in rendered.headers.items():
        del mail[name]  # a header such as Reply-To may occur only once
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
