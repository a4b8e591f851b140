"""The rendering engine: repeatable bytes, escaping, and errors with their place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from digest.errors import TemplateBroken
from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG
from digest.render.engine import render
from digest.render.template_errors import TemplateFault
from tests.render.samples import full_week, make_contender, make_issue, make_revision

BODY = "<mjml><mj-body><mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section>"


def write_mail(folder: Path, mjml: str, *, subject: str = "Hello", text: str = "Hello") -> Path:
    (folder / "note.subject.txt").write_text(subject)
    (folder / "note.mjml").write_text(BODY.format(mjml) + "</mj-body></mjml>")
    (folder / "note.txt").write_text(text)
    return folder


def test_an_issue_is_the_same_bytes_every_time() -> None:
    issue = make_issue(*full_week())

    assert render("issue", {"issue": issue}) == render("issue", {"issue": issue})


def test_no_line_of_an_issue_is_too_long_for_a_mail_server() -> None:
    html = render("issue", {"issue": make_issue(*full_week())}).html

    assert max(len(line.encode()) for line in html.splitlines()) <= 900


def test_reader_tags_reach_the_mail_unchanged() -> None:
    mail = render("issue", {"issue": make_issue()})

    for part in (mail.html, mail.text):
        assert f"https://news.example.com/u/{UNSUBSCRIBE_TAG}" in part
        assert f"https://news.example.com/p/{PREFERENCES_TAG}" in part


def test_links_of_the_reader_are_never_rewritten_for_click_tracking() -> None:
    html = render("issue", {"issue": make_issue()}).html

    assert (html.count("/u/"), html.count("/v/")) == (2, 4)
    assert html.count("clicktracking=off href=") == 9
    assert len(re.findall(r'clicktracking=off href="[^"]*/v/', html)) == 4


@pytest.mark.parametrize(
    "stored",
    [
        "</mj-text><mj-raw><script>alert(1)</script></mj-raw>",
        "<mj-include path='/etc/passwd' />",
        "{{ 7 * 7 }} {% for x in y %} {# z #}",
        f"{UNSUBSCRIBE_TAG} {PREFERENCES_TAG}",
        "%open-track% [%first_name%] <%asm_group_unsubscribe_raw_url%> [unsubscribe]",
        "<img src=x onerror=alert(1)> & &amp; \"'",
    ],
)
def test_stored_text_is_shown_and_never_interpreted(stored: str) -> None:
    plain = render("issue", {"issue": make_issue()})
    mail = render("issue", {"issue": make_issue(make_revision(make_contender(0, stored)))})

    for sign in ("<script", "<img", "<mj-"):
        assert sign not in mail.html
    for sign in ("{{", "{%", "%open-track%", "<%", "[unsubscribe]"):
        assert sign not in mail.html + mail.text + mail.subject
    for tag in (UNSUBSCRIBE_TAG, PREFERENCES_TAG):
        assert mail.html.count(tag) == plain.html.count(tag)
        assert mail.text.count(tag) == plain.text.count(tag)


def test_a_template_of_the_installation_replaces_the_shipped_one_of_its_name(
    tmp_path: Path,
) -> None:
    (tmp_path / "issue.subject.txt").write_text("Ours: {{ issue.subject }}")

    mail = render("issue", {"issue": make_issue()}, folder=tmp_path)

    assert mail.subject.startswith("Ours: ")
    assert "Lantern Code 3" in mail.html


def test_an_undefined_variable_is_reported_with_file_and_line(tmp_path: Path) -> None:
    folder = write_mail(tmp_path, "one\n{{ nothing }}")

    with pytest.raises(TemplateFault, match="'nothing' is undefined") as caught:
        render("note", {}, folder=folder)

    assert (caught.value.file, caught.value.line) == ("note.mjml", 2)


def test_a_syntax_error_is_reported_with_file_and_line(tmp_path: Path) -> None:
    folder = write_mail(tmp_path, "one\n\n{% if %}")

    with pytest.raises(TemplateFault, match=r"note\.mjml:3: "):
        render("note", {}, folder=folder)


def test_unreadable_mjml_is_reported_with_the_text_near_it(tmp_path: Path) -> None:
    folder = write_mail(tmp_path, "a < b")

    with pytest.raises(TemplateFault, match=r"note\.mjml: MJML can't read"):
        render("note", {}, folder=folder)


def test_a_tag_mjml_does_not_know_is_refused(tmp_path: Path) -> None:
    folder = write_mail(tmp_path, "</mj-text><mj-fancy>x</mj-fancy><mj-text>")

    with pytest.raises(TemplateFault, match="doesn't know <mj-fancy>"):
        render("note", {}, folder=folder)


@pytest.mark.parametrize("value", [None, float("nan"), ["a"], True])
def test_a_value_that_is_neither_text_nor_a_number_is_not_printed(
    tmp_path: Path, value: object
) -> None:
    folder = write_mail(tmp_path, "{{ value }}")

    with pytest.raises(TemplateBroken, match="a reader shouldn't see it"):
        render("note", {"value": value}, folder=folder)


def test_a_template_can_not_reach_into_python(tmp_path: Path) -> None:
    folder = write_mail(tmp_path, "{{ ''.__class__.__mro__ }}")

    with pytest.raises(TemplateBroken, match="unsafe"):
        render("note", {}, folder=folder)


def test_a_missing_template_is_reported_with_the_folders_searched(tmp_path: Path) -> None:
    with pytest.raises(TemplateBroken, match=r"no template nowhere\.mjml in"):
        render("nowhere", {}, folder=tmp_path)


def test_a_template_added_later_replaces_the_shipped_one_at_once(tmp_path: Path) -> None:
    issue = {"issue": make_issue()}
    before = render("issue", issue, folder=tmp_path).subject
    (tmp_path / "issue.subject.txt").write_text("Ours")

    assert render("issue", issue, folder=tmp_path).subject == "Ours"
    (tmp_path / "issue.subject.txt").unlink()
    assert render("issue", issue, folder=tmp_path).subject == before
