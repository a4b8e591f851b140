"""Posting: at least once, in order for each subject, and no endpoint waits for another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Event

import pytest
from sqlalchemy import update

from digest.errors import DigestError
from digest.http_client import Answer
from digest.webhooks import pause, remove, replay, resume, rotate, status
from digest.webhooks.message_queue import KEPT, claim, prune, settle
from digest.webhooks.webhook_retries import GIVE_UP, PAUSES, PostResult
from subscribers import consent, store
from subscribers.address.syntax import parse
from subscribers.announcements.models import EndpointState, MessageState, WebhookEndpoint
from subscribers.models import ConsentAct
from subscribers.store import Evidence
from tests.history.query_plans import seen_statements
from tests.webhooks.conftest import LEFT, Post, Works, answer

WAITING, DELIVERED, PARKED = MessageState.WAITING, MessageState.DELIVERED, MessageState.PARKED


def refuses(*subjects: str) -> Callable[[Post], Answer]:
    return lambda post: answer(500 if post.subject in subjects else 204)


def test_a_message_says_what_happened_and_when(works: Works) -> None:
    works.add()
    works.tell("subscriber/1")
    works.clock.on(minutes=3)
    assert works.post() == {"delivered": 1}
    (post,) = works.receiver.posts
    assert post.told == {
        "type": "subscriber.left",
        "timestamp": "2026-11-24T09:00:00+00:00",
        "data": {"subject": "subscriber/1"},
    }
    assert post.headers["webhook-timestamp"] == str(int(works.clock().timestamp()))
    assert works.post() == {}


def test_messages_go_in_the_order_of_what_happened(works: Works) -> None:
    works.add()
    works.tell("b", "a", "b", "c", "a")
    assert works.post() == {"delivered": 5}
    assert works.receiver.subjects == ["b", "a", "b", "c", "a"]


def test_a_message_waits_for_the_earlier_one_of_its_subject_and_others_do_not(
    works: Works,
) -> None:
    works.add()
    works.tell("a", "b", "a", "c")
    works.receiver.say = refuses("a")
    assert works.post() == {"delivered": 2, "failed": 1}
    assert works.states() == [WAITING, DELIVERED, WAITING, DELIVERED]
    works.receiver.say = lambda _: answer(200)
    works.clock.on(seconds=PAUSES[0].total_seconds())
    assert works.post() == {"delivered": 2}
    assert works.receiver.subjects == ["a", "b", "c", "a", "a"]


def test_a_post_that_is_repeated_has_the_same_id_and_another_time(works: Works) -> None:
    works.add()
    works.tell("a")
    works.receiver.say = lambda _: answer(500)
    works.post()
    works.clock.on(seconds=6)
    works.post()
    first, second = (post.headers for post in works.receiver.posts)
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-timestamp"] != second["webhook-timestamp"]


def test_what_breaks_off_is_tried_again_and_said(works: Works) -> None:
    endpoint = works.add()
    works.tell("a")

    def break_off(_: Post) -> Answer:
        raise DigestError("https://hooks.example can't be connected to")

    works.receiver.say = break_off
    assert works.post() == {"failed": 1}
    (row,) = works.rows()
    assert (row.state, row.status) == (WAITING, None)
    assert row.said == "https://hooks.example can't be connected to"
    assert works.change(status, endpoint).said == row.said


def test_a_message_is_parked_after_three_days_and_its_successors_go_on(works: Works) -> None:
    endpoint = works.add()
    works.tell("a", "a", "b")
    works.receiver.say = refuses("a")
    began, tries = works.clock(), 0
    while works.rows()[0].state is WAITING:
        tries += works.post().get("failed", 0)
        works.clock.on(hours=1)
        assert works.clock() - began < GIVE_UP + timedelta(days=2)
    assert works.clock() - began > GIVE_UP
    assert tries < len(PAUSES) + 3
    works.receiver.say = lambda _: answer(204)
    works.clock.on(days=1)
    works.post()
    assert works.states() == [PARKED, DELIVERED, DELIVERED]
    assert works.change(status, endpoint).parked == 1


def test_parked_messages_are_replayed(works: Works) -> None:
    endpoint = works.add()
    works.tell("a")
    works.receiver.say = lambda _: answer(500)
    works.clock.on(days=3)
    works.post()
    assert works.states() == [PARKED]
    works.receiver.say = lambda _: answer(204)
    assert works.change(replay, endpoint, works.clock()) == 1
    works.post()
    assert works.states() == [DELIVERED]
    assert works.change(replay, endpoint, works.clock()) == 0


def test_one_message_or_all_since_a_time_are_replayed(works: Works) -> None:
    endpoint = works.add()
    works.tell("a")
    works.clock.on(hours=1)
    works.tell("b", "c")
    works.post()
    now, (_, second, _) = works.clock(), works.rows()
    assert works.change(replay, endpoint, now, message=second.id) == 1
    assert works.change(replay, endpoint + 1, now, message=second.id) == 0
    works.post()
    assert works.change(replay, endpoint, now, since=now) == 2
    works.post()
    assert works.receiver.subjects == ["a", "b", "c", "b", "b", "c"]


def test_an_endpoint_that_is_gone_gets_nothing_until_a_person_resumes_it(works: Works) -> None:
    endpoint = works.add()
    works.tell("a", "b")
    works.receiver.say = lambda _: answer(410)
    assert works.post() == {"failed": 1}
    assert works.change(status, endpoint).state is EndpointState.GONE
    works.clock.on(days=1)
    assert works.post() == {}
    works.receiver.say = lambda _: answer(204)
    works.change(resume, endpoint)
    works.post()
    assert works.receiver.subjects == ["a", "a", "b"]


def test_a_paused_endpoint_s_messages_wait_for_a_week_and_are_parked(works: Works) -> None:
    endpoint = works.add()
    works.change(pause, endpoint)
    works.tell("a")
    assert works.post() == {}
    works.clock.on(days=7)
    works.tell("b")
    assert prune(works.database, works.clock()) == 0
    assert works.states() == [PARKED, WAITING]


def test_after_three_failures_the_endpoint_rests_and_is_tried_with_one_message(
    works: Works,
) -> None:
    endpoint = works.add()
    works.tell(*"abcdef")
    works.receiver.say = lambda _: answer(500)
    assert works.post() == {"failed": 3}
    assert works.post() == {}
    works.clock.on(minutes=1)
    assert works.post() == {"failed": 1}
    works.receiver.say = lambda _: answer(204)
    works.clock.on(minutes=30)
    assert works.post() == {"delivered": 6}
    assert works.change(status, endpoint).failing_since is None


def test_an_endpoint_rests_for_as_long_as_it_asks(works: Works) -> None:
    works.add()
    works.tell("a", "b")
    works.receiver.say = lambda _: answer(429, retry_after="3600")
    assert works.post() == {"failed": 1}
    works.clock.on(minutes=59)
    assert works.post() == {}
    works.receiver.say = lambda _: answer(204)
    works.clock.on(minutes=1)
    assert works.post() == {"delivered": 2}


def test_an_endpoint_that_hangs_delays_no_other(works: Works) -> None:
    works.add("https://slow.example/")
    works.add("https://quick.example/")
    works.tell("a", "b", "c")
    quick_is_done = Event()

    def say(post: Post) -> Answer:
        if post.url.startswith("https://slow"):  # hangs until the other has got everything
            assert quick_is_done.wait(60)
        elif post.subject == "c":
            quick_is_done.set()
        return answer(204)

    works.receiver.say = say
    assert works.post() == {"delivered": 6}


def test_what_happens_while_an_endpoint_hangs_is_told_to_another(works: Works) -> None:
    works.add("https://slow.example/")
    works.tell("a")
    works.add("https://quick.example/")
    quick_is_done = Event()

    def say(post: Post) -> Answer:
        if post.url.startswith("https://quick"):
            quick_is_done.set()
        elif post.subject == "a":
            works.tell("b")
            assert quick_is_done.wait(60)
        return answer(204)

    works.receiver.say = say
    assert works.post() == {"delivered": 3}


def test_a_stop_ends_the_run_after_the_post_under_way(works: Works) -> None:
    works.add()
    works.tell("a", "b", "c")

    def say(_: Post) -> Answer:
        works.stopping.set()
        return answer(204)

    works.receiver.say = say
    assert works.post() == {"delivered": 1}
    works.stopping.clear()
    works.receiver.say = lambda _: answer(204)
    assert works.post() == {"delivered": 2}


def test_what_a_dead_sender_had_claimed_is_posted_again_once_its_claim_is_over(
    works: Works,
) -> None:
    endpoint = works.add()
    works.tell("a")
    assert works.change(claim, endpoint, "who died since", works.clock()) is not None
    assert works.post() == {}
    works.clock.on(minutes=2)
    assert works.post() == {"delivered": 1}


def test_a_sender_whose_endpoint_was_taken_over_stops(works: Works) -> None:
    works.add()
    works.tell("a", "b")

    def say(_: Post) -> Answer:
        with works.database.write() as session:
            session.execute(update(WebhookEndpoint).values(claimed_by="another"))
        return answer(204)

    works.receiver.say = say
    assert works.post() == {"delivered": 1}
    assert works.states() == [DELIVERED, WAITING]


def test_an_endpoint_is_locked_before_its_message(works: Works) -> None:
    """As `remove` and `replay` do: the other way round, each could wait for the other."""
    endpoint = works.add()
    works.tell("a")
    message = works.change(claim, endpoint, "us", works.clock())
    taken = PostResult(status=204)
    with seen_statements(works.database) as seen:
        works.change(settle, message, taken, "us", works.clock(), random=lambda: 0.5)
    updates = [words[1] for each in seen.first if (words := each.split())[0] == "UPDATE"]
    assert updates[:2] == ["webhook", "webhook_message"]


def test_what_is_removed_is_told_nothing_more(works: Works) -> None:
    endpoint = works.add()
    works.tell("a")
    works.change(remove, endpoint)
    works.tell("b")
    assert (works.post(), works.rows()) == ({}, [])


def test_both_secrets_sign_for_a_day_after_a_rotation(works: Works) -> None:
    endpoint = works.add()
    works.tell("a", "b", "c")
    works.change(rotate, endpoint, works.clock())
    works.clock.on(hours=23)
    works.receiver.say = lambda _: answer(500) if len(works.receiver.posts) > 1 else answer(204)
    works.post()
    works.receiver.say = lambda _: answer(204)
    works.clock.on(hours=2)
    works.post()
    signatures = [len(post.headers["webhook-signature"].split()) for post in works.receiver.posts]
    assert (signatures[0], signatures[-1]) == (2, 1)


def test_an_address_is_told_only_where_it_was_asked_for(works: Works) -> None:
    works.add("https://with.example/", addresses=True)
    works.add("https://without.example/")
    reader = works.change(store.add, parse("reader@example.com"), works.clock())
    works.tell("a", subscriber_id=reader)
    works.post()
    told = {post.url: post.told["data"] for post in works.receiver.posts}
    assert told["https://with.example/"] == {"subject": "a", "address": "reader@example.com"}
    assert told["https://without.example/"] == {"subject": "a"}


@pytest.mark.parametrize("what", ["erased", "moved"])
def test_no_address_is_told_of_who_was_erased_or_has_moved_since(works: Works, what: str) -> None:
    works.add(addresses=True)
    reader = works.change(store.add, parse("reader@example.com"), works.clock())
    works.tell("a", subscriber_id=reader)
    works.clock.on(hours=1)
    if what == "erased":
        works.change(store.delete_reader, reader)
    else:
        act, page = ConsentAct.MOVED, Evidence(channel="page")
        works.change(consent.record, reader, "weekly", act, page, works.clock())
    works.post()
    assert works.receiver.posts[0].told["data"] == {"subject": "a", "address": None}


def test_old_messages_are_deleted_and_waiting_ones_are_kept(works: Works) -> None:
    endpoint = works.add()
    works.tell("a")
    works.post()
    works.tell("b")
    works.clock.on(seconds=KEPT.total_seconds() + 1)
    assert prune(works.database, works.clock()) == 1
    assert works.states() == [WAITING]
    assert works.change(status, endpoint).waiting == 1


def test_a_test_message_is_signed_and_isn_t_queued(works: Works) -> None:
    endpoint = works.add()
    works.receiver.say = lambda _: answer(200)
    assert works.sending.test(endpoint).delivered
    (post,) = works.receiver.posts
    assert post.told["type"] == "webhook.test"
    assert (works.rows(), LEFT.value in post.body.decode()) == ([], False)
