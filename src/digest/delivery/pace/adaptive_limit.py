"""How many requests one process has under way, by how the provider answers.

This module decides when there are more and when there are half as many: slow start, additive
increase and multiplicative decrease, as TCP does it, between 1 and a limit that a person sets.
"""

from __future__ import annotations

import math

from digest.mail.transport import Answer, InDoubt, Mixed, NotSent

FIRST = 2  #: requests under way at the start
WORTH = 1 / 2  #: the part of what a step promises that it must bring, to be kept
REST = 8  #: rounds without a step after one that was taken back


class AdaptiveLimit:
    """The number of requests that may be under way; it knows no clock, and no thread.

    A round is as many answers as the limit. Each is followed by a step: twice as many requests at
    first, and one more at a time once an answer has asked for less. A step that made the answers
    come no faster is taken back, and tried again later. An answer that asks for less halves the
    limit, once for all requests that were under way by then: an answer to a request from before
    says nothing of the limit since.
    """

    def __init__(self, most: int, *, now: float) -> None:
        """Begin a send with *most* requests under way at most; *now* is in seconds."""
        self.requests = min(FIRST, most)
        self._most = most
        self._halved_at = -math.inf
        self._is_start = True  # until an answer asks for less
        self._before: tuple[int, float] | None = None  # the limit and rate before the last step
        self._rest = 0  # rounds until the next step
        self._began, self._answers = now, 0

    def note(self, answer: Answer, *, began: float, ended: float) -> None:
        """Learn from an answer to a request that began and ended then, in seconds of one clock."""
        if began < self._halved_at:
            return
        if asks_for_less(answer):
            self.requests = max(1, self.requests // 2)
            self._halved_at, self._is_start, self._before = ended, False, None
            self._began, self._answers = ended, 0
            return
        self._answers += 1
        if self._answers >= self.requests:
            self._end_round(self._answers / max(ended - self._began, 1e-9))
            self._began, self._answers = ended, 0

    def _end_round(self, rate: float) -> None:
        """Judge the last step by the answers a second since, and take the next one."""
        step, self._before = self._before, None
        if step is not None and rate < step[1] * (1 + WORTH * (self.requests / step[0] - 1)):
            self.requests, self._rest = step[0], REST
        elif self._rest:
            self._rest -= 1
        elif self.requests < self._most:
            self._before = self.requests, rate
            more = self.requests if self._is_start else 1
            self.requests = min(self.requests + more, self._most)


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
