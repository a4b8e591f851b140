"""Address one delivery: the reader's links and headers, which differ from copy to copy.

This module decides which page each link opens, and the unsubscribe headers (RFC 2369, RFC 8058).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG, Recipient, tags_in, vote_tag
from subscribers.address import wire
from subscribers.tokens import Purpose, Tokens, own_page


def recipient_builder(
    newsletter: str,
    *,
    base_url: str,
    tokens: Tokens,
    mailto: str = "",
    vote_parts: Callable[[int], dict[str, str]] = lambda _: {},
) -> Callable[[int, int, str], Recipient]:
    """Return the function that addresses one delivery: (delivery, subscriber, address).

    A mail program unsubscribes by a POST to the same URL that a person opens (RFC 8058). A program
    that can't may write to *mailto*, an address that a person reads, with the token as subject.
    *vote_parts* returns the parts of a subscriber's links to vote (`vote_part_maker`). The returned
    function raises `BadAddress` for an address that no mail can be sent to.
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
            {UNSUBSCRIBE_TAG: token, PREFERENCES_TAG: own, **vote_parts(subscriber)},
            unsubscribe_headers(f"{prefix}{token}", mailto),
        )

    return address


def vote_part_maker(
    sign: Callable[[int, int], str], comparison_ids: Sequence[int], *parts: str
) -> Callable[[int], dict[str, str]]:
    """Return the function that makes a subscriber's tokens to vote, each by its tag.

    *sign* makes one of a subscriber and a comparison; *comparison_ids* are those of the edition in
    its order, and *parts* its HTML and text: a tag that isn't in them costs nothing.
    """
    used = set(tags_in(*parts))
    ballots = [
        (tag, comparison_id)
        for position, comparison_id in enumerate(comparison_ids, start=1)
        if (tag := vote_tag(position)) in used
    ]
    return lambda subscriber: {tag: sign(subscriber, each) for tag, each in ballots}


def unsubscribe_headers(url: str, mailto: str) -> dict[str, str]:
    """Return the unsubscribe headers (RFC 2369, RFC 8058); *url* ends with the token."""
    token = url.rpartition("/")[2]
    by_mail = f", <mailto:{mailto}?subject=unsubscribe%20{token}>" if mailto else ""
    return {
        "List-Unsubscribe": f"<{url}>{by_mail}",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
