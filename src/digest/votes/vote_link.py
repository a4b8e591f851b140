"""What a vote link holds, and how long it may be used.

A token is good for one reader and one comparison. Which of its tools, and ship or skip, stands in
the path after it, so that one token serves all choices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote

from digest.comparisons.models import Call
from digest.votes.models import BY_LETTER
from subscribers.errors import BadToken
from subscribers.tokens import Purpose, Tokens

PATH = "/v"
_PARTS = 5
_DAY = 86_400


class VoteTarget(NamedTuple):
    """Whose vote a link takes, and on what."""

    subscriber_id: int
    comparison_id: int
    edition_id: int  #: the edition whose copy the link is in, or `BY_LETTER`
    sent_at: datetime  #: to the second in a letter, to the day in an issue
    newsletter: str = ""  #: in a letter: what the same press subscribes to; empty for nothing


class VoteLinkExpired(Exception):
    """The link was good once for *target*, and its time is over."""

    def __init__(self, target: VoteTarget) -> None:
        super().__init__()
        self.target = target


def copy_signer(
    tokens: Tokens, edition_id: int, day: datetime
) -> Callable[[Sequence[int], int], list[str]]:
    """Return the function that makes the tokens of one edition's copies.

    It takes a batch's subscribers and a comparison; *day* is when the edition is sent.
    """
    sign = tokens.batch_signer(Purpose.VOTE)
    moment = int(day.timestamp()) // _DAY * _DAY

    def sign_copies(subscriber_ids: Sequence[int], comparison_id: int) -> list[str]:
        end = f":{comparison_id}:{edition_id}:{moment}:"
        return sign([f"{subscriber_id}{end}" for subscriber_id in subscriber_ids])

    return sign_copies


def letter_token(
    tokens: Tokens, subscriber_id: int, comparison_id: int, at: datetime, *, newsletter: str = ""
) -> str:
    """Return the token of the link in a letter that somebody asked for to vote."""
    moment = int(at.timestamp())
    subject = f"{subscriber_id}:{comparison_id}:{BY_LETTER}:{moment}:{newsletter}"
    return tokens.sign(Purpose.VOTE, subject)


def read_vote_token(tokens: Tokens, token: str, now: datetime, *, days: int) -> VoteTarget:
    """Return what a token is good for, for *days* after it was sent.

    Raises `BadToken`, or `VoteLinkExpired`.
    """
    parts = tokens.read(Purpose.VOTE, token).split(":", _PARTS - 1)
    numbers, newsletter = parts[:-1], parts[-1]
    if len(parts) != _PARTS or not all(part.isdecimal() for part in numbers):
        raise BadToken
    subscriber_id, comparison_id, edition_id, moment = map(int, numbers)
    sent_at = datetime.fromtimestamp(moment, UTC)
    target = VoteTarget(subscriber_id, comparison_id, edition_id, sent_at, newsletter)
    if now - sent_at > timedelta(days=days):
        raise VoteLinkExpired(target)
    return target


def vote_path(token: str, tool: str = "", call: Call | None = None) -> str:
    """Return the path of a vote page; with the slug of a tool and a call, that choice is preset."""
    return f"{PATH}/{token}/{quote(tool)}/{call.value}" if tool and call else f"{PATH}/{token}"
