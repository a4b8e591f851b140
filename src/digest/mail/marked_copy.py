"""A marked copy of a mail for whoever makes it: nothing in it acts for any reader."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG, Content, Mailing, Recipient

MARK = "[Test] "
INERT = "test-copy"  #: stands where a token would; no link made with it does anything


def inert_parts(token: str = INERT) -> dict[str, str]:
    """Return a reader's parts whose links do nothing."""
    return {UNSUBSCRIBE_TAG: token, PREFERENCES_TAG: token}


def inert_recipient(address: str, *, base_url: str, token: str = INERT) -> Recipient:
    """Return a recipient like any other, but for links that do nothing."""
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
    """Return one copy for *address*, marked in its subject; its events belong to no delivery."""
    marked = replace(content, subject=f"{MARK}{content.subject}", category="test")
    return Mailing(
        content=marked, recipients=[inert_recipient(address, base_url=base_url)], issue="test"
    )


def test_copy_location(outbox: Path | None) -> str:
    """Say where a test copy is, once it is handed over; *outbox* where nothing leaves."""
    return f"was written to {outbox / 'test'}" if outbox else "is on its way"
