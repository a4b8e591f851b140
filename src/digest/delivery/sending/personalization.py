"""A reader's own links: what differs between two copies of one edition."""

from __future__ import annotations

from collections.abc import Callable

from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG, Recipient
from subscribers.address import wire
from subscribers.tokens import Purpose, Tokens, own_page


def recipient_builder(
    newsletter: str, *, base_url: str, tokens: Tokens, mailto: str = ""
) -> Callable[[int, int, str], Recipient]:
    """Return the function that addresses one delivery: (delivery, subscriber, address).

    Mail programs leave by POST to the same address that a person opens, as RFC 8058 has it; those
    that can't may write to *mailto*, an address that a person reads, with the token as subject.
    """
    leave = tokens.signer(Purpose.UNSUBSCRIBE)
    prefer = tokens.signer(Purpose.PREFERENCES)
    prefix = f"{base_url}/u/"

    def address(delivery: int, subscriber: int, mailbox: str) -> Recipient:
        token = leave(f"{subscriber}:{newsletter}")
        own = prefer(own_page(subscriber, newsletter, mailbox))
        return Recipient(
            str(delivery),
            wire(mailbox),
            {UNSUBSCRIBE_TAG: token, PREFERENCES_TAG: own},
            unsubscribe_headers(f"{prefix}{token}", mailto),
        )

    return address


def unsubscribe_headers(url: str, mailto: str) -> dict[str, str]:
    """Return the headers by which mail programs leave; *url* ends with the token."""
    token = url.rpartition("/")[2]
    by_letter = f", <mailto:{mailto}?subject=unsubscribe%20{token}>" if mailto else ""
    return {
        "List-Unsubscribe": f"<{url}>{by_letter}",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
