"""Decides how a test copy differs from a reader's mail: marked subject, links that do nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG, Content, Mailing, Recipient

MARK = "[Test] "
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


def make_test_copy(content: Content, address: str, *, base_url: str) -> Mailing:
    """Return a mailing to *address* with a marked subject; its events belong to no delivery."""
    marked = replace(content, subject=f"{MARK}{content.subject}", category="test")
    return Mailing(
        content=marked, recipients=[inert_recipient(address, base_url=base_url)], issue="test"
    )


def test_copy_location(outbox: Path | None) -> str:
    """Return where a sent test copy is, as text; *outbox* is the folder if mail goes to files."""
    return f"was written to {outbox / 'test'}" if outbox else "is on its way"
