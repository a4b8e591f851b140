"""Webhooks: the provider's posts, from the first byte to the applied event."""

from __future__ import annotations

import gzip
import logging
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from sqlmodel import select

from digest.db import Database
from digest.delivery.events.dead_letters import count_dead_letters
from digest.delivery.events.event_consumer import SIGNED_LONG_AGO
from digest.delivery.models import DeadLetter, MailEvent
from digest.fake_sendgrid.events.signing import SIGNATURE, TIMESTAMP, Signer, new_key
from digest.web.provider_webhook import MAX_BODY, MOST_AT_ONCE, RejectedPosts, RejectionReason
from subscribers.models import Subscriber
from tests.web.hook import PATH, Answer, WebhookClient, eventually, open_webhook

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def events(webhook: WebhookClient) -> int:
    with webhook.app.database.read() as session:
        return len(session.exec(select(MailEvent)).all())


@pytest.fixture
def webhook(sqlite_database: Database, now: datetime, tmp_path: Path) -> Iterator[WebhookClient]:
    with open_webhook(sqlite_database, now, tmp_path / "spool") as opened:
        yield opened


@pytest.fixture
def each_hook(database: Database, now: datetime, tmp_path: Path) -> Iterator[WebhookClient]:
    """The same, on each kind of database there is."""
    with open_webhook(database, now, tmp_path / "spool") as opened:
        yield opened


def test_a_signed_post_is_applied_when_it_is_answered(each_hook: WebhookClient) -> None:
    assert each_hook.post_events(each_hook.event(), each_hook.event("bounce", 2)).status == 204
    assert each_hook.statuses() == ["delivered", "bounced", None]


def test_C01_a_post_repeated_46_times_counts_once(webhook: WebhookClient) -> None:
    for n in range(46):
        assert webhook.post_events(webhook.event(sg_event_id=f"id-{n}")).status == 204
    assert events(webhook) == 1


@pytest.mark.parametrize("path", [PATH, PATH + "/"])
def test_a_post_is_never_redirected(webhook: WebhookClient, path: str) -> None:
    body = orjson.dumps([webhook.event()])
    assert webhook.post(body, path=path).status == 204


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_only_posts_are_taken(webhook: WebhookClient, method: str) -> None:
    assert webhook.post(b"[]", method=method).status == 405


@pytest.mark.parametrize("body", [b"not json", b"{}", b"[1,2]", b"[NaN]", b"[]", b""])
def test_C05_a_poison_post_is_answered_2xx_so_that_it_is_not_repeated_for_a_day(
    webhook: WebhookClient, body: bytes
) -> None:
    assert webhook.post(body).status == 204
    assert webhook.statuses() == [None] * 3


def test_C05_a_poison_event_is_a_dead_letter_and_its_neighbours_are_applied(
    each_hook: WebhookClient,
) -> None:
    good = [orjson.dumps(each_hook.event(delivery=n)) for n in (1, 3)]
    bad = b'{"event":"open","email":"\\ud800","x":"\x00"}'
    assert each_hook.post(b"[" + b",\r\n".join([good[0], bad, good[1]]) + b"]\r\n").status == 204
    assert each_hook.statuses() == ["delivered", None, "delivered"]
    with each_hook.app.database.read() as session:
        assert count_dead_letters(session).ever == 1


def test_C06_a_body_over_the_cap_is_refused_while_it_comes(webhook: WebhookClient) -> None:
    chunks = [b"x" * 100_000] * 50
    answer = webhook.request(
        chunks, {SIGNATURE: "a", TIMESTAMP: "1", "Transfer-Encoding": "chunked"}
    )
    assert answer.status == 413
    assert answer.read <= MAX_BODY + 100_000


def test_C06_an_announced_size_over_the_cap_is_refused_unread(webhook: WebhookClient) -> None:
    answer = webhook.request([b"x"], {"Content-Length": str(MAX_BODY + 1)})
    assert (answer.status, answer.read) == (413, 0)


def test_C06_a_compressed_body_is_never_unpacked(webhook: WebhookClient) -> None:
    bomb = gzip.compress(b"[" + b" " * 10_000_000 + b"]")
    headers = {**webhook.signer.headers(b"[]", 1), "Content-Encoding": "gzip"}
    assert webhook.post(bomb, headers).status == 403


def test_C07_whatever_is_wrong_with_a_signature_the_answer_is_the_same(
    webhook: WebhookClient,
) -> None:
    body = orjson.dumps([webhook.event()])
    good = webhook.signer.headers(body, 5)
    stranger = Signer(new_key()).headers(body, 5)
    answers = [
        webhook.post(body, headers)
        for headers in (
            {},
            {**good, SIGNATURE: "!"},
            {**good, SIGNATURE: "YQ=="},
            {**good, SIGNATURE: "é"},
            {**good, TIMESTAMP: "6"},
            {**good, TIMESTAMP: ""},
            stranger,
        )
    ]
    answers.append(webhook.post(body + b" ", good))
    assert {(a.status, a.body, tuple(sorted(a.headers.items()))) for a in answers} == {
        (403, answers[0].body, tuple(sorted(answers[0].headers.items())))
    }
    assert webhook.statuses() == [None] * 3
    assert webhook.app.events.spool().files() == []
    counted = webhook.rejected.since_yesterday(webhook.app.clock())
    assert counted == {RejectionReason.UNSIGNED: len(answers)}


def test_C08_a_captured_post_repeated_days_later_changes_nothing_and_is_reported(
    webhook: WebhookClient,
) -> None:
    body = orjson.dumps([webhook.event()])
    captured = webhook.signer.headers(body, (webhook.now - timedelta(days=3)).timestamp())
    for _ in range(2):
        assert webhook.post(body, captured).status == 204
    assert events(webhook) == 1
    with webhook.app.database.read() as session:
        assert [q.why for q in session.exec(select(DeadLetter)).all()] == [SIGNED_LONG_AGO] * 2


def test_C11_a_key_is_replaced_without_a_restart(webhook: WebhookClient) -> None:
    old, new, body = webhook.signer, Signer(new_key()), b"[]"
    seen = []
    for known in ((old,), (old, new), (new,)):
        webhook.replace_keys(*known)
        seen.append([webhook.post(body, each.headers(body, 5)).status for each in (old, new)])
    assert seen == [[204, 403], [204, 204], [403, 204]]


def test_C11_keys_that_cannot_be_read_leave_the_known_ones_good(webhook: WebhookClient) -> None:
    path = webhook.app.settings.webhook_keys_file
    assert path is not None
    path.write_text("no key", encoding="ascii")
    assert webhook.post_events(webhook.event()).status == 204


@pytest.fixture
def locked(sqlite_database: Database) -> Iterator[sqlite3.Connection]:
    """The database, held by another process that writes."""
    other = sqlite3.connect(str(sqlite_database.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


def test_C10_events_are_taken_in_while_the_database_is_locked(
    webhook: WebhookClient, locked: sqlite3.Connection
) -> None:
    assert webhook.post_events(webhook.event("bounce")).status == 204
    assert webhook.statuses() == [None] * 3
    locked.execute("ROLLBACK")
    assert eventually(lambda: webhook.statuses()[0] == "bounced")


def test_C10_when_nothing_can_be_stored_the_provider_is_asked_to_come_again(
    webhook: WebhookClient, tmp_path: Path
) -> None:
    (tmp_path / "spool").touch()
    answer = webhook.post_events(webhook.event())
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")
    (tmp_path / "spool").unlink()
    assert webhook.post_events(webhook.event()).status == 204
    assert webhook.statuses()[0] == "delivered"


def test_C10_what_a_dead_process_took_in_is_applied_at_the_next_start(
    webhook: WebhookClient, tmp_path: Path
) -> None:
    spool = webhook.app.events.spool()
    spool.append(orjson.dumps([webhook.event()]), 1)
    [name] = spool.files()
    shutil.move(spool.folder / name, spool.folder / f"{name.split('+')[0]}+0+m+1+1.events")
    assert webhook.app.events.consumer().apply_all() == 1
    assert webhook.statuses()[0] == "delivered"


def test_C09_a_flood_is_answered_in_bounds_and_nothing_of_it_is_lost(
    webhook: WebhookClient,
) -> None:
    bodies = [
        orjson.dumps([webhook.event("deferred", timestamp=int(webhook.now.timestamp()) + n)] * 50)
        for n in range(120)
    ]

    def insist(body: bytes) -> Answer:
        answer = webhook.post(body)
        while answer.status == 503:  # as the provider does
            answer = webhook.post(body)
        return answer

    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        answers = list(pool.map(insist, bodies))
    assert {answer.status for answer in answers} == {204}
    assert eventually(lambda: events(webhook) == 120)


def test_C09_beyond_what_memory_is_set_aside_for_a_post_is_told_to_come_again(
    webhook: WebhookClient,
) -> None:
    assert webhook.post(b"[]").status == 204
    handler = webhook.site.routes[0].endpoint.__self__  # type: ignore[attr-defined]  # a method
    handler._under_way = MOST_AT_ONCE
    answer = webhook.post(b"[]")
    assert (answer.status, answer.read) == (503, 0)


def test_C14_a_complaint_is_a_suppression_by_the_time_it_is_answered(
    webhook: WebhookClient,
) -> None:
    webhook.post_events(webhook.event("spamreport", 2))
    with webhook.app.database.read() as session:
        assert session.get_one(Subscriber, 2).suppressed == "complaint"


def test_the_spool_is_empty_once_all_is_applied(webhook: WebhookClient) -> None:
    webhook.post_events(webhook.event())
    assert eventually(lambda: webhook.app.events.spool().files() == [])


def test_posts_are_counted_by_reason() -> None:
    rejected = RejectedPosts()
    for reason in (RejectionReason.UNSIGNED, RejectionReason.BUSY, RejectionReason.UNSIGNED):
        rejected.note(reason, NOON)
    assert rejected.since_yesterday(NOON) == {RejectionReason.UNSIGNED: 2, RejectionReason.BUSY: 1}
    assert sum(rejected.total.values()) == 3


def test_the_day_before_counts_and_the_one_before_that_does_not() -> None:
    rejected = RejectedPosts()
    rejected.note(RejectionReason.UNSIGNED, NOON)
    assert rejected.since_yesterday(NOON + timedelta(days=1)) == {RejectionReason.UNSIGNED: 1}
    assert rejected.since_yesterday(NOON + timedelta(days=2)) == {}


def test_of_many_days_only_two_are_kept_and_all_are_in_the_total() -> None:
    rejected = RejectedPosts()
    for day in range(30):
        rejected.note(RejectionReason.UNSIGNED, NOON + timedelta(days=day))
    assert rejected.since_yesterday(NOON + timedelta(days=29)) == {RejectionReason.UNSIGNED: 2}
    assert rejected.since_yesterday(NOON) == {}
    assert rejected.total[RejectionReason.UNSIGNED] == 30


def test_a_flood_is_a_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    rejected = RejectedPosts()
    with caplog.at_level(logging.WARNING):
        for second in range(90):
            rejected.note(RejectionReason.UNSIGNED, NOON + timedelta(seconds=second))
    lines = [record.getMessage() for record in caplog.records]
    assert [line.partition(" post")[0] for line in lines] == [
        "webhook: rejected 1",
        "webhook: rejected 60",
    ]
    assert "DIGEST_WEBHOOK_KEYS" in lines[0]


def test_a_rejected_post_leaves_no_address_and_no_body_in_the_log(
    webhook: WebhookClient, caplog: pytest.LogCaptureFixture
) -> None:
    body = orjson.dumps([webhook.event(email="reader@example.org")])
    with caplog.at_level(logging.DEBUG):
        assert webhook.post(body, {SIGNATURE: "YQ==", TIMESTAMP: "5"}).status == 403
    assert "rejected 1 post" in caplog.text
    assert [part for part in ("reader", "@", "digest_attempt", "YQ==") if part in caplog.text] == []
