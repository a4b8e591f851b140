"""The letter worker: woken by calls, retries, and the stop."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest

from digest.errors import BadSetting
from digest.web.letter_worker import LetterWorker
from subscribers.models import LetterState

SECONDS = 10.0
Answers = list[Counter[LetterState] | Exception]


class LetterSender:
    """Answers as told, one answer a call, then with nothing to send."""

    def __init__(self, *answers: Counter[LetterState] | Exception, most: int | None = None) -> None:
        self.answers = list(answers)
        self.calls = 0
        self.done = threading.Event()

    def __call__(self) -> Counter[LetterState]:
        self.calls += 1
        answer = self.answers.pop(0) if self.answers else Counter[LetterState]()
        if not self.answers:
            self.done.set()
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def ended() -> Callable[[LetterWorker], bool]:
    """Return a function that ends a worker and tells whether the thread is gone."""

    def end(worker: LetterWorker) -> bool:
        worker.stop(SECONDS)
        return not any(thread.name == "letters" for thread in threading.enumerate())

    return end


def test_a_call_is_answered_by_another_thread(ended: Callable[[LetterWorker], bool]) -> None:
    callers: list[str] = []
    done = threading.Event()

    def send() -> Counter[LetterState]:
        callers.append(threading.current_thread().name)
        done.set()
        return Counter()

    worker = LetterWorker(send)
    worker.wake()

    assert done.wait(SECONDS)
    assert callers == ["letters"]
    assert ended(worker)


def test_where_the_way_out_is_shut_it_is_tried_again(ended: Callable[[LetterWorker], bool]) -> None:
    post = LetterSender(Counter({LetterState.WAITING: 1}), BadSetting("no key"), Counter())
    worker = LetterWorker(post, pause=0.001)

    worker.wake()

    assert post.done.wait(SECONDS)
    assert post.calls == 3
    assert ended(worker)


def test_a_call_while_letters_are_sent_is_not_missed(ended: Callable[[LetterWorker], bool]) -> None:
    inside, go_on, again = threading.Event(), threading.Event(), threading.Event()

    def send() -> Counter[LetterState]:
        if inside.is_set():
            again.set()
        inside.set()
        go_on.wait(SECONDS)
        return Counter()

    worker = LetterWorker(send)
    worker.wake()
    assert inside.wait(SECONDS)
    worker.wake()
    go_on.set()

    assert again.wait(SECONDS)
    assert ended(worker)


def test_a_call_ends_a_long_pause_since_a_new_letter_may_be_one_that_can_go(
    ended: Callable[[LetterWorker], bool],
) -> None:
    resting = threading.Event()

    def wait(event: threading.Event, seconds: float) -> None:
        if seconds > 1.0:  # the long one, which here ends by a call only
            resting.set()
            event.wait()

    shut = [Counter({LetterState.WAITING: 1}) for _ in range(3)]
    post = LetterSender(*shut, Counter())
    worker = LetterWorker(post, pause=1.0, wait=wait)
    worker.wake()
    assert resting.wait(SECONDS)
    worker.wake()

    assert post.done.wait(SECONDS)
    assert post.calls == 4
    assert ended(worker)


def test_nothing_is_begun_after_the_end(ended: Callable[[LetterWorker], bool]) -> None:
    post = LetterSender()
    worker = LetterWorker(post)

    worker.stop()
    worker.wake()

    assert ended(worker)
    assert post.calls == 0


def test_the_end_does_not_wait_for_a_pause_to_be_over(
    ended: Callable[[LetterWorker], bool],
) -> None:
    post = LetterSender(Counter({LetterState.WAITING: 1}))
    worker = LetterWorker(post, pause=300.0)
    worker.wake()
    assert post.done.wait(SECONDS)

    assert ended(worker)
