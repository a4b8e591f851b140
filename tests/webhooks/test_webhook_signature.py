"""Signatures, checked by the published library of Standard Webhooks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from digest.webhooks import WebhookSigner

BODY = b'{"type":"webhook.test"}'
OLD, NEW = "an installation's old secret, long enough", "an installation's new secret, long enough"
FIRST, SECOND = "0" * 32, "1" * 32


@pytest.fixture
def real_now() -> datetime:
    return datetime.now(UTC)  # the library compares with the clock of the machine


def is_accepted(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def test_the_published_library_accepts_a_signature(real_now: datetime) -> None:
    signer = WebhookSigner([NEW])
    headers = signer.headers([FIRST], "msg_1_1", real_now, BODY)
    assert is_accepted(signer.secret(FIRST), BODY, headers)
    assert not is_accepted(signer.secret(SECOND), BODY, headers)
    assert not is_accepted(signer.secret(FIRST), BODY + b" ", headers)
    assert not is_accepted(signer.secret(FIRST), BODY, {**headers, "webhook-id": "msg_1_2"})


def test_an_old_post_is_refused_by_the_library(real_now: datetime) -> None:
    signer = WebhookSigner([NEW])
    headers = signer.headers([FIRST], "msg_1_1", real_now - timedelta(hours=1), BODY)
    assert not is_accepted(signer.secret(FIRST), BODY, headers)


def test_two_secrets_of_an_endpoint_are_both_accepted(real_now: datetime) -> None:
    signer = WebhookSigner([NEW])
    headers = signer.headers([SECOND, FIRST], "msg_1_1", real_now, BODY)
    assert [is_accepted(signer.secret(each), BODY, headers) for each in (FIRST, SECOND)] == [
        True,
        True,
    ]


def test_what_was_shown_under_an_old_secret_of_the_installation_stays_valid(
    real_now: datetime,
) -> None:
    headers = WebhookSigner([NEW, OLD]).headers([FIRST], "msg_1_1", real_now, BODY)
    assert is_accepted(WebhookSigner([OLD]).secret(FIRST), BODY, headers)
    gone = WebhookSigner([NEW]).headers([FIRST], "msg_1_1", real_now, BODY)
    assert not is_accepted(WebhookSigner([OLD]).secret(FIRST), BODY, gone)


def test_a_signer_shows_no_secret() -> None:
    assert NEW not in repr(WebhookSigner([NEW]))
