"""How many requests one process has under way, by how the provider answers.

This module decides when there are more and when there are half as many: slow start, additive
increase and multiplicative decrease, as TCP does it, between 1 and a limit that a person sets.
"""

from __future__ import annotations

import math

from digest.mail.transport import Answer, InDoubt, Mixed, NotSent

FIRST = 2  #: requests under way at the start
#: How many times as long as in the quickest round answers may take. A request whose connection
#: wasn't made ahead takes three round trips instead of one, and the limit must not mind that.
IN_TIME = 3.0
FORGETS = 1.1  #: how many times as long the quickest round counts after each one that was late


class AdaptiveLimit:
    """The number of requests that may be under way; it knows no clock, and no thread.

    A round is as many answers as the limit. After one whose answers came in time, twice as many
    requests may be under way, and only one more once an answer was late or asked for less. Such an
    answer halves the limit, once for all requests that were under way by then: an answer to a
    request from before says nothing of the limit since. Late rounds wear the quickest one out: it
    may have been one of small batches, or before the provider's busy hour.
    """

    def __init__(self, most: int) -> None:
        """Begin a send with *most* requests under way at most."""
        self.requests = min(FIRST, most)
        self._most = most
        self._halved_at = -math.inf
        self._is_start = True  # until the first sign that there are enough
        self._quickest = math.inf  # seconds, the mean of a round
        self._begin_round()

    def note(self, answer: Answer, *, began: float, ended: float) -> None:
        """Learn from an answer to a request that began and ended then, in seconds of one clock."""
        if began < self._halved_at:
            return
        if asks_for_less(answer):
            self.requests = max(1, self.requests // 2)
            self._halved_at, self._is_start = ended, False
            self._begin_round()
            return
        self._answers += 1
        self._seconds += ended - began
        if self._answers >= self.requests:
            self._end_round()

    def _begin_round(self) -> None:
        self._answers, self._seconds = 0, 0.0

    def _end_round(self) -> None:
        mean = self._seconds / self._answers
        self._quickest = min(self._quickest, mean)
        if mean > IN_TIME * self._quickest:
            self._is_start = False
            self._quickest *= FORGETS
        else:
            more = self.requests if self._is_start else 1
            self.requests = min(self.requests + more, self._most)
        self._begin_round()


def asks_for_less(answer: Answer) -> bool:
    """Return whether an answer is that of a provider with too much to do, or of none at all."""
    match answer:
        case InDoubt():
            return True
        case NotSent():  # what never got its turn neither counts nor has a status
            return not answer.about_recipient and (answer.counts or answer.status is not None)
        case Mixed():
            return any(asks_for_less(each) for each in answer.answers)
    return False
