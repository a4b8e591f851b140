"""Which sender, reply-to and postal address a mail carries: the newsletter's own, else the usual.

They are texts, as settings and recipes keep them.
"""

from __future__ import annotations

from dataclasses import dataclass

from digest.issues.models import Newsletter
from digest.mail.mailing import Mailbox, mailbox


@dataclass(frozen=True, kw_only=True)
class MailIdentity:
    """Who a mail is from; *sender* and *reply_to* are mailboxes, Name <address>."""

    sender: str = ""
    reply_to: str = ""  #: empty where answers go to the sender
    postal_address: str = ""  #: line by line

    def of(self, newsletter: Newsletter) -> MailIdentity:
        """Return the identity of a newsletter's mail: its own values, else these."""
        return MailIdentity(
            sender=newsletter.sender or self.sender,
            reply_to=newsletter.reply_to or self.reply_to,
            postal_address=newsletter.postal_address or self.postal_address,
        )

    @property
    def sender_mailbox(self) -> Mailbox:
        """The From mailbox (RFC 5322, 3.6.2); raises `BadAddress`."""
        return mailbox(self.sender)

    @property
    def reply_mailbox(self) -> Mailbox | None:
        """The Reply-To mailbox; ``None`` where answers go to the sender. Raises `BadAddress`."""
        return mailbox(self.reply_to) if self.reply_to else None
