"""Mails that came back: what each server's reports say, and that no mail does harm."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.mail.provider_events import EventKind, ProviderEvent
from digest.mail.smtp.bounces import ReturnedMail, ReturnSort, read_returned_mail
from tests.mail.smtp import returned_mails as mails
from tests.mail.smtp.returned_mails import (
    AT,
    ATTEMPT,
    PATHS,
    READER,
    TOKEN,
    failed,
    mail,
    our_headers,
    report,
    token,
    verp,
)

NOW = AT + 3600


def read(raw: bytes, recipient: str = "") -> ReturnedMail:
    return read_returned_mail(raw, PATHS, received=NOW, recipient=recipient)


def event(raw: bytes) -> ProviderEvent:
    found = read(raw).event
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("raw", "kind", "cause"),
    [
        (mails.POSTFIX, EventKind.BOUNCED, "Invalid Address"),
        (mails.EXIM, EventKind.BOUNCED, "Invalid Address"),
        (mails.EXCHANGE, EventKind.BOUNCED, "Invalid Address"),
        (mails.GMAIL, EventKind.BOUNCED, "Invalid Address"),
        (mails.ONE_BLOCK, EventKind.BOUNCED, "Mailbox Unavailable"),
        (mails.GLOBAL, EventKind.BOUNCED, "Invalid Address"),
        (mails.IN_A_WRAPPER, EventKind.BOUNCED, "Invalid Address"),
        (mails.DELAYED, EventKind.DEFERRED, "Technical"),
        (mails.EXPIRED, EventKind.BLOCKED, "Technical"),
        (mails.QMAIL, EventKind.BLOCKED, "Unclassified"),
        (mails.OLD_EXIM, EventKind.BLOCKED, "Unclassified"),
        (mails.COMPLAINT, EventKind.COMPLAINED, ""),
    ],
    ids=lambda value: str(value)[:12] if isinstance(value, str) else "",
)
def test_each_server_s_report_is_an_event_of_its_delivery(
    raw: bytes, kind: EventKind, cause: str
) -> None:
    found = event(raw)
    assert (found.kind, found.cause) == (kind, cause)
    assert (found.delivery, found.attempt, found.at) == ("17", ATTEMPT, AT)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("5.1.1", EventKind.BOUNCED),
        ("5.1.2", EventKind.BOUNCED),
        ("5.1.3", EventKind.BOUNCED),
        ("5.1.6", EventKind.BOUNCED),
        ("5.1.10", EventKind.BOUNCED),
        ("5.2.1", EventKind.BOUNCED),
        ("5.1.7", EventKind.BLOCKED),
        ("5.1.8", EventKind.BLOCKED),
        ("5.2.2", EventKind.BLOCKED),
        ("5.3.4", EventKind.BLOCKED),
        ("5.4.4", EventKind.BLOCKED),
        ("5.6.0", EventKind.BLOCKED),
        ("5.7.1", EventKind.BLOCKED),
        ("5.0.0", EventKind.BLOCKED),
        ("4.1.1", EventKind.BLOCKED),
        ("4.2.1", EventKind.BLOCKED),
        ("5.9.9", EventKind.BLOCKED),
        ("not a code", EventKind.BLOCKED),
    ],
)
def test_only_a_lasting_code_about_the_address_is_a_bounce(status: str, kind: EventKind) -> None:
    assert event(report(failed(status))).kind is kind


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("delivered", EventKind.DELIVERED),
        ("relayed", EventKind.PROCESSED),
        ("expanded", EventKind.PROCESSED),
        ("delayed", EventKind.DEFERRED),
        ("Failed", EventKind.BLOCKED),
        ("failed (expired)", EventKind.BLOCKED),
        ("unheard-of", EventKind.DEFERRED),
    ],
)
def test_the_action_of_a_report_says_what_became_of_the_mail(action: str, kind: EventKind) -> None:
    block = f"Final-Recipient: rfc822; {READER}\nAction: {action}\nStatus: 4.4.1"
    assert event(report(block)).kind is kind


def test_a_vague_code_gives_way_to_the_other_server_s_own() -> None:
    assert event(report(failed("5.0.0", "550 5.1.1 no mailbox"))).kind is EventKind.BOUNCED
    assert event(report(failed("4.0.0", "550 5.1.1 no mailbox"))).kind is EventKind.BLOCKED
    assert event(report(failed("5.2.2", "550 5.1.1 no mailbox"))).kind is EventKind.BLOCKED


def test_of_several_recipients_the_mildest_outcome_counts() -> None:
    arrived = "Final-Recipient: rfc822; b@example.net\nAction: delivered\nStatus: 2.0.0"
    dead = failed(address="a@example.net")
    assert event(report(dead, arrived)).kind is EventKind.DELIVERED
    assert event(report(dead, failed("5.2.2", address="c@example.net"))).kind is EventKind.BLOCKED
    assert event(report(dead, dead)).kind is EventKind.BOUNCED


@pytest.mark.parametrize(
    "raw",
    [
        report(failed(), to="postmaster@news.example"),
        report(failed(), to=verp().upper()),
        report(failed(), to="postmaster@news.example", returned=f"Return-Path: <{verp()}>\n"),
        report(
            failed(),
            to="postmaster@news.example",
            returned="Subject: x\n",
            mail_fields=f"Original-Envelope-Id: {TOKEN}",
        ),
        report(failed(), to="x@news.example", returned="Subject: x\n").replace(
            b"To: x@", f"Delivered-To: {verp()}\r\nTo: x@".encode()
        ),
    ],
    ids=["message-id", "capitals", "return path", "envelope id", "delivered-to"],
)
def test_the_token_counts_wherever_it_stands(raw: bytes) -> None:
    assert event(raw).delivery == "17"


def test_the_mail_server_may_say_the_address_beside_the_mail() -> None:
    raw = report(failed(), to="x@news.example", returned="Subject: x\n")
    assert read(raw).sort is ReturnSort.FOREIGN
    found = read(raw, recipient=verp()).event
    assert found is not None
    assert found.delivery == "17"


def test_a_letter_s_bounce_names_the_letter_and_the_address_it_was_sent_to() -> None:
    name = "confirm-" + ATTEMPT
    letter = token(name, "")
    found = event(report(failed(), to=verp(letter), returned=our_headers(letter)))
    assert (found.delivery, found.attempt, found.address) == (name, None, READER)


FORGED = [
    report(failed(), to=f"bounces+{TOKEN[:-8]}aaaaaaaa@news.example", returned="Subject: x\n"),
    report(failed(), to="bounces@news.example", returned="Subject: x\n"),
    mails.COMPLAINT.replace(TOKEN.encode(), b"a" * len(TOKEN)),
    mail(f"From: eve@example.com\nTo: bounces@news.example\nDate: {mails.DATE}\n", "Hello\n"),
    b"",
    b"\x00\xff" * 100,
]


@pytest.mark.parametrize("raw", FORGED, ids=range(len(FORGED)))
def test_without_a_token_of_ours_a_mail_is_set_aside_with_a_note(raw: bytes) -> None:
    found = read(raw)
    assert (found.sort, found.event) == (ReturnSort.FOREIGN, None)
    assert "without a token" in found.note
    assert "@" not in found.note


def test_a_reader_s_own_token_suppresses_nobody_else() -> None:
    forged = report(failed(address="victim@example.com"), returned=our_headers(to="v@example.com"))
    assert event(forged).address is None


def test_a_forwarded_mail_s_failure_is_about_the_address_it_was_sent_to() -> None:
    assert event(report(failed(address="elsewhere@example.net"))).address == READER


def test_what_a_server_said_is_kept_without_the_addresses() -> None:
    found = event(
        report(failed("5.1.1", f"550 5.1.1 <{READER}> unknown", address="ada.b@example.net"))
    )
    assert found.detail.startswith("550 5.1.1")
    assert "reader" not in found.detail


@pytest.mark.parametrize("raw", [mails.OUT_OF_OFFICE, mails.OUT_OF_OFFICE.replace(b"Auto-", b"X-")])
def test_an_answer_is_no_bounce(raw: bytes) -> None:
    assert read(raw) == ReturnedMail(sort=ReturnSort.ANSWER)


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "virus", ""])
def test_a_report_of_another_type_is_no_complaint(kind: str) -> None:
    raw = mails.COMPLAINT.replace(b"Type: abuse", f"Type: {kind}".encode())
    assert read(raw).sort is ReturnSort.ANSWER


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("Tue, 03 Feb 2026 10:00:00 +0100", AT),
        ("Tue, 03 Feb 2026 09:00:00 -0000", AT),
        ("Fri, 03 Feb 2090 09:00:00 +0000", NOW),
        ("Thu, 01 Jan 1970 00:00:00 +0000", NOW),
        ("yesterday", NOW),
        ("Tue, 03 Feb 99999999999 09:00:00 +0000", NOW),
    ],
)
def test_no_event_is_later_than_its_mail(date: str, at: int) -> None:
    raw = mails.POSTFIX.replace(mails.DATE.encode(), date.encode())
    assert event(raw).at == at


def test_a_mail_read_twice_is_one_event() -> None:
    first, again = (
        read_returned_mail(mails.GMAIL, PATHS, received=moment) for moment in (NOW, NOW + 60)
    )
    assert first == again


@given(st.binary(max_size=2000))
def test_any_bytes_are_read_without_an_exception(raw: bytes) -> None:
    assert read(raw).event is None


@given(
    st.sampled_from([mails.POSTFIX, mails.EXIM, mails.QMAIL, mails.COMPLAINT, mails.GLOBAL]),
    st.integers(0, 2000),
    st.integers(0, 2000),
    st.binary(max_size=40),
)
def test_a_damaged_report_is_read_without_an_exception(
    raw: bytes, start: int, end: int, junk: bytes
) -> None:
    read(raw[:start] + junk + raw[end:])


def bomb(unit: str, times: int = 300_000, before: str = "", to: str = "") -> bytes:
    many = unit * (times // len(unit))
    return mail(f"From: x@example.com\nTo: {to or verp()}\n{before}", many)


PARTS = 'Content-Type: multipart/mixed; boundary="B"\n'
REPORT = 'Content-Type: multipart/report; boundary="B"\n'
BOMBS = {
    "levels": bomb('--B\nContent-Type: multipart/mixed; boundary="B"\n\n', before=PARTS),
    "mails in mails": bomb(
        "Content-Type: message/rfc822\n\n", before="Content-Type: message/rfc822\n"
    ),
    "parts": bomb("--B\n\n", before=PARTS),
    "recipients": bomb("a: b\n\n", before="Content-Type: message/delivery-status\n"),
    "lines": bomb("\n"),
    "one line": bomb("x"),
    "header lines": bomb("a: b\n", before="a: b\n").replace(b"\r\n\r\n", b"\r\n", 1),
    "a long header": bomb("x", before="Subject: " + "y" * 250_000 + "\n"),
    "a folded header": bomb("x", before="Subject: a" + "\n b" * 80_000 + "\n"),
    "parameters": bomb("x", before="Content-Type: multipart/x" + ';a="' * 60_000 + "\n"),
    "tokens": bomb(f"{TOKEN[:-2]}aa@x ", to="x@example.com"),
    "words in brackets": bomb("<", before="From: " + "(" * 3000 + "\n"),
    "encoded words": bomb("x", before="Subject: " + "=?utf-8?q?a?= " * 500 + "\n"),
    "carriage returns": b"To: " + verp().encode() + b"\r" * 250_000,
}


@pytest.mark.parametrize("raw", BOMBS.values(), ids=BOMBS)
def test_a_mail_bomb_is_read_in_time(raw: bytes) -> None:
    begun = process_time()
    read(raw)
    assert process_time() - begun < 2.0  # of the processor, which no load of the machine lengthens


def test_a_bomb_is_named_and_no_report() -> None:
    found = read(BOMBS["levels"])
    assert (found.sort, found.event) == (ReturnSort.UNREADABLE, None)
    assert found.note
