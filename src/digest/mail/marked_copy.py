"""Decides what stands for a reader in a copy that none gets: links that do nothing."""

from __future__ import annotations

from digest.mail.mailing import Content, Recipient, tags_in

INERT = "test-copy"  #: replaces a reader's token; links with it do nothing


def inert_parts(*parts: str, token: str = INERT) -> dict[str, str]:
    """Return a recipient's own parts for a mail of these *parts*, with links that do nothing."""
    return dict.fromkeys(tags_in(*parts), token)


def inert_recipient(
    content: Content, address: str, *, base_url: str, token: str = INERT
) -> Recipient:
    """Return a recipient of *content* whose one-click headers (RFC 8058) and links do nothing."""
    return Recipient(
        "test",
        address,
        inert_parts(content.html, content.text, token=token),
        {
            "List-Unsubscribe": f"<{base_url}/u/{token}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
