"""Decides what stands for a reader in a copy that none gets: links that do nothing."""

from __future__ import annotations

from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG, Recipient

INERT = "test-copy"  #: replaces a reader's token; links with it do nothing


def inert_parts(token: str = INERT) -> dict[str, str]:
    """Return a recipient's parts with links that do nothing."""
    return {UNSUBSCRIBE_TAG: token, PREFERENCES_TAG: token}


def inert_recipient(address: str, *, base_url: str, token: str = INERT) -> Recipient:
    """Return a recipient whose one-click headers (RFC 8058) and links do nothing."""
    return Recipient(
        "test",
        address,
        inert_parts(token),
        {
            "List-Unsubscribe": f"<{base_url}/u/{token}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
