"""Events of the fake: their JSON and their order, posted to a listening webhook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sendgrid.helpers.eventwebhook import EventWebhook, EventWebhookHeader

from digest.errors import DigestError
from digest.fake_sendgrid import RunningFake, running_fake
from tests.fake_sendgrid.bodies import make_body
from tests.fake_sendgrid.webhook_receiver import Webhook


def heard(fake: RunningFake, webhook: Webhook, *addresses: str) -> Webhook:
    """Send to these addresses and flush the events."""
    fake.send(make_body(*addresses))
    fake.flush_events(to=webhook.url)
    return webhook


def test_a_mail_is_processed_and_then_delivered(fake: RunningFake, webhook: Webhook) -> None:
    heard(fake, webhook, "a@example.org", "b@example.org")
    assert [(event["event"], event["email"]) for event in webhook.events] == [
        ("processed", "a@example.org"),
        ("processed", "b@example.org"),
        ("delivered", "a@example.org"),
        ("delivered", "b@example.org"),
    ]


@pytest.mark.parametrize(
    ("address", "kinds"),
    [
        ("dropped@example.org", ["dropped"]),
        ("bounce@example.org", ["processed", "bounce"]),
        ("blocked@example.org", ["processed", "bounce"]),
        ("deferred@example.org", ["processed", "deferred", "delivered"]),
        ("open@example.org", ["processed", "delivered", "open"]),
        ("click@example.org", ["processed", "delivered", "open", "click"]),
        ("spamreport@example.org", ["processed", "delivered", "spamreport"]),
        ("unsubscribe@example.org", ["processed", "delivered", "unsubscribe"]),
        ("late-bounce@example.org", ["processed", "delivered", "bounce"]),
    ],
)
def test_what_is_heard_of(
    fake: RunningFake, webhook: Webhook, address: str, kinds: list[str]
) -> None:
    assert heard(fake, webhook, address).kinds(address) == kinds


def test_every_post_is_signed_over_its_raw_body(fake: RunningFake, webhook: Webhook) -> None:
    fake.send(make_body(readers=3))
    fake.flush_events(to=webhook.url)
    verifier = EventWebhook(fake.webhook_key)
    (body,), (headers,) = webhook.bodies, webhook.headers
    assert body.endswith(b"}]\r\n")
    assert b"},\r\n{" in body
    assert verifier.verify_signature(
        body.decode(), headers[EventWebhookHeader.SIGNATURE], headers[EventWebhookHeader.TIMESTAMP]
    )


def test_custom_arguments_come_back_flat(fake: RunningFake, webhook: Webhook) -> None:
    event = heard(fake, webhook, "a@example.org").events[0]
    names = ("digest_issue", "digest_batch", "digest_attempt", "digest_delivery")
    assert [event[name] for name in names] == ["issue-1", "b1", "a1", "d0"]


def test_the_providers_own_fields_win_over_arguments(fake: RunningFake, webhook: Webhook) -> None:
    fake.send(make_body("a@example.org", custom_args={"event": "mine", "email": "me"}))
    fake.flush_events(to=webhook.url)
    assert webhook.kinds("a@example.org") == ["processed", "delivered"]


def test_event_ids_are_all_different(fake: RunningFake, webhook: Webhook) -> None:
    ids = [e["sg_event_id"] for e in heard(fake, webhook, "click1@a.org", "click2@a.org").events]
    assert len(set(ids)) == len(ids) == 8
    assert all(len(id_) <= 100 for id_ in ids)


def test_message_ids_begin_with_the_id_of_the_request(fake: RunningFake, webhook: Webhook) -> None:
    message_id = fake.send(make_body()).headers["X-Message-Id"]
    fake.flush_events(to=webhook.url)
    assert webhook.events[0]["sg_message_id"].startswith(f"{message_id}.")


def test_a_click_carries_the_readers_own_link(fake: RunningFake, webhook: Webhook) -> None:
    heard(fake, webhook, "click@example.org")
    assert webhook.events[-1]["url"] == "https://example.org/u/token0"


def test_without_tracking_nobody_is_seen_to_read(fake: RunningFake, webhook: Webhook) -> None:
    off = {f"{name}_tracking": {"enable": False} for name in ("open", "click", "subscription")}
    fake.send(make_body(readers=20, tracking_settings=off))
    fake.flush_events(to=webhook.url, shares={"all": 0, "open": 1, "click": 1, "unsubscribe": 1})
    assert {event["event"] for event in webhook.events} == {"processed", "delivered"}


def test_a_bounce_that_comes_back_by_mail_has_no_ids(fake: RunningFake, webhook: Webhook) -> None:
    bounce = heard(fake, webhook, "late-bounce@example.org").events[-1]
    assert (bounce["event"], bounce["type"]) == ("bounce", "bounce")
    assert not {"sg_message_id", "smtp-id", "ip", "digest_delivery"} & bounce.keys()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("bounce@example.org", "Bounced Address"),
        ("spamreport@example.org", "Spam Reporting Address"),
        ("unsubscribe@example.org", "Unsubscribed Address"),
    ],
)
def test_the_next_mail_to_a_lost_address_is_dropped(
    fake: RunningFake, webhook: Webhook, address: str, reason: str
) -> None:
    heard(fake, webhook, address)
    heard(fake, webhook, address)
    assert webhook.events[-1]["event"] == "dropped"
    assert webhook.events[-1]["reason"] == reason


def test_an_address_is_mailed_again_once_its_suppression_is_lifted(
    fake: RunningFake, webhook: Webhook
) -> None:
    heard(fake, webhook, "spamreport@example.org")
    key = {"Authorization": "Bearer k"}
    listed = fake.ask("GET", "/v3/suppression/spam_reports", headers=key)
    assert json.loads(listed.body)[0]["email"] == "spamreport@example.org"
    path = "/v3/suppression/spam_reports/spamreport@example.org"
    assert fake.ask("DELETE", path, headers=key).status == 204
    heard(fake, webhook, "spamreport@example.org")
    assert [event["event"] for event in webhook.events].count("delivered") == 2


def test_a_blocked_address_is_tried_again(fake: RunningFake, webhook: Webhook) -> None:
    heard(fake, webhook, "blocked@example.org")
    heard(fake, webhook, "blocked@example.org")
    assert webhook.events[-1]["type"] == "blocked"


def test_events_of_one_mail_are_posted_once(fake: RunningFake, webhook: Webhook) -> None:
    heard(fake, webhook, "a@example.org")
    assert fake.flush_events(to=webhook.url)["posts"] == 0
    assert len(webhook.events) == 2


def test_a_post_that_is_refused_is_tried_again(fake: RunningFake, webhook: Webhook) -> None:
    webhook.answers = [503, 301, 400]
    fake.send(make_body())
    tries = [fake.flush_events(to=webhook.url) for _ in range(4)]
    assert [report["posts"] for report in tries] == [0, 0, 0, 1]
    assert len(set(webhook.bodies)) == 1


def test_a_post_is_given_up_in_the_end(tmp_path: Path, webhook: Webhook) -> None:
    webhook.answers = [500] * 10
    with running_fake(tmp_path, events_to=webhook.url, hold_events=True, tries=3) as fake:
        fake.send(make_body())
        tries = [fake.flush_events() for _ in range(5)]
    assert [report["given_up"] for report in tries] == [0, 0, 1, 0, 0]
    assert len(webhook.bodies) == 3


def test_what_was_not_taken_is_posted_after_a_restart(tmp_path: Path, webhook: Webhook) -> None:
    webhook.answers = [500]
    choices = {"events_to": webhook.url, "hold_events": True, "shares": {"all": 0.0}}
    with running_fake(tmp_path, **choices) as fake:
        heard(fake, webhook, "a@example.org")
    with running_fake(tmp_path, **choices) as fake:
        assert fake.flush_events()["events"] == 2


def test_events_follow_by_themselves_unless_held(tmp_path: Path, webhook: Webhook) -> None:
    with running_fake(tmp_path, events_to=webhook.url, shares={"all": 0.0}) as fake:
        fake.send(make_body())
        assert webhook.arrived.wait(10)


def test_an_event_may_be_made_up(fake: RunningFake, webhook: Webhook) -> None:
    fake.send(make_body("a@example.org", "b@example.org"))
    fake.emit("spamreport", to=webhook.url, address="b@example.org", fields={"timestamp": 7})
    (event,) = json.loads(webhook.bodies[0])
    assert (event["event"], event["digest_delivery"], event["timestamp"]) == ("spamreport", "d1", 7)


def test_a_raw_body_is_signed_and_posted_as_it_is(fake: RunningFake, webhook: Webhook) -> None:
    fake.flush_events(to=webhook.url, raw="no JSON")
    assert webhook.bodies == [b"no JSON"]
    assert EventWebhookHeader.SIGNATURE in webhook.headers[0]


@pytest.mark.parametrize(
    "wishes",
    [
        {"to": "http://elsewhere.example/events"},
        {"to": "https://127.0.0.1/"},
        {"emit": [{"event": "bounce", "address": "nobody@example.org"}]},
        {"emit": [{"event": "exploded"}]},
        {"emit": [7]},
        {"shares": {"bounces": 1}},
        {"unknown": 1},
        {},
    ],
)
def test_wishes_that_can_not_be_met_are_answered_in_words(
    fake: RunningFake, wishes: dict[str, Any]
) -> None:
    with pytest.raises(DigestError, match="answered 400"):
        fake.flush_events(**wishes)


def test_the_page_of_a_mail_tells_its_events(fake: RunningFake) -> None:
    fake.send(make_body("bounce@example.org"))
    assert "<td>bounce</td>" in fake.ask("GET", "/mails/1").body.decode()
