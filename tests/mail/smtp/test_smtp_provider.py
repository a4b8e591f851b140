"""SMTP's record: the provider contract, the look at a relay, and DKIM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from email import message_from_bytes, policy
from typing import Any

import dkim
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from digest.doctor.dns_checks import look_up
from digest.errors import BadSetting, BadSignature
from digest.mail.mailing import Mailbox
from digest.mail.provider import Provider
from digest.mail.smtp import RelayAddress, RelaySecurity, smtp_provider
from digest.mail.transport import Accepted, Halted
from tests.mail.smtp.relay import PATHS, RunningRelay, a_provider
from tests.mail.test_providers import ProviderContract
from tests.mail.test_transports import a_mailing

NOWHERE = RelayAddress(host="127.0.0.1", port=9, security=RelaySecurity.NONE)
SENDER = Mailbox("verdicts@example.com", "Weekly")


def a_key(key: Any) -> str:
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode("ascii")


KEY = a_key(rsa.generate_private_key(65537, 2048))


def signing(relay: RelayAddress, **dkim: str) -> Provider:
    settings = {"dkim_selector": "s1", "dkim_key": KEY, **dkim}
    return smtp_provider(relay=relay, seconds=30, return_paths=lambda: PATHS, **settings)


class TestSMTPProvider(ProviderContract):
    @pytest.fixture
    def provider(self, relay: RunningRelay) -> Provider:
        return a_provider(relay.address(), bounce_address="")

    @pytest.fixture
    def keyless(self) -> Provider:
        return a_provider(replace(NOWHERE, host=""))

    @pytest.fixture
    def unreachable(self) -> Provider:
        return a_provider(NOWHERE, seconds=5)

    def test_a_dry_run_sends_nothing(self, relay: RunningRelay, provider: Provider) -> None:
        assert isinstance(provider.dry_run(a_mailing("one@example.org")), Accepted)
        assert relay.taken == []

    def test_nobody_posts_events(self, provider: Provider) -> None:
        with pytest.raises(BadSignature):
            provider.verifier([]).verify(b"[]", {})

    def test_the_request_shows_the_headers_of_each_mail(self, provider: Provider) -> None:
        shown = provider.request_body(a_mailing("one@example.org"))
        head = [*shown["head"], *shown["mails"][0]["head"]]
        names = {line.partition(":")[0] for line in head if not line.startswith(" ")}
        assert {"From", "Subject", "List-Id", "List-Unsubscribe", "Message-ID", "To"} <= names


def test_the_look_at_a_relay_tells_what_it_is(relay: RunningRelay) -> None:
    findings = list(relay.provider().inspect(SENDER))
    assert [each.fine for each in findings] == [True, True, True, None]
    assert "answers, not encrypted, without a login" in findings[0].says
    assert "offers no DSN" in findings[1].says
    assert "takes mail from verdicts@example.com" in findings[2].says
    assert findings[3].about == "DKIM"
    assert relay.taken == []


def test_the_look_at_a_relay_that_takes_no_mail_from_us_says_why(relay: RunningRelay) -> None:
    relay.orders(mail="550 5.7.1 not from here")
    findings = list(relay.provider().inspect(SENDER))
    assert findings[2].fine is False
    assert "550 5.7.1 not from here" in findings[2].says


def test_the_look_at_a_relay_that_is_away_says_what_to_check() -> None:
    [finding] = a_provider(NOWHERE).inspect(SENDER)
    assert finding.fine is None
    assert "DIGEST_SMTP_HOST" in finding.next_step


def test_a_signed_mail_verifies_by_the_published_key(relay: RunningRelay) -> None:
    provider = signing(relay.address())
    transport = provider.transport()
    transport.hand_over(transport.prepare(a_mailing("one@example.org")))
    [mail] = relay.taken
    [record] = [each for each in provider.sender_records("example.com") if each.what == "DKIM"]
    published = {f"{record.name}.": record.value.encode("ascii")}

    def verifies(raw: bytes) -> bool:
        return bool(dkim.verify(raw, dnsfunc=lambda name, **_: published.get(name.decode("ascii"))))

    assert verifies(mail.raw)
    assert not verifies(mail.raw.replace(b"Tidepool", b"Tidepond"))
    assert not verifies(b"Subject: another\r\n" + mail.raw)
    head = message_from_bytes(mail.raw, policy=policy.default)["DKIM-Signature"].lower()
    assert "c=relaxed/relaxed" in head
    assert {"list-unsubscribe", "list-unsubscribe-post"} <= {
        name.strip() for name in head.partition("h=")[2].partition(";")[0].split(":")
    }


@pytest.mark.parametrize(
    ("dkim", "says"),
    [
        ({"dkim_key": ""}, "DIGEST_DKIM_KEY is missing"),
        ({"dkim_selector": ""}, "DIGEST_DKIM_SELECTOR is missing"),
        ({"dkim_key": "no key"}, "holds no private key"),
        ({"dkim_key": a_key(ec.generate_private_key(ec.SECP256R1()))}, "must hold an RSA key"),
    ],
)
def test_a_key_that_signs_nothing_is_refused_before_anything_is_sent(
    dkim: dict[str, str], says: str
) -> None:
    with pytest.raises(BadSetting, match=says) as caught:
        signing(NOWHERE, **dkim).transport()
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("published", "fine"),
    [
        ({}, {"SPF": False, "DKIM": False}),
        ({"example.com": "v=spf1 mx -all"}, {"SPF": True, "DKIM": False}),
        ({"s1._domainkey.example.com": "v=DKIM1; p=AAAA"}, {"SPF": False, "DKIM": False}),
    ],
)
def test_the_doctor_compares_what_is_published_with_the_key(
    published: Mapping[str, str], fine: Mapping[str, bool]
) -> None:
    def found(records: Mapping[str, str]) -> dict[str, bool | None]:
        looked = look_up(
            signing(NOWHERE),
            "example.com",
            lambda name, _: [records[name]] if name in records else [],
        )
        return {each.what: each.fine for each in looked if each.what != "DMARC"}

    assert found(published) == fine
    [record] = [
        each for each in signing(NOWHERE).sender_records("example.com") if each.what == "DKIM"
    ]
    ours = {record.name: record.value.replace("p=", "p= ")}
    assert found({**published, **ours}) == {**fine, "DKIM": True}


def test_a_relay_that_refuses_the_login_is_a_finding(relay: RunningRelay) -> None:
    provider = a_provider(replace(relay.address(), user="ann", password="secret"))
    assert isinstance(provider.dry_run(a_mailing("one@example.org")), Halted)
    [finding] = provider.inspect(SENDER)
    assert finding.fine is False
    assert "refuses the login: 535" in finding.says
    assert "secret" not in orjson.dumps(finding.says).decode()
