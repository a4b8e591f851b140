"""Transports: the contract that each one keeps, and what is special to each."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from digest.mail.mailing import (
    PREFERENCES_TAG,
    UNSUBSCRIBE_TAG,
    Content,
    Mailbox,
    Mailing,
    Recipient,
)
from digest.mail.memory import MemoryTransport
from digest.mail.outbox import Outbox
from digest.mail.transport import Accepted, NotSent, Transport

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
        attempt="a1",
    )


class TransportContract:
    """What the engine counts on, whatever the way out."""

    @pytest.fixture
    def transport(self, tmp_path: Path) -> Transport:
        raise AssertionError("each way out makes its own")

    def test_it_accepts_a_mailing(self, transport: Transport) -> None:
        request = transport.prepare(a_mailing("one@example.org", "two@example.org"))
        assert request.recipients == 2
        assert isinstance(transport.hand_over(request), Accepted)

    def test_a_request_shows_no_address(self, transport: Transport) -> None:
        assert "one@example.org" not in repr(transport.prepare(a_mailing("one@example.org")))


class TestMemory(TransportContract):
    @pytest.fixture
    def transport(self, tmp_path: Path) -> Transport:
        return MemoryTransport()


class TestOutbox(TransportContract):
    @pytest.fixture
    def transport(self, tmp_path: Path) -> Transport:
        return Outbox(tmp_path)

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
        replace(CONTENT, headers={"List-Id": f"x{bad}"})
