"""Mail Send over real sockets, with the provider's own client and without."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import orjson
import pytest
from python_http_client.exceptions import BadRequestsError
from sendgrid import SendGridAPIClient

from digest.fake_sendgrid import RunningFake, running_fake
from tests.fake_sendgrid.bodies import make_body

JSON = {"Content-Type": "application/json", "Authorization": "Bearer k"}


def first_error(body: bytes) -> dict[str, Any]:
    error: dict[str, Any] = orjson.loads(body)["errors"][0]
    return error


def test_an_accepted_request_is_answered_202_with_an_id_and_an_empty_body(
    fake: RunningFake,
) -> None:
    answer = fake.send(make_body(readers=2))
    assert (answer.status, answer.body) == (202, b"")
    assert len(answer.headers["X-Message-Id"]) == 22


def test_the_providers_own_client_can_send(fake: RunningFake) -> None:
    client = SendGridAPIClient("some-key", host=fake.url)
    client.client.timeout = 10
    assert client.send(make_body(readers=3)).status_code == 202
    assert fake.counts()["messages"] == 3


def test_the_providers_own_client_reads_the_refusal(fake: RunningFake) -> None:
    client = SendGridAPIClient("some-key", host=fake.url)
    client.client.timeout = 10
    with pytest.raises(BadRequestsError) as refusal:
        client.send(make_body("a@example.org", "nobody"))
    assert first_error(refusal.value.body)["field"] == "personalizations.1.to.0.email"


def test_one_bad_recipient_leaves_nothing_in_the_ledger(fake: RunningFake) -> None:
    assert fake.send(make_body("a@example.org", "nobody", "b@example.org")).status == 400
    assert fake.counts() == {
        "requests": 0, "messages": 0, "addresses": 0, "duplicates": 0, "doubled": [],
    }  # fmt: skip


def test_the_ledger_keeps_each_mail_with_its_own_parts(fake: RunningFake) -> None:
    message_id = fake.send(make_body("a@example.org", "b@example.org")).headers["X-Message-Id"]
    first, second = fake.messages(issue="issue-1")
    assert (first["address"], second["address"]) == ("a@example.org", "b@example.org")
    assert second["message_id"] == message_id
    assert second["headers"] == {"List-Unsubscribe": "<https://example.org/u/1>"}
    assert second["custom_args"] == {
        "digest_issue": "issue-1",
        "digest_batch": "b1",
        "digest_attempt": "a1",
        "digest_delivery": "d1",
    }


@pytest.mark.parametrize(
    "filters",
    [{"address": "B@example.org"}, {"delivery": "d1"}, {"after": 1, "batch": "b1"}],
)
def test_mails_are_found_by(fake: RunningFake, filters: dict[str, Any]) -> None:
    fake.send(make_body("a@example.org", "b@example.org"))
    assert [mail["address"] for mail in fake.messages(**filters)] == ["b@example.org"]


def test_tags_are_replaced_in_subject_and_content_and_nowhere_else(fake: RunningFake) -> None:
    body = make_body(subject="For -leave_token-", headers={"X-Tag": "-leave_token-"})
    fake.send({**body, "custom_args": {"tag": "-leave_token-"}})
    mail = fake.message(1)
    assert mail["subject"] == "For token0"
    assert 'href="https://example.org/u/token0"' in mail["html"]
    assert mail["text"].endswith("/u/token0")
    assert mail["headers"]["X-Tag"] == "-leave_token-"
    assert mail["custom_args"]["tag"] == "-leave_token-"


def test_a_second_copy_of_an_issue_is_counted(fake: RunningFake) -> None:
    fake.send(make_body("a@example.org", "b@example.org"))
    fake.send(make_body("A@example.org", subject="Changed"))
    counts = fake.counts()
    assert (counts["messages"], counts["addresses"], counts["duplicates"]) == (3, 2, 1)
    assert counts["doubled"][0]["address"] == "a@example.org"


def test_without_an_issue_the_content_tells_copies_apart(fake: RunningFake) -> None:
    for subject in ("One", "Two", "Two"):
        fake.send(make_body("a@example.org", subject=subject, custom_args=None))
    assert fake.counts()["duplicates"] == 1


def test_counts_may_be_asked_for_one_issue(fake: RunningFake) -> None:
    fake.send(make_body(readers=2))
    fake.send(make_body(readers=3, custom_args={"digest_issue": "issue-2"}))
    assert fake.counts("issue-2")["messages"] == 3


def test_a_sandbox_request_is_judged_but_not_recorded(fake: RunningFake) -> None:
    sandbox = {"sandbox_mode": {"enable": True}}
    assert fake.send(make_body(mail_settings=sandbox)).status == 200
    assert fake.send(make_body("nobody", mail_settings=sandbox)).status == 400
    assert fake.counts()["requests"] == 0


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/v3/mail/send", {"Content-Type": "application/json"}, 401),
        ("POST", "/v3/mail/send", JSON | {"Authorization": "Bearer None"}, 401),
        ("GET", "/v3/mail/send", JSON, 405),
        ("POST", "/v3/mail/sent", JSON, 404),
        ("POST", "/v3/mail/send", JSON | {"Content-Type": "text/plain"}, 415),
        ("POST", "/v3/mail/send", JSON | {"Content-Encoding": "gzip"}, 415),
        ("POST", "/v3/mail/send", JSON | {"Accept": "text/html"}, 406),
        ("POST", "/v3/mail/send", JSON, 400),
        ("POST", "/v3/mail/batch", JSON, 201),
    ],
)
def test_other_requests_are_answered_as_documented(
    shared_fake: RunningFake, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = shared_fake.ask(method, path, b"{", headers)
    assert answer.status == status
    assert status == 201 or first_error(answer.body)["message"]


def test_a_given_key_is_the_only_one_that_opens(tmp_path: Path) -> None:
    with running_fake(tmp_path, key="right", unscoped_key="reads-only") as fake:
        answers = [fake.send(make_body(), key=key) for key in ("right", "wrong", "reads-only")]
    assert [answer.status for answer in answers] == [202, 401, 403]


@pytest.mark.parametrize(
    ("sender", "status"),
    [("news@example.org", 202), ("example.org", 202), ("other@example.org", 403)],
)
def test_only_the_verified_sender_may_send(tmp_path: Path, sender: str, status: int) -> None:
    with running_fake(tmp_path, sender=sender) as fake:
        assert fake.send(make_body()).status == status


def test_a_body_over_the_cap_is_answered_413_before_it_is_read(tmp_path: Path) -> None:
    with running_fake(tmp_path, body_cap=1000) as fake:
        assert fake.send(b" " * 2_000_000).status == 413
        assert fake.counts()["requests"] == 0


def test_more_requests_a_second_than_allowed_are_answered_429(tmp_path: Path) -> None:
    with running_fake(tmp_path, rate_limit=1) as fake:
        answers = [fake.send(make_body(f"r{n}@example.org")) for n in range(20)]
        refused = [answer for answer in answers if answer.status == 429]
        assert refused[0].headers["X-RateLimit-Remaining"] == "0"
        assert int(refused[0].headers["X-RateLimit-Reset"]) > 1_700_000_000
        assert fake.counts()["requests"] == 20 - len(refused)


def test_what_was_accepted_survives_the_process(tmp_path: Path) -> None:
    with running_fake(tmp_path) as fake:
        fake.send(make_body(readers=5))
        os.kill(fake.pid, signal.SIGKILL)
        fake.process.wait(10)
    with running_fake(tmp_path) as fake:
        assert fake.counts()["messages"] == 5
        fake.reset()
        assert fake.counts()["messages"] == 0


def test_it_ends_cleanly_when_asked_to(tmp_path: Path) -> None:
    with running_fake(tmp_path) as fake:
        fake.send(make_body())
    assert fake.process.returncode == 0


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    other.write_bytes(b"not a ledger at all")
    with (
        pytest.raises(Exception, match="didn't start"),
        running_fake(tmp_path, ledger=str(other)),
    ):
        pass
    assert other.read_bytes() == b"not a ledger at all"
