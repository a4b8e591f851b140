"""What becomes of a message after one post: delivered, tried again when, given up, or called off.

The times between two tries are those that Standard Webhooks recommends. An endpoint that fails
`FAILURES_IN_A_ROW` times rests for longer and longer, up to an hour, so that what waits for it
isn't tried in vain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
#: How long a message is tried for; the first failure after that parks it.
GIVE_UP = timedelta(days=3)
#: The times between two tries (github.com/standard-webhooks); the last one repeats.
PAUSES = (
    *(5 * SECOND, 5 * MINUTE, 30 * MINUTE),
    *(2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR),
)
JITTER = 0.1  #: the part by which a pause is shorter or longer at most
FAILURES_IN_A_ROW = 3  #: after which an endpoint rests
LONGEST_REST = HOUR
LONGEST_ASKED = 24 * HOUR  #: the longest rest that an endpoint may ask for
_SLOW_DOWN = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


@dataclass(frozen=True, kw_only=True)
class PostResult:
    """What one post of a message came to."""

    status: int | None = None  #: of the answer; ``None`` where there was none
    said: str = ""  #: why it failed; empty for what was delivered
    rest: timedelta | None = None  #: for which the endpoint asks to be left alone

    @property
    def delivered(self) -> bool:
        """Whether the endpoint has taken the message."""
        return not self.said

    @property
    def gone(self) -> bool:
        """Whether the endpoint wants no more messages."""
        return self.status == HTTPStatus.GONE


def result_of(status: int, headers: Mapping[str, str], now: datetime) -> PostResult:
    """Return what an answer comes to: a status from 200 to 299 is a delivery."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return PostResult(status=status)
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    said = f"it answered {status} {phrase}".strip()
    if status < HTTPStatus.BAD_REQUEST:
        said += ", and redirects aren't followed"
    asked = headers.get("retry-after", "") if status in _SLOW_DOWN else ""
    return PostResult(status=status, said=said, rest=_asked_rest(asked, now))


def pause_after(tries: int, random: Callable[[], float]) -> timedelta:
    """Return the time until the next try after *tries* that failed; *random* is from 0 to 1."""
    usual: timedelta = PAUSES[min(tries, len(PAUSES)) - 1]
    return usual * (1 - JITTER + 2 * JITTER * random())


def rest_after(failures: int, asked: timedelta | None) -> timedelta | None:
    """Return how long an endpoint rests after failures in a row; ``None`` where it needn't."""
    if failures < FAILURES_IN_A_ROW:
        return asked
    doublings = min(failures - FAILURES_IN_A_ROW, 10)
    growing: timedelta = MINUTE * 2**doublings
    return max(asked or timedelta(), min(growing, LONGEST_REST))


def _asked_rest(header: str, now: datetime) -> timedelta | None:
    """Return the rest that a Retry-After header asks for: a delay or a date (RFC 9110)."""
    if header.isascii() and header.isdigit():
        asked = timedelta(seconds=min(int(header[:9]), LONGEST_ASKED.total_seconds()))
    else:
        try:
            asked = parsedate_to_datetime(header).replace(tzinfo=UTC) - now
        except (ValueError, OverflowError):
            return None
    return max(timedelta(), min(asked, LONGEST_ASKED))
