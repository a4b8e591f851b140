"""Address a batch: the readers' links and headers, which differ from copy to copy.

This module decides which page each link opens, and the unsubscribe headers (RFC 2369, RFC 8058).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG, Recipients, tags_in, vote_tag
from subscribers.address import wire
from subscribers.tokens import Purpose, Tokens, own_pages

#: By tag, the value of each of some subscribers.
Parts = Mapping[str, Sequence[str]]


def recipient_builder(
    newsletter: str,
    *,
    base_url: str,
    tokens: Tokens,
    mailto: str = "",
    vote_parts: Callable[[Sequence[int]], Parts] = lambda _: {},
) -> Callable[[Sequence[Sequence[Any]]], Recipients]:
    """Return the function that addresses a batch: rows of delivery, subscriber, address.

    A mail program unsubscribes by a POST to the same URL that a person opens (RFC 8058). A program
    that can't may write to *mailto*, an address that a person reads, with the token as subject.
    *vote_parts* returns the parts of subscribers' links to vote (`vote_part_maker`). The returned
    function raises `BadAddress` for an address that no mail can be sent to.
    """
    leave = tokens.batch_signer(Purpose.UNSUBSCRIBE)
    prefer = tokens.batch_signer(Purpose.PREFERENCES)
    headers = unsubscribe_headers(f"{base_url}/u/{UNSUBSCRIBE_TAG}", mailto)

    def address(readers: Sequence[Sequence[Any]]) -> Recipients:
        subscribers = [row[1] for row in readers]
        mailboxes = [row[2] for row in readers]
        as_parsed = all(map(str.isascii, mailboxes))  # which is how they stand on the wire
        return Recipients(
            deliveries=[str(row[0]) for row in readers],
            addresses=mailboxes if as_parsed else [wire(mailbox) for mailbox in mailboxes],
            parts={
                UNSUBSCRIBE_TAG: leave(
                    [f"{subscriber}:{newsletter}" for subscriber in subscribers]
                ),
                PREFERENCES_TAG: prefer(own_pages(subscribers, newsletter, mailboxes)),
                **vote_parts(subscribers),
            },
            headers=headers,
        )

    return address


def vote_part_maker(
    sign: Callable[[Sequence[int], int], list[str]], comparison_ids: Sequence[int], *parts: str
) -> Callable[[Sequence[int]], Parts]:
    """Return the function that makes subscribers' tokens to vote, by their tags.

    *sign* makes those of some subscribers and a comparison; *comparison_ids* are those of the
    edition in its order, and *parts* its HTML and text: a tag that isn't in them costs nothing.
    """
    used = set(tags_in(*parts))
    ballots = [
        (tag, comparison_id)
        for position, comparison_id in enumerate(comparison_ids, start=1)
        if (tag := vote_tag(position)) in used
    ]
    return lambda subscribers: {tag: sign(subscribers, each) for tag, each in ballots}


def unsubscribe_headers(url: str, mailto: str) -> dict[str, str]:
    """Return the unsubscribe headers (RFC 2369, RFC 8058); *url* ends with the token."""
    token = url.rpartition("/")[2]
    by_mail = f", <mailto:{mailto}?subject=unsubscribe%20{token}>" if mailto else ""
    return {
        "List-Unsubscribe": f"<{url}>{by_mail}",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
