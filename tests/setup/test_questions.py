"""Questions of `digest setup`: what an answer may be, and which settings answers become."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.errors import DigestError
from digest.settings import load
from digest.setup import QUESTIONS, changes, checked, missing, settings_from

BY_NAME = {question.name: question for question in QUESTIONS}
ANSWERS = {
    "name": "Tools of the Trade",
    "sender": "news@mill-lane.eu",
    "postal_address": "1 Mill Lane, Anytown",
    "base_url": "https://news.mill-lane.eu",
}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "answer", "says"),
    [
        ("name", " ", "is needed"),
        ("name", "two\nlines", "one line"),
        ("on", "someday", "a weekday is one of"),
        ("at", "25:00", "write it like 09:00"),
        ("zone", "Mars/Olympus", "write it like Europe/Berlin"),
        ("sender", "nobody", "an address only"),
        ("sender", "Us <us@mill-lane.eu>", "an address only"),
        ("sender_name", "Verdicts, weekly", "can't have a comma"),
        ("base_url", "news", "DIGEST_BASE_URL must look like"),
        ("editors", "a@mill-lane.eu, b", "DIGEST_EDITORS must be addresses"),
        ("webhook_key", "no key", "not a public key"),
    ],
)
def test_an_answer_that_cannot_be_is_refused_in_words(name: str, answer: str, says: str) -> None:
    with pytest.raises(DigestError, match=says):
        checked(BY_NAME[name], answer)


@pytest.mark.parametrize(
    ("name", "answer"), [("at", "9"), ("at", "9:30"), ("on", "thu"), ("editors", ""), ("zone", "")]
)
def test_an_answer_may_be_short(name: str, answer: str) -> None:
    assert checked(BY_NAME[name], f" {answer} ") == answer


def test_what_is_missing_is_told_by_option() -> None:
    assert missing(QUESTIONS, {"name": "News"}) == ["--sender", "--postal-address", "--base-url"]
    assert missing(QUESTIONS, ANSWERS) == []


@pytest.mark.parametrize(
    ("name", "sender"),
    [("", "news@mill-lane.eu"), ("Dr. A", '"Dr. A" <news@mill-lane.eu>'), ("Ä B", "Ä B <news@")],
)
def test_name_and_address_become_one_setting(name: str, sender: str) -> None:
    made = settings_from({**ANSWERS, "sender_name": name})["DIGEST_FROM"]
    assert made.startswith(sender)
    assert load({}, DIGEST_FROM=made).sender == made


def test_with_a_key_mail_goes_to_the_provider_and_a_secret_is_made_once() -> None:
    first = changes(load({}), {}, settings_from({**ANSWERS, "api_key": "SG.key"}))
    assert (first["DIGEST_TRANSPORT"], len(first["DIGEST_SECRET"])) == ("sendgrid", 64)


def test_what_stands_there_already_is_not_written_again(empty_folder: Path) -> None:
    (empty_folder / ".env").write_text(
        "DIGEST_SECRET=0123456789abcdef0123456789abcdef\nDIGEST_EDITORS=ed@mill-lane.eu\n", "utf-8"
    )
    wanted = {"DIGEST_EDITORS": "ed@mill-lane.eu", "DIGEST_BASE_URL": "https://news.mill-lane.eu"}
    assert changes(load({}), {}, wanted) == {"DIGEST_BASE_URL": "https://news.mill-lane.eu"}


def test_a_key_that_comes_from_a_file_of_its_own_stays_there(empty_folder: Path) -> None:
    (empty_folder / "key").write_text("SG.key", "utf-8")
    (empty_folder / ".env").write_text(
        "DIGEST_SENDGRID_API_KEY_FILE=key\nDIGEST_TRANSPORT=sendgrid\n", "utf-8"
    )
    today = {"DIGEST_SENDGRID_API_KEY": "SG.key"}
    assert set(changes(load({}), today, today)) == {"DIGEST_SECRET"}
    assert "DIGEST_SENDGRID_API_KEY" in changes(
        load({}), today, {"DIGEST_SENDGRID_API_KEY": "SG.new"}
    )


def test_with_a_relay_mail_goes_by_smtp() -> None:
    answers = {**ANSWERS, "smtp_host": "mail.mill-lane.eu", "smtp_security": "tls"}
    made = changes(load({}), {}, settings_from(answers))
    assert made["DIGEST_TRANSPORT"] == "smtp"
    assert (made["DIGEST_SMTP_HOST"], made["DIGEST_SMTP_SECURITY"]) == ("mail.mill-lane.eu", "tls")


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ({}, {"smtp_host", "sendgrid_url", "webhook_key", "api_key"}),
        ({"api_key": "SG.key"}, {"sendgrid_url", "webhook_key", "api_key"}),
        (
            {"smtp_host": "mail.mill-lane.eu"},
            {"api_key", "smtp_host", "smtp_port", "smtp_security", "smtp_user", "bounce_address"},
        ),
    ],
)
def test_who_has_chosen_one_way_out_is_not_asked_about_the_other(
    answers: dict[str, str], asked: set[str]
) -> None:
    of_ways_out = {each.name for each in QUESTIONS if not each.newsletter} - {
        "sender_name", "sender", "postal_address", "base_url", "editors",
    }  # fmt: skip
    assert {name for name in of_ways_out if BY_NAME[name].is_asked(answers)} == asked
