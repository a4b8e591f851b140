"""Endpoints: which may be added, and what a person is told of one in trouble."""

from __future__ import annotations

import pytest
from sqlalchemy import update
from sqlmodel import Session, col

from digest.errors import DigestError, NotFound, WrongState
from digest.webhooks import MOST_ENDPOINTS, find, messages, pause, resume, status, troubles
from subscribers.announcements.models import MessageState, WebhookMessage
from tests.webhooks.conftest import LEFT, Works, answer


def test_an_endpoint_is_found_by_its_number_alone(works: Works) -> None:
    endpoint = works.add(newsletter="", addresses=True)
    told = works.change(status, endpoint)
    assert (told.kinds, told.addresses, told.waiting) == ((LEFT,), True, 0)
    with pytest.raises(NotFound):
        works.change(find, endpoint + 1)


def test_a_number_is_never_given_again(works: Works) -> None:
    first = works.add()
    works.change(lambda session: session.delete(find(session, first)))
    assert works.add() == first + 1


def test_an_endpoint_for_a_newsletter_that_is_not_there_is_refused(works: Works) -> None:
    with pytest.raises(NotFound):
        works.add(newsletter="nothing")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "ftp://hooks.example/",
        "https://",
        "https://hooks.example:99999/",
        "https://[::1/",
        "https://user@hooks.example/",
        "https://hooks.example/\n",
        "https://hooks.example/" + "a" * 2_000,
    ],
)
def test_what_is_no_address_is_refused(works: Works, url: str) -> None:
    with pytest.raises(DigestError):
        works.add(url)


def test_there_are_no_more_endpoints_than_threads(works: Works) -> None:
    for number in range(MOST_ENDPOINTS):
        works.add(f"https://hooks.example/{number}")
    with pytest.raises(DigestError):
        works.add()


def test_only_what_changes_something_is_done(works: Works) -> None:
    endpoint = works.add()
    with pytest.raises(WrongState):
        works.change(resume, endpoint)
    works.change(pause, endpoint)
    with pytest.raises(WrongState):
        works.change(pause, endpoint)


def test_an_endpoint_in_trouble_is_told_of_with_what_to_do(works: Works) -> None:
    gone, paused, failing, parked, _ = (works.add(f"https://hooks.example/{n}") for n in range(5))
    works.change(pause, paused)
    works.tell("a")
    answers = {"0": 410, "2": 503, "3": 204, "4": 204}
    works.receiver.say = lambda post: answer(answers[post.url[-1]])
    works.post()
    works.change(park, parked)
    assert {each.id for each in works.change(troubles, works.clock())} == {gone, paused, parked}
    works.clock.on(hours=1)
    told = {each.id: (each.says, each.next_step) for each in works.change(troubles, works.clock())}
    assert told == {
        gone: ("it answered 410, and 1 message waits", f"digest webhooks resume {gone}"),
        paused: ("it's paused, and 1 message waits", f"digest webhooks resume {paused}"),
        failing: (
            "it has taken nothing since 2026-11-24 09:00 UTC: it answered 503 Service Unavailable",
            f"digest webhooks test {failing}",
        ),
        parked: ("1 message is parked after days of tries", f"digest webhooks replay {parked}"),
    }


def park(session: Session, endpoint: int) -> None:
    of_endpoint = update(WebhookMessage).where(col(WebhookMessage.webhook_id) == endpoint)
    session.connection().execute(of_endpoint.values(state=MessageState.PARKED))


def test_the_messages_that_are_not_delivered_are_shown_first(works: Works) -> None:
    endpoint = works.add()
    works.tell("a", "b", "c")
    works.receiver.say = lambda post: answer(500 if post.subject == "a" else 204)
    works.post()
    shown = works.change(messages, endpoint, at_most=2)
    assert [(each["subject"], each["state"]) for each in shown] == [
        ("a", MessageState.WAITING),
        ("c", MessageState.DELIVERED),
    ]
    assert shown[0]["next_at"] is not None
    assert shown[1]["next_at"] is None
