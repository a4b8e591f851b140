"""Transports: the contract that each one keeps, and what is special to each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import NamedTuple

import pytest

from digest.fake_sendgrid import RunningFake
from digest.mail.mailing import (
    MAX_RECIPIENTS,
    PREFERENCES_TAG,
    UNSUBSCRIBE_TAG,
    Content,
    Mailbox,
    Mailing,
    Recipient,
)
from digest.mail.memory import MemoryTransport
from digest.mail.outbox import Outbox, message
from digest.mail.sendgrid import sendgrid_provider
from digest.mail.transport import Accepted, NotSent, Transport

ATTEMPT = "a1" * 16
NOWHERE = "http://127.0.0.1:9"  # the discard port, where nothing listens

CONTENT = Content(
    subject="Tidepool läuft vorn",
    html=f'<p>Hi <a href="https://news.example.com/u/{UNSUBSCRIBE_TAG}">leave</a></p>',
    text=f"https://news.example.com/u/{UNSUBSCRIBE_TAG}",
    sender=Mailbox("verdicts@example.com", "Weekly AI Tool Verdicts"),
    headers={"List-Id": "Weekly <weekly.news.example.com>"},
)


def a_mailing(*addresses: str) -> Mailing:
    return Mailing(
        content=CONTENT,
        recipients=[
            Recipient(
                str(number),
                address,
                {UNSUBSCRIBE_TAG: f"token{number}", PREFERENCES_TAG: f"other{number}"},
                {"List-Unsubscribe": f"<https://news.example.com/u/token{number}>"},
            )
            for number, address in enumerate(addresses, start=1)
        ],
        issue="weekly-1",
        batch="b1",
        attempt=ATTEMPT,
    )


class DeliveredMail(NamedTuple):
    """What a reader gets."""

    address: str
    subject: str
    headers: Mapping[str, str]
    html: str
    text: str


Delivered = Callable[[], list[DeliveredMail]]
READERS = ("one@example.org", "two@example.org")


class TransportContract:
    """What the engine counts on, whichever transport it has.

    A subclass gives the fixtures: `transport`; `delivered`, the mails in the readers' order; and
    `unreachable`, a transport whose provider can't be reached.
    """

    full = MAX_RECIPIENTS

    def test_it_accepts_a_mailing(self, transport: Transport) -> None:
        request = transport.prepare(a_mailing(*READERS))
        assert request.recipients == 2
        assert isinstance(transport.hand_over(request), Accepted)

    def test_a_request_shows_no_address(self, transport: Transport) -> None:
        assert "one@example.org" not in repr(transport.prepare(a_mailing("one@example.org")))

    def test_preparing_sends_nothing(self, transport: Transport, delivered: Delivered) -> None:
        transport.prepare(a_mailing(*READERS))
        assert delivered() == []

    def test_the_same_mailing_has_the_same_hash(self, transport: Transport) -> None:
        first, second = (transport.prepare(a_mailing(*READERS)) for _ in range(2))
        assert (first.payload, first.hash) == (second.payload, second.hash)

    def test_another_attempt_has_another_hash(self, transport: Transport) -> None:
        again = replace(a_mailing(*READERS), attempt="a2" * 16)
        assert transport.prepare(again).hash != transport.prepare(a_mailing(*READERS)).hash

    def test_a_request_outlives_the_transport_that_prepared_it(
        self, transport: Transport, unreachable: Transport, delivered: Delivered
    ) -> None:
        transport.hand_over(unreachable.prepare(a_mailing(*READERS)))
        assert [mail.address for mail in delivered()] == [*READERS]

    def test_I9_each_recipient_gets_a_message_of_their_own(
        self, transport: Transport, delivered: Delivered
    ) -> None:
        transport.hand_over(transport.prepare(a_mailing(*READERS)))
        assert [mail.address for mail in delivered()] == [*READERS]
        for mail, other in zip(delivered(), reversed(READERS), strict=True):
            assert other not in f"{mail}"

    def test_each_message_has_its_recipients_parts_in_place_of_the_tags(
        self, transport: Transport, delivered: Delivered
    ) -> None:
        transport.hand_over(transport.prepare(a_mailing(*READERS)))
        for number, mail in enumerate(delivered(), start=1):
            assert mail.subject == "Tidepool läuft vorn"
            assert f"/u/token{number}" in mail.html
            assert f"/u/token{number}" in mail.text
            assert UNSUBSCRIBE_TAG not in f"{mail}"

    def test_each_message_has_the_mailings_headers_and_its_own(
        self, transport: Transport, delivered: Delivered
    ) -> None:
        transport.hand_over(transport.prepare(a_mailing(*READERS)))
        for number, mail in enumerate(delivered(), start=1):
            assert mail.headers["List-Id"] == "Weekly <weekly.news.example.com>"
            assert mail.headers["List-Unsubscribe"] == (
                f"<https://news.example.com/u/token{number}>"
            )

    def test_answers_go_where_the_mailing_says(
        self, transport: Transport, delivered: Delivered
    ) -> None:
        content = replace(CONTENT, reply_to=Mailbox("desk@example.com", "The desk"))
        mailing = replace(a_mailing(*READERS), content=content)
        transport.hand_over(transport.prepare(mailing))
        assert [parseaddr(mail.headers["Reply-To"]) for mail in delivered()] == [
            ("The desk", "desk@example.com")
        ] * 2

    def test_a_full_batch_is_one_request(self, transport: Transport, delivered: Delivered) -> None:
        addresses = [f"reader{number}@example.org" for number in range(self.full)]
        request = transport.prepare(a_mailing(*addresses))
        assert request.recipients == self.full
        assert isinstance(transport.hand_over(request), Accepted)
        assert sorted(mail.address for mail in delivered()) == sorted(addresses)

    def test_an_unreachable_provider_is_an_answer_and_no_exception(
        self, unreachable: Transport, delivered: Delivered
    ) -> None:
        answer = unreachable.hand_over(unreachable.prepare(a_mailing(*READERS)))
        assert isinstance(answer, NotSent)
        assert answer.detail
        assert not any(address in repr(answer) for address in READERS)
        assert delivered() == []


def parsed_mail(mail: EmailMessage) -> DeliveredMail:
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None
    assert text is not None
    headers = {name: str(value) for name, value in mail.items()}
    return DeliveredMail(
        mail["To"], mail["Subject"], headers, html.get_content(), text.get_content()
    )


class TestMemory(TransportContract):
    @pytest.fixture
    def transport(self) -> MemoryTransport:
        return MemoryTransport()

    @pytest.fixture
    def delivered(self, transport: MemoryTransport) -> Delivered:
        return lambda: [
            parsed_mail(message(mailing.content, recipient))
            for mailing in transport.accepted
            for recipient in mailing.recipients
        ]

    @pytest.fixture
    def unreachable(self) -> MemoryTransport:
        return MemoryTransport(answer=lambda _: NotSent(detail="no connection"))


class TestSendGrid(TransportContract):
    @pytest.fixture
    def transport(self, fake: RunningFake) -> Transport:
        return sendgrid_provider(api_key="a-key", url=fake.url, seconds=30).transport()

    @pytest.fixture
    def delivered(self, fake: RunningFake) -> Delivered:
        def read() -> list[DeliveredMail]:
            mails = [fake.message(mail["id"]) for mail in fake.messages()]
            return [
                DeliveredMail(
                    mail["address"],
                    mail["subject"],
                    {**mail["headers"], "Reply-To": mail["reply_to"]},
                    mail["html"],
                    mail["text"],
                )
                for mail in mails
            ]

        return read

    @pytest.fixture
    def unreachable(self) -> Transport:
        return sendgrid_provider(api_key="a-key", url=NOWHERE, seconds=5).transport()


class TestOutbox(TransportContract):
    @pytest.fixture
    def transport(self, tmp_path: Path) -> Outbox:
        return Outbox(tmp_path)

    @pytest.fixture
    def delivered(self, tmp_path: Path) -> Delivered:
        return lambda: [
            parsed_mail(message_from_bytes(path.read_bytes(), policy=policy.default))
            for path in sorted(tmp_path.rglob("*.eml"))
        ]

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> Outbox:
        (tmp_path / "a file").touch()
        return Outbox(tmp_path / "a file")

    def test_each_reader_gets_a_file_with_their_own_parts(
        self, transport: Transport, tmp_path: Path
    ) -> None:
        transport.hand_over(transport.prepare(a_mailing("one@example.org", "two@example.org")))
        path = tmp_path / "weekly-1" / "2.eml"
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        html = mail.get_body(("html",))
        assert mail["To"] == "two@example.org"
        assert mail["Subject"] == "Tidepool läuft vorn"
        assert html is not None
        assert "token2" in html.get_content()
        assert "digest_unsubscribe_token" not in html.get_content()
        assert "one@example.org" not in path.read_text(encoding="utf-8")

    def test_H06_an_encoded_word_in_a_subject_begins_no_other_header(self, tmp_path: Path) -> None:
        subject = "=?utf-8?q?Bob=0D=0ABcc=3A_victim=40example=2Ecom?= vs B"
        mailing = a_mailing("one@example.org")
        mailing = replace(mailing, content=replace(CONTENT, subject=subject))
        outbox = Outbox(tmp_path)
        outbox.hand_over(outbox.prepare(mailing))
        written = (tmp_path / "weekly-1" / "1.eml").read_bytes()
        mail = message_from_bytes(written, policy=policy.default)

        assert mail["Bcc"] is None
        assert mail["Subject"].replace("\u2060", "") == subject

    @pytest.mark.parametrize("path", ["u", "n"])
    def test_a_list_headers_links_are_never_written_as_encoded_words(
        self, tmp_path: Path, path: str
    ) -> None:
        leave = f"<http://localhost:8000/{path}/{'token.' * 60}>"
        headers = {
            "List-Unsubscribe": f"{leave}, <mailto:leave@example.com?subject={'token.' * 30}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "List-Id": f"Weekly <weekly.{'news.' * 20}example.com>",
        }
        mailing = a_mailing("one@example.org")
        mailing = replace(mailing, recipients=[mailing.recipients[0]._replace(headers=headers)])
        mailing = replace(mailing, content=replace(CONTENT, headers={}))
        outbox = Outbox(tmp_path)
        outbox.hand_over(outbox.prepare(mailing))
        head = (
            (tmp_path / "weekly-1" / "1.eml").read_bytes().partition(b"\r\n\r\n")[0].decode("ascii")
        )

        assert max(map(len, head.split("\r\n"))) <= 998
        assert {
            name: value
            for name, _, value in (
                line.partition(": ") for line in head.replace("\r\n ", " ").split("\r\n")
            )
            if name.startswith("List-")
        } == headers

    def test_the_same_mail_again_makes_no_second_file(
        self, transport: Transport, tmp_path: Path
    ) -> None:
        for _ in range(2):
            transport.hand_over(transport.prepare(a_mailing("one@example.org")))
        assert len(list(tmp_path.rglob("*.eml"))) == 1

    def test_a_name_that_climbs_stays_in_the_folder(self, tmp_path: Path) -> None:
        mailing = replace(a_mailing("one@example.org"), issue="../../elsewhere")
        outbox = Outbox(tmp_path / "out")
        outbox.hand_over(outbox.prepare(mailing))
        assert [p.parent.parent for p in tmp_path.rglob("*.eml")] == [tmp_path / "out"]

    def test_a_folder_that_cannot_be_written_is_definite(self, tmp_path: Path) -> None:
        (tmp_path / "out").write_text("a file, not a folder", encoding="ascii")
        outbox = Outbox(tmp_path / "out")
        assert isinstance(outbox.hand_over(outbox.prepare(a_mailing("a@example.org"))), NotSent)


@pytest.mark.parametrize("bad", ["\r\nBcc: x@example.org", "\n", "\x00", "\u2028", "\x85"])
def test_H06_a_line_break_in_subject_sender_or_header_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        replace(CONTENT, subject=f"Hello{bad}")
    with pytest.raises(ValueError, match="line break"):
        replace(CONTENT, sender=Mailbox("us@example.com", f"Us{bad}"))
    with pytest.raises(ValueError, match="line break"):
        replace(CONTENT, reply_to=Mailbox("us@example.com", f"Us{bad}"))
    with pytest.raises(ValueError, match="line break"):
        replace(CONTENT, headers={"List-Id": f"x{bad}"})
