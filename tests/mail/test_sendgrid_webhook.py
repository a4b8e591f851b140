"""The SendGrid webhook: the signature of a post, and the events it holds."""

from __future__ import annotations

from base64 import b64encode
from itertools import product

import orjson
import pytest

from digest.errors import BadSetting, BadSignature
from digest.fake_sendgrid.events.signing import SIGNATURE, TIMESTAMP, Signer, new_key
from digest.mail.provider_events import EventKind, is_machine
from digest.mail.sendgrid.webhook import MAX_DESCRIBED, Verifier, parse

GOOD = b'{"event":"delivered","timestamp":1795510800,"digest_delivery":"7","digest_attempt":"a"}'
POISON = [
    b"7",
    b'"text"',
    b"null",
    b"[]",
    b"{}",
    b'{"event":"open"}',
    b'{"event":["open"],"timestamp":1795510800}',
    b'{"event":"open","timestamp":true}',
    b'{"event":"open","timestamp":null}',
    b'{"event":"open","timestamp":-5}',
    b'{"event":"open","timestamp":1' + b"0" * 400 + b"}",
    b'{"event":"open","timestamp":1e400}',
    b'{"event":"open","timestamp":"soon"}',
    b'{"event":"open","timestamp":NaN}',
    b'{"event":"open","timestamp":1795510800,"email":"\\ud800"}',
    b'{"event":"open","timestamp":1795510800,"email":"\xff"}',
    b"[" * 10_000 + b"]" * 10_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
]


@pytest.mark.parametrize(("poison", "frame"), list(product(POISON, [b",", b",\r\n"])))
def test_C05_a_poison_event_is_set_aside_and_its_neighbours_read(
    poison: bytes, frame: bytes
) -> None:
    parsed = parse(b"[" + frame.join([GOOD, poison, GOOD]) + b"]\r\n")
    assert [event.delivery for event in parsed.events] == ["7", "7"]
    assert parsed.unread == len(parsed.unreadable) == 1


@pytest.mark.parametrize("body", [b"", b"{}", b"not json", b"7", b"\xff", b'{"event":"open"}'])
def test_C05_what_is_no_array_is_set_aside_whole(body: bytes) -> None:
    parsed = parse(body)
    assert (len(parsed.events), parsed.unread) == (0, 1)


def test_C05_of_a_post_that_was_cut_off_the_whole_events_are_read() -> None:
    parsed = parse(b"[" + b",\r\n".join([GOOD, GOOD, GOOD[:40]]))
    assert (len(parsed.events), parsed.unread) == (2, 1)


def test_C05_an_event_spread_over_lines_is_read_beside_a_poison_one() -> None:
    spread = b'{\r\n"event":"open",\r\n"timestamp":1795510800,\r\n"digest_delivery":"8"}'
    parsed = parse(b"[" + b",\r\n".join([GOOD, spread, b"NaN"]) + b"]")
    assert [event.delivery for event in parsed.events] == ["7", "8"]


def test_C05_texts_are_freed_of_what_a_database_refuses() -> None:
    event = {
        "event": "deferred", "timestamp": "1795510800", "response": "a\x00b",
        "email": "x\x00@e.org", "digest_delivery": 7, "digest_attempt": None,
    }  # fmt: skip
    [parsed] = parse(orjson.dumps([event])).events
    assert (parsed.at, parsed.detail, parsed.address) == (1795510800, "ab", "x@e.org")
    assert (parsed.delivery, parsed.attempt) == (None, None)


def test_C05_of_much_junk_a_little_is_kept_and_all_counted() -> None:
    parsed = parse(b"[" + b"1," * 5000 + b"1]")
    assert (parsed.unread, len(parsed.unreadable)) == (5001, MAX_DESCRIBED)


def test_no_address_is_kept_of_what_cannot_be_read_or_was_said() -> None:
    parsed = parse(
        b'[{"email":"ann@example.org"},{"event":"bounce","timestamp":1795510800,'
        b'"reason":"550 <ann@example.org> unknown","email":"ann@example.org"}]'
    )
    assert "ann" not in parsed.unreadable[0]
    assert parsed.events[0].detail == "550 <…> unknown"


def test_no_name_and_no_domain_of_a_reader_is_kept_of_what_a_mailbox_said() -> None:
    reason = (
        "550 5.1.1 <ann.q.example@mx.annq.example.org>: user ann.q.example unknown at"
        " mx2.annq.example.org, Ann is Annq's; ann.q.example%40annq.example.org"
    )
    event = {
        "event": "dropped", "timestamp": 1795510800, "email": "Ann.Q.example@annq.example.org",
        "reason": reason,
    }  # fmt: skip
    [parsed] = parse(orjson.dumps([event])).events
    assert parsed.detail == "550 5.1.1 <…>: user … unknown at …, … is …'s; …"
    assert parsed.cause == parsed.detail[:64]


@pytest.mark.parametrize(
    "broken",
    [
        b'{"email":"ann@annq.example.org","reason":"Ann of annq is unknown","event":"bounce"}',
        b'{"email":"ann@annq.example.org","event":"bounce","timestamp":1795510800,"reason":"An',
        b'{"event":"bounce","ann@annq.example.org":["Ann"],"timestamp":"soon"}',
        b'"Ann of annq"',
        b'["Ann of annq"]',
    ],
)
def test_nobody_is_named_by_what_is_set_aside(broken: bytes) -> None:
    [kept] = parse(b"[" + broken + b"]").unreadable
    assert "ann" not in kept.casefold()


def test_what_is_set_aside_still_says_what_it_was() -> None:
    parsed = parse(b'[{"event":"bounce","email":"ann@example.org"},{"event":"open","email":"ann@')
    assert parsed.unreadable[0] == '{"event":"bounce","email":"…"}'
    assert parsed.unreadable[1] == "30 bytes that are no JSON; keys: event, email"


@pytest.mark.parametrize("reason", ["Invalid", "Bounced Address"])
def test_a_cause_of_the_providers_own_stays_whoever_it_is_about(reason: str) -> None:
    event = {"event": "dropped", "timestamp": 1795510800, "reason": reason}
    [parsed] = parse(orjson.dumps([{**event, "email": "invalid@bounced.example.org"}])).events
    assert parsed.cause == reason


def test_half_an_address_at_the_end_of_many_words_is_not_kept() -> None:
    reason = "no " * 900 + "ann@annq.example.org"
    event = {"event": "bounce", "timestamp": 1795510800, "reason": reason[-2003:]}
    [parsed] = parse(orjson.dumps([event])).events
    assert len(parsed.detail) == 500
    assert "ann" not in parsed.detail


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"event": "bounce", "type": "bounce"}, EventKind.BOUNCED),
        ({"event": "bounce", "type": "blocked"}, EventKind.BLOCKED),
        ({"event": "bounce"}, EventKind.BOUNCED),
        ({"event": "unsubscribe"}, EventKind.RESIGNED),
        ({"event": "group_unsubscribe"}, EventKind.UNSUBSCRIBED),
        ({"event": "group_resubscribe"}, EventKind.OTHER),
        ({"event": "account_status_change"}, EventKind.ACCOUNT),
        ({"event": "spamreport"}, EventKind.COMPLAINED),
    ],
)
def test_C14_the_providers_words_have_ours(fields: dict[str, str], kind: EventKind) -> None:
    [event] = parse(orjson.dumps([{"timestamp": 1795510800, **fields}])).events
    assert event.kind is kind


@pytest.mark.parametrize(
    ("agent", "machine"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", False),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15", False),
        ("Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) Chrome/120.0 Mobile Safari/537.36", False),
        ("Opera/9.80 (Android; Opera Mini/36.2/119.132; U; id) Presto/2.12 Version/12.16", False),
        ("Lynx/2.9.0 libwww-FM/2.14", False),
        ("Mozilla/5.0 (compatible; Barracuda Sentinel)", True),
        ("python-requests/2.32", True),
        ("", True),
    ],
)
def test_C16_what_has_no_browsers_traits_is_a_machine(agent: str, machine: bool) -> None:
    assert is_machine(agent) is machine


@pytest.fixture
def signer() -> Signer:
    return Signer(new_key())


def verify(keys: list[str], body: bytes, headers: dict[str, str]) -> None:
    Verifier(keys).verify(body, headers)


def test_C07_the_raw_bytes_are_what_is_verified(signer: Signer) -> None:
    body = b'[{"a":1},\r\n{"b":2}]\r\n'
    headers = signer.headers(body, 5)
    verify([signer.public_key], body, headers)
    with pytest.raises(BadSignature):
        verify([signer.public_key], orjson.dumps(orjson.loads(body)), headers)


@pytest.mark.parametrize(
    "headers",
    [
        {SIGNATURE: "", TIMESTAMP: "5"},
        {SIGNATURE: "not base64!", TIMESTAMP: "5"},
        {SIGNATURE: "YQ==", TIMESTAMP: "5"},
        {SIGNATURE: b64encode(b"\x30\x06\x02\x01\x00\x02\x01\x00").decode(), TIMESTAMP: "5"},
        {SIGNATURE: "é", TIMESTAMP: "5"},
        {SIGNATURE: "A" * 100_000, TIMESTAMP: "5"},
        {SIGNATURE: "YQ==", TIMESTAMP: "é"},
    ],
)
def test_C07_broken_signatures_all_end_alike(signer: Signer, headers: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        verify([signer.public_key], b"[]", headers)


def test_C07_another_moment_spoils_a_signature(signer: Signer) -> None:
    headers = {**signer.headers(b"[]", 5), TIMESTAMP: "6"}
    with pytest.raises(BadSignature):
        verify([signer.public_key], b"[]", headers)


def test_C11_two_keys_are_good_while_one_is_replaced(signer: Signer) -> None:
    new = Signer(new_key())
    for old_or_new in (signer, new):
        verify([new.public_key, signer.public_key], b"[]", old_or_new.headers(b"[]", 5))
    with pytest.raises(BadSignature):
        verify([new.public_key], b"[]", signer.headers(b"[]", 5))


@pytest.mark.parametrize("key", ["x", "YQ==", "é"])
def test_a_key_that_is_none_is_reported_at_the_start(key: str) -> None:
    with pytest.raises(BadSetting, match="DIGEST_WEBHOOK_KEYS"):
        Verifier([key])
