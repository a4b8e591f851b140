"""SMTP's transport against a real server: what is delivered, and what each reply comes to."""

from __future__ import annotations

import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.mail.outbox import message
from digest.mail.smtp import RelayAddress, RelaySecurity
from digest.mail.smtp.mail_form import body_pieces, joined_body
from digest.mail.transport import (
    Accepted,
    Answer,
    Halted,
    InDoubt,
    Mixed,
    NotSent,
    Refused,
    Transport,
)
from tests.mail.smtp.relay import RunningRelay, a_provider, make_certificate, running_relay
from tests.mail.test_transports import (
    CONTENT,
    Delivered,
    DeliveredMail,
    TransportContract,
    a_mailing,
    parsed_mail,
)

NOWHERE = RelayAddress(host="127.0.0.1", port=9, security=RelaySecurity.NONE)
FOUR = tuple(f"{name}@example.org" for name in ("one", "two", "three", "four"))
SendTo = Callable[..., Answer]


@pytest.fixture
def send(relay: RunningRelay) -> SendTo:
    """Return a function that hands one mailing over to the relay."""
    transport = relay.provider(seconds=5).transport()

    def send(*addresses: str) -> Answer:
        return transport.hand_over(transport.prepare(a_mailing(*(addresses or FOUR))))

    return send


class TestSMTP(TransportContract):
    full = 250  # more than one connection takes

    @pytest.fixture
    def transport(self, relay: RunningRelay) -> Transport:
        return relay.provider().transport()

    @pytest.fixture
    def delivered(self, relay: RunningRelay) -> Delivered:
        def read() -> list[DeliveredMail]:
            return [parsed_mail(mail.parsed) for mail in relay.taken]

        return read

    @pytest.fixture
    def unreachable(self) -> Transport:
        return a_provider(NOWHERE, seconds=5).transport()


def kinds(answer: Answer) -> list[str]:
    assert isinstance(answer, Mixed)
    return [each.outcome.value for each in answer.answers]


def test_a_mail_is_what_the_outbox_would_hold(relay: RunningRelay) -> None:
    content = replace(
        CONTENT,
        html=CONTENT.html.replace("<a href", "<a clicktracking=off href"),
        text=f"{CONTENT.text}\n.\n..two dots\n" + "a long line " * 40 + "\nLäuft\n",
    )
    mailing = replace(a_mailing("one@example.org"), content=content)
    transport = relay.provider().transport()
    transport.hand_over(transport.prepare(mailing))
    [mail] = relay.taken
    plain = replace(content, html=content.html.replace(" clicktracking=off", ""))
    expected = parsed_mail(message(plain, mailing.recipients[0]))
    got = parsed_mail(mail.parsed)
    assert (got.address, got.subject, got.html.strip()) == (
        expected.address,
        expected.subject,
        expected.html.strip(),
    )
    assert got.text == expected.text
    ours = ("From", "To", "Subject", "List-Id", "List-Unsubscribe", "MIME-Version")
    assert {name: got.headers[name] for name in ours} == {
        name: expected.headers[name] for name in ours
    }
    assert got.headers["Date"]
    assert got.headers["Message-ID"].endswith("@example.com>")
    assert mail.sender.startswith("bounces+")


def test_a_part_that_is_empty_leaves_no_tag() -> None:
    pieces = body_pieces("before -digest_x_token- after -digest_y_token-", "")
    body = joined_body(pieces, {"-digest_x_token-": ""})
    assert b"_x_token-" not in body
    assert b"_y_token-" in body


def test_each_line_on_the_wire_is_short_and_ascii(relay: RunningRelay, send: SendTo) -> None:
    send("one@example.org")
    [mail] = relay.taken
    assert mail.raw.isascii()
    assert all(len(line) <= 998 for line in mail.raw.split(b"\r\n"))
    assert b"\n" not in mail.raw.replace(b"\r\n", b"")


def test_the_return_path_names_the_mail_and_no_reader(relay: RunningRelay, send: SendTo) -> None:
    send()
    senders = {mail.sender for mail in relay.taken}
    assert len(senders) == 4
    assert not any(name in sender for sender in senders for name in ("one", "example.org"))


def test_a_refused_recipient_is_named_and_the_others_get_theirs(
    relay: RunningRelay, send: SendTo
) -> None:
    relay.orders(rcpt={"two": "550 5.1.1 <two@example.org>: no such user"})
    answer = send()
    assert kinds(answer) == ["accepted", "refused", "accepted", "accepted"]
    assert isinstance(answer, Mixed)
    refused = answer.answers[1]
    assert isinstance(refused, Refused)
    assert refused.detail.startswith("550 5.1.1")
    assert "two" not in refused.detail
    assert [mail.recipient for mail in relay.taken] == [FOUR[0], FOUR[2], FOUR[3]]


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        (
            {"rcpt": {"two": "450 4.2.0 greylisted"}},
            ["accepted", "not-sent", "accepted", "accepted"],
        ),
        ({"end": {"two": "451 4.3.0 later"}}, ["accepted", "not-sent", "accepted", "accepted"]),
        ({"end": {"two": "550 5.1.1 nobody"}}, ["accepted", "refused", "accepted", "accepted"]),
        ({"end": {"two": "552 5.3.4 too big"}}, ["accepted", "halted", "not-sent", "not-sent"]),
        ({"rcpt": {"two": "421 4.3.2 closing"}}, ["accepted", "not-sent", "not-sent", "not-sent"]),
        ({"end": {"two": "421 4.3.2 closing"}}, ["accepted", "not-sent", "not-sent", "not-sent"]),
        ({"rcpt": {"two": "drop"}}, ["accepted", "not-sent", "not-sent", "not-sent"]),
        ({"end": {"two": "drop"}}, ["accepted", "in-doubt", "not-sent", "not-sent"]),
        ({"end": {"two": "take and drop"}}, ["accepted", "in-doubt", "not-sent", "not-sent"]),
        ({"end": {"two": "nonsense"}}, ["accepted", "in-doubt", "not-sent", "not-sent"]),
        ({"end": {"two": "354 go on"}}, ["accepted", "in-doubt", "accepted", "accepted"]),
        ({"rcpt": {"two": "530 5.7.0 log in"}}, ["accepted", "halted", "not-sent", "not-sent"]),
    ],
)
def test_each_reply_is_about_its_own_mail(
    relay: RunningRelay, send: SendTo, orders: dict[str, str], expected: list[str]
) -> None:
    relay.orders(**orders)
    assert kinds(send()) == expected
    surely = [address for address, kind in zip(FOUR, expected, strict=True) if kind == "accepted"]
    taken = [mail.recipient for mail in relay.taken]
    assert [address for address in taken if address != FOUR[1]] == [
        address for address in surely if address != FOUR[1]
    ]
    assert len(taken) == len(set(taken))


@pytest.mark.parametrize(
    ("orders", "kind"),
    [
        ({"connect": "421 4.3.2 busy"}, NotSent),
        ({"connect": "554 5.7.1 go away"}, Halted),
        ({"connect": "drop"}, NotSent),
        ({"ehlo": "421 4.3.2 busy"}, NotSent),
        ({"mail": "451 4.3.0 later"}, NotSent),
        ({"mail": "550 5.7.1 sender refused"}, Halted),
        ({"mail": "550 5.7.1 sender refused and drop"}, Halted),
        ({"mail": "drop"}, NotSent),
        ({"rcpt": "450 4.7.1 not from there"}, NotSent),
        ({"rcpt": "554 5.7.1 relay access denied"}, Halted),
        ({"rcpt": "550 5.1.1 nobody"}, Refused),
        ({"data": "451 4.3.0 later"}, NotSent),
        ({"data": "drop"}, NotSent),
        ({"data": "554 5.5.1 no"}, Halted),
        ({"end": "554 5.7.1 spam"}, Halted),
        ({"end": "451 4.3.0 disk full"}, NotSent),
    ],
)
def test_what_happens_to_every_mail_is_one_answer(
    relay: RunningRelay, send: SendTo, orders: dict[str, str], kind: type[Answer]
) -> None:
    relay.orders(**orders)
    answer = send()
    assert isinstance(answer, kind)
    assert relay.taken == []
    if isinstance(answer, NotSent):
        assert not answer.about_recipient
    if isinstance(answer, Refused):
        assert set(answer.recipients) == {0, 1, 2, 3}


def test_what_a_relay_says_before_it_closes_is_kept(relay: RunningRelay, send: SendTo) -> None:
    """The commands of a mail leave together, so the others stay without a reply."""
    relay.orders(mail="421 4.7.0 too many connections and drop")
    answer = send("one@example.org")
    assert isinstance(answer, NotSent)
    assert "too many connections" in answer.detail


def test_one_reader_alone_has_a_plain_answer(relay: RunningRelay, send: SendTo) -> None:
    """A letter, or what is left of a batch: it never has a mixed answer."""
    relay.orders(rcpt="450 4.2.0 greylisted")
    answer = send("one@example.org")
    assert isinstance(answer, NotSent)
    assert answer.about_recipient
    relay.orders(rcpt="550 5.7.1 refused")
    assert isinstance(send("one@example.org"), Refused)
    relay.orders(end="take and drop")
    assert isinstance(send("one@example.org"), InDoubt)


@pytest.mark.parametrize("step", ["mail", "end"])
def test_B14_a_reply_that_drips_or_never_comes_ends_in_time(relay: RunningRelay, step: str) -> None:
    transport = relay.provider(seconds=0.5).transport()
    for fault in ("silence", "drip"):
        relay.orders(**{step: fault})
        answer = transport.hand_over(transport.prepare(a_mailing("one@example.org")))
        assert isinstance(answer, InDoubt if step == "end" else NotSent)


def test_connections_are_kept_for_the_next_request(relay: RunningRelay, send: SendTo) -> None:
    for _ in range(3):
        assert isinstance(send(), Accepted)
    assert relay.connections == 1


def test_a_kept_connection_that_the_relay_has_closed_is_opened_anew(
    relay: RunningRelay, send: SendTo
) -> None:
    assert isinstance(send(), Accepted)
    relay.orders(rset="drop")
    assert isinstance(send(), Accepted)
    assert relay.connections == 2
    assert len(relay.taken) == 8


def test_a_relay_that_takes_few_mails_a_connection_gets_more_connections(tmp_path: Path) -> None:
    with running_relay(tmp_path / "mails", offers=("PIPELINING", "LIMITS MAILMAX=3")) as relay:
        transport = relay.provider().transport()
        addresses = [f"reader{number}@example.org" for number in range(8)]
        assert isinstance(transport.hand_over(transport.prepare(a_mailing(*addresses))), Accepted)
        assert relay.connections == 3
        assert [mail.recipient for mail in relay.taken] == addresses


def test_without_pipelining_each_command_waits_for_its_reply(tmp_path: Path) -> None:
    with running_relay(tmp_path / "mails", offers=()) as relay:
        transport = relay.provider().transport()
        relay.orders(rcpt={"two": "550 5.1.1 nobody"})
        answer = transport.hand_over(transport.prepare(a_mailing(*FOUR)))
        assert kinds(answer) == ["accepted", "refused", "accepted", "accepted"]
        assert len(relay.taken) == 3


def test_a_mail_that_is_too_large_is_never_begun(tmp_path: Path) -> None:
    with running_relay(tmp_path / "mails", most_bytes=500) as relay:
        transport = relay.provider().transport()
        answer = transport.hand_over(transport.prepare(a_mailing(*FOUR)))
        assert isinstance(answer, Halted)
        assert "the relay takes 500" in answer.detail


class TestSecurity:
    @pytest.fixture(params=[RelaySecurity.STARTTLS, RelaySecurity.TLS])
    def security(self, request: pytest.FixtureRequest) -> RelaySecurity:
        kind: RelaySecurity = request.param
        return kind

    @pytest.fixture
    def relay(self, tmp_path: Path, security: RelaySecurity) -> Iterator[RunningRelay]:
        certificate = make_certificate(tmp_path / "relay.pem")
        with running_relay(
            tmp_path / "mails", security=security, certificate=certificate,
            user="ann", password="the password",
        ) as relay:  # fmt: skip
            yield relay

    def test_it_sends_encrypted_and_logged_in(
        self, relay: RunningRelay, security: RelaySecurity
    ) -> None:
        address = relay.address(security, user="ann", password="the password")
        transport = relay.provider(address).transport()
        assert isinstance(transport.hand_over(transport.prepare(a_mailing(*FOUR))), Accepted)
        assert len(relay.taken) == 4
        assert "the password" not in f"{transport!r} {address!r} {relay.provider(address)!r}"

    def test_a_wrong_password_halts(self, relay: RunningRelay, security: RelaySecurity) -> None:
        address = relay.address(security, user="ann", password="wrong")
        answer = relay.provider(address).dry_run(a_mailing("one@example.org"))
        assert isinstance(answer, Halted)
        assert "login" in answer.detail
        assert "wrong" not in answer.detail

    def test_a_password_that_no_login_can_carry_halts(
        self, relay: RunningRelay, security: RelaySecurity
    ) -> None:
        answer = relay.provider(relay.address(security, user="ann", password="schlüssel")).dry_run(
            a_mailing("one@example.org")
        )
        assert isinstance(answer, Halted)
        assert "ASCII" in answer.detail
        assert "schl" not in answer.detail

    def test_a_password_that_the_relay_repeats_is_taken_out(
        self, relay: RunningRelay, security: RelaySecurity
    ) -> None:
        address = relay.address(security, user="ann", password="the password")
        sent = b64encode(b"\0ann\0the password").decode("ascii")
        relay.orders(auth=f"535 5.7.8 ann may not enter with the password ({sent})")
        answer = relay.provider(address).dry_run(a_mailing("one@example.org"))
        assert answer.detail.endswith("535 5.7.8 ann may not enter with … (…)")

    def test_a_certificate_that_nobody_vouches_for_halts(
        self, tmp_path: Path, relay: RunningRelay, security: RelaySecurity
    ) -> None:
        relay.certificate = make_certificate(tmp_path / "other.pem")
        answer = relay.provider(relay.address(security)).dry_run(a_mailing("one@example.org"))
        assert isinstance(answer, Halted)


@pytest.mark.parametrize(
    ("certificate", "says"),
    [({"valid": timedelta(hours=1)}, "expired"), ({"address": "127.0.0.2"}, "IP address mismatch")],
)
def test_B11_a_certificate_of_yesterday_or_of_another_host_halts(
    tmp_path: Path, certificate: dict[str, Any], says: str
) -> None:
    path = make_certificate(tmp_path / "relay.pem", **certificate)
    with running_relay(tmp_path / "mails", security=RelaySecurity.TLS, certificate=path) as relay:
        answer = relay.provider(relay.address(RelaySecurity.TLS)).dry_run(a_mailing("a@a.org"))
    assert isinstance(answer, Halted)
    assert says in answer.detail


def test_a_relay_without_starttls_gets_no_mail(relay: RunningRelay) -> None:
    transport = relay.provider(relay.address(RelaySecurity.STARTTLS)).transport()
    answer = transport.hand_over(transport.prepare(a_mailing(*FOUR)))
    assert isinstance(answer, Halted)
    assert "STARTTLS" in answer.detail
    assert relay.taken == []


def test_a_relay_whose_logins_are_all_unknown_halts() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client, client.makefile("rb") as lines:
                client.sendall(b"220 relay.example\r\n")
                lines.readline()
                client.sendall(b"250-relay.example\r\n250 AUTH XOAUTH2\r\n")
                lines.read()

        serving = threading.Thread(target=serve)
        serving.start()
        address = replace(NOWHERE, port=server.getsockname()[1], user="ann", password="secret")
        answer = a_provider(address).dry_run(a_mailing("one@example.org"))
        serving.join(10)
    assert answer == Halted(detail="the relay offers no AUTH, or none that Digest knows")


def test_a_host_that_is_no_name_halts() -> None:
    transport = a_provider(replace(NOWHERE, host="a" * 64)).transport()
    answer = transport.hand_over(transport.prepare(a_mailing("one@example.org")))
    assert answer == Halted(detail="DIGEST_SMTP_HOST isn't the name of a host")


def test_a_relay_that_is_not_there_is_named() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    relay = RelayAddress(host="127.0.0.1", port=port, security=RelaySecurity.NONE)
    answer = a_provider(relay).dry_run(a_mailing("one@example.org"))
    assert isinstance(answer, NotSent)
    assert answer.detail.startswith(f"no connection to 127.0.0.1:{port} (")


def test_B12_a_connection_that_ends_while_a_mail_is_written_is_certain() -> None:
    """A relay that takes only a part of a mail has taken none."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client, client.makefile("rb") as lines:
                client.sendall(b"220 relay\r\n")
                while not lines.readline().startswith(b"DATA"):
                    client.sendall(b"250 ok\r\n")
                client.sendall(b"354 go on\r\n")
                lines.read(1000)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        relay = RelayAddress(
            host="127.0.0.1", port=server.getsockname()[1], security=RelaySecurity.NONE
        )
        transport = a_provider(relay, seconds=10).transport()
        mailing = replace(
            a_mailing("one@example.org"), content=replace(CONTENT, text="long text\n" * 2_000_000)
        )
        answer = transport.hand_over(transport.prepare(mailing))
        thread.join(10)
    assert isinstance(answer, NotSent)
