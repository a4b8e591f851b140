"""Providers: the contract that each record keeps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from digest.errors import BadSetting, BadSignature
from digest.fake_sendgrid import RunningFake, running_fake
from digest.mail.mailing import MAX_RECIPIENTS
from digest.mail.provider import Provider
from digest.mail.provider_events import EventKind
from digest.mail.sendgrid import sendgrid_provider
from digest.mail.transport import Accepted, Halted, NotSent
from digest.settings import TransportKind
from tests.fake_sendgrid.webhook_receiver import Webhook
from tests.mail.test_transports import ATTEMPT, NOWHERE, a_mailing

Post = tuple[bytes, Mapping[str, str]]


class ProviderContract:
    """What the engine counts on, whichever provider it has.

    A subclass gives the fixtures: `provider` with access; `keyless`, without; and `unreachable`.
    """

    def test_the_settings_know_its_name(self, provider: Provider) -> None:
        assert provider.name in set(TransportKind)

    def test_its_transport_and_its_suppressions_show_no_key(self, provider: Provider) -> None:
        shown = f"{provider!r} {provider.transport()!r} {provider.suppressions()!r}"
        assert "a-key" not in shown

    def test_without_a_key_it_says_what_to_set(self, keyless: Provider) -> None:
        with pytest.raises(BadSetting, match="DIGEST_") as caught:
            keyless.transport()
        assert "DIGEST_" in (caught.value.next_step or "")
        assert keyless.suppressions() is None

    def test_an_address_on_no_list_is_as_good_as_removed(self, provider: Provider) -> None:
        suppressions = provider.suppressions()
        assert suppressions is not None
        assert suppressions.remove("nobody@example.org")

    def test_the_body_it_shows_is_what_it_sends(self, provider: Provider) -> None:
        mailing = a_mailing("one@example.org")
        shown = orjson.dumps(provider.request_body(mailing))
        assert shown == provider.transport().prepare(mailing).payload

    def test_a_request_has_a_size_and_an_end(self, provider: Provider) -> None:
        assert 1 <= provider.usual_recipients <= MAX_RECIPIENTS
        assert 0 < provider.seconds <= 900

    @pytest.mark.parametrize("body", [b"", b"\xff", b"{}", b"[7]", b"[" * 10_000])
    def test_what_is_no_event_is_counted_and_raises_nothing(
        self, provider: Provider, body: bytes
    ) -> None:
        parsed = provider.parse(body)
        assert (list(parsed.events), parsed.unread) == ([], 1)

    def test_a_dry_run_is_accepted_where_a_mail_would_be(self, provider: Provider) -> None:
        assert isinstance(provider.dry_run(a_mailing("one@example.org")), Accepted)

    def test_a_dry_run_without_a_connection_is_not_sent(self, unreachable: Provider) -> None:
        assert isinstance(unreachable.dry_run(a_mailing("one@example.org")), NotSent)

    def test_its_records_are_of_the_senders_domain_and_unchecked(self, provider: Provider) -> None:
        records = provider.sender_records("mill-lane.eu")
        assert {record.what for record in records} <= {"SPF", "DKIM"}
        assert all(f".{record.name}".endswith(".mill-lane.eu") for record in records)
        assert {record.fine for record in records} == {None}


class WebhookContract(ProviderContract):
    """What the engine counts on of a provider with a webhook, and with lists of its own.

    A subclass gives two more fixtures: `post`, body and headers of the provider's events about two
    delivered mails of `a_mailing`; and `public_key`, which verifies it.
    """

    def test_a_list_that_cannot_be_reached_is_asked_again(self, unreachable: Provider) -> None:
        suppressions = unreachable.suppressions()
        assert suppressions is not None
        assert not suppressions.remove("nobody@example.org")

    def test_a_signed_post_is_verified_with_its_moment(
        self, provider: Provider, post: Post, public_key: str
    ) -> None:
        assert provider.verifier([public_key]).verify(*post) > 0

    def test_a_changed_or_unsigned_post_is_refused(
        self, provider: Provider, post: Post, public_key: str
    ) -> None:
        body, headers = post
        verifier = provider.verifier([public_key])
        for forged in ((body + b" ", headers), (body, {})):
            with pytest.raises(BadSignature):
                verifier.verify(*forged)

    def test_a_key_that_is_none_is_refused(self, provider: Provider) -> None:
        with pytest.raises(BadSetting, match="DIGEST_WEBHOOK_KEYS"):
            provider.verifier(["no key"])

    def test_an_event_carries_our_ids_back(self, provider: Provider, post: Post) -> None:
        events = provider.parse(post[0]).events
        delivered = [event for event in events if event.kind is EventKind.DELIVERED]
        assert {event.delivery for event in delivered} == {"1", "2"}
        assert {event.attempt for event in delivered} == {ATTEMPT}


class TestSendGridProvider(WebhookContract):
    @pytest.fixture
    def provider(self, fake: RunningFake) -> Provider:
        return sendgrid_provider(api_key="a-key", url=fake.url, seconds=30)

    @pytest.fixture
    def keyless(self) -> Provider:
        return sendgrid_provider(api_key=None, url=NOWHERE, seconds=5)

    @pytest.fixture
    def unreachable(self) -> Provider:
        return sendgrid_provider(api_key="a-key", url=NOWHERE, seconds=5)

    @pytest.fixture
    def public_key(self, fake: RunningFake) -> str:
        return fake.webhook_key

    @pytest.fixture
    def post(self, fake: RunningFake, provider: Provider, webhook: Webhook) -> Post:
        transport = provider.transport()
        transport.hand_over(transport.prepare(a_mailing("one@example.org", "two@example.org")))
        fake.flush_events(to=webhook.url)
        [body], [headers] = webhook.bodies, webhook.headers
        return body, headers

    def test_a_dry_run_sends_nothing(self, fake: RunningFake, provider: Provider) -> None:
        provider.dry_run(a_mailing("one@example.org"))
        assert fake.counts()["messages"] == 0


def test_a_dry_run_tells_a_wrong_key_from_a_missing_right_and_an_unknown_sender(
    tmp_path: Path,
) -> None:
    with running_fake(
        tmp_path, key="the-key", unscoped_key="a-reader", sender="verified.example"
    ) as fake:
        answers = [
            sendgrid_provider(api_key=key, url=fake.url, seconds=30).dry_run(a_mailing("one@a.org"))
            for key in ("wrong", "a-reader", "the-key")
        ]
    assert {type(answer) for answer in answers} == {Halted}
    wrong, unscoped, unverified = [answer.detail for answer in answers]
    assert "doesn't accept the API key" in wrong
    assert "lacks the right Mail Send" in unscoped
    assert "sender isn't verified" in unverified
