"""What a link to review an issue says: which issue, which editor, which mail, and until when.

The link is signed and encrypted, and names no address: an editor is known by a mark of theirs, and
is let in only while the settings name them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from subscribers.address import parse
from subscribers.errors import BadToken
from subscribers.tokens import Purpose, Tokens, address_mark

PATH = "/review"
TO_REVIEW = "Review this issue"  #: the words of the link
#: Stands for an editor's token in a letter that all editors get; see `digest.mail.mailing`.
REVIEW_TAG = "-digest_review_token-"
_SEEN = 12  #: hexadecimal digits of a fingerprint


@dataclass(frozen=True, kw_only=True)
class ReviewLink:
    """What a link opens, and for whom."""

    issue_id: int
    editor: str  #: `mark_of_editor`
    seen: str  #: the first digits of the fingerprint of the mail that was mailed with the link
    until: datetime


class ReviewOver(BadToken):
    """This link has expired."""


def mark_of_editor(address: str) -> str:
    """Return what an editor's address is known by, in 8 hex digits; raises `BadAddress`."""
    return address_mark(parse(address).key)


def editor_of(addresses: Sequence[str], mark: str) -> str | None:
    """Return the address among *addresses* that has this mark."""
    return next((each for each in addresses if mark_of_editor(each) == mark), None)


def link_to(issue_id: int, address: str, fingerprint: str, until: datetime) -> ReviewLink:
    """Return the link of one editor to an issue whose mail has this fingerprint."""
    seen = fingerprint[:_SEEN]
    return ReviewLink(issue_id=issue_id, editor=mark_of_editor(address), seen=seen, until=until)


def review_token(tokens: Tokens, link: ReviewLink) -> str:
    """Return the token of a link."""
    until = int(link.until.timestamp())
    return tokens.sign(Purpose.REVIEW, f"{link.issue_id}:{link.editor}:{link.seen}:{until}")


def read_review(tokens: Tokens, token: str, now: datetime) -> ReviewLink:
    """Return what a token opens; raises `BadToken`, and `ReviewOver` once it has expired."""
    issue_id, editor, seen, until = tokens.read(Purpose.REVIEW, token).split(":")
    link = ReviewLink(
        issue_id=int(issue_id),
        editor=editor,
        seen=seen,
        until=datetime.fromtimestamp(int(until), UTC),
    )
    if now >= link.until:
        raise ReviewOver
    return link
