"""The MJML check: planted mistakes, each found at its place."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest

from digest.render.lint.finding import Finding, Severity
from digest.render.lint.mjml import check
from digest.render.lint.mjml.__main__ import main
from digest.render.lint.mjml.check import check_mjml
from digest.render.lint.mjml.source_map import fill_checked
from digest.render.sandbox import render_checked
from digest.render.template_errors import TemplateFault
from digest.render.template_paths import template_folders
from tests.render.samples import full_week, make_issue
from tests.render.test_engine import write_mail

TAGS = Path(str(check.__file__)).with_name("tags.json")
GOOD = """\
<mjml lang="en">
  <mj-head>
    <mj-title>Two tools</mj-title>
    <mj-preview>Which one ships?</mj-preview>
    <mj-attributes>
      <mj-all font-family="Arial"></mj-all>
      <mj-text color="#111"></mj-text>
      <mj-class name="big" font-size="20px"></mj-class>
      <mj-class name="red" color="red" font-size="22px"></mj-class>
    </mj-attributes>
    <mj-style>.a > b { color: red; }</mj-style>
    <mj-raw><meta name="color-scheme" content="light dark"><!--[if mso]><p><![endif]--></mj-raw>
  </mj-head>
  <mj-body width="600px">
    <mj-section padding="20px" padding-left="24px">
      <mj-column width="50%">
        <mj-text mj-class="big" css-class="soft">One & <b>two</b><br>three &nbsp; <a href="https://a.example/?a=1&b=2">x</a></mj-text>
        <mj-image src="https://a.example/a.png" alt="A chart" />
      </mj-column>
      <mj-column width="50%">
        <mj-button href="https://a.example/">Read</mj-button>
        <mj-table><tr><td>1</td></tr></mj-table>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""

#: A piece of the good mail, what it is changed into, the rule that finds it, the words it marks.
PLANTED = [
    ("<mj-text mj-class", "<mj-txt mj-class", "mjml-tag", "<mj-txt"),
    ("<mj-button href", "<MJ-Button href", "mjml-tag", "<MJ-Button"),
    ("<mj-table><tr>", '<mj-include path="a.mjml" /><mj-table><tr>', "mjml-tag", "<mj-include"),
    ("</mj-attributes>", "</mj-attributes><mj-html-attributes/>", "mjml-tag", "<mj-html-"),
    ("</mj-section>", "</mj-section><mj-text>x</mj-text>", "mjml-nesting", "<mj-text"),
    ("<mj-table><tr>", "<mj-section></mj-section><mj-table><tr>", "mjml-nesting", "<mj-section"),
    ("<b>two</b>", '<mj-button href="#">y</mj-button>', "mjml-nesting", "<mj-button"),
    ("<mj-table><tr>", "<p>words</p><mj-table><tr>", "mjml-nesting", "<p"),
    ('<mjml lang="en">', '<mjml lang="en"><mj-raw>x</mj-raw>', "mjml-nesting", "<mj-raw"),
    ("</mj-body>", "</mj-body><mj-body></mj-body>", "mjml-nesting", "<mj-body"),
    ("color: red; }</mj-style>", "}</mj-style><mj-column />", "mjml-nesting", "<mj-column"),
    ("<mj-section padding", "words<mj-section padding", "mjml-stray-text", "words"),
    ('css-class="soft"', 'colour="red"', "mjml-attribute", "colour"),
    ('css-class="soft"', 'font-sise="20px"', "mjml-attribute", "font-sise"),
    ('width="600px"', 'witdh="600px"', "mjml-attribute", "witdh"),
    ('css-class="soft"', 'color="red" color="blue"', "mjml-twice", "color"),
    ('css-class="soft"', 'color="notacolour"', "mjml-value", 'color="notacolour"'),
    ('css-class="soft"', 'align="middle"', "mjml-value", 'align="middle"'),
    ('padding-left="24px"', 'padding-left="24"', "mjml-value", 'padding-left="24"'),
    ("<b>two</b>", "<b>two", "mjml-syntax", "<b"),
    ("<br>", "<p>one<p>two</p>", "mjml-syntax", "<p"),
    ("<br>", "a < b", "mjml-syntax", "< b"),
    ("<br>", "<%asm_unsubscribe%>", "mjml-syntax", "<%asm"),
    ("<br>", "<!-- a -- b -->", "mjml-syntax", "<!-- a -- b -->"),
    ("<br>", "\x01", "mjml-syntax", "\x01"),
    ("<br>", "<![CDATA[x]]>", "mjml-syntax", "<![CDATA["),
    ("<br>", "</i>", "mjml-syntax", "</i>"),
    ('href="https://a.example/">Read', "href=https://a.example/>Read", "mjml-syntax", "href="),
    ('src="https://a.example/a.png" alt', 'src="https://a.example/a.png"alt', "mjml-syntax", "alt"),
    ('<mjml lang="en">', '<?xml version="1.0"?><mjml lang="en">', "mjml-syntax", "<?xml"),
    ("Two tools<", "Two < tools<", "mjml-syntax", "< tools"),
    ("</mjml>", "", "mjml-syntax", "<mjml"),
    ("</mjml>", "</mjml>the end", "mjml-syntax", "the end"),
    ("<b>two</b>", '<b style="\ncolor:red">two</b>', "mjml-line-break", "style"),
    ("<b>two</b>", '<b title="a\u00a0b">two</b>', "mjml-character", "title"),
    ("<b>two</b>", "<b title='say \"x\"'>two</b>", "mjml-quotes", "title"),
    ("<mj-style>", '<mj-style inline="inline">', "mjml-inline", "<mj-style"),
    (' alt="A chart"', "", "mjml-alt", "<mj-image"),
    ("<b>two</b>", '<img src="https://a.example/b.png" />', "mjml-alt", "<img"),
    ('padding="20px"', 'padding="0 20px"', "mjml-section-padding", "padding"),
    ('mj-class="big"', 'mj-class="big red"', "mjml-class", "<mj-text"),
    ('mj-class="big"', 'mj-class="bigg"', "mjml-unknown-class", "<mj-text"),
    ('<mj-button href="https://a.example/"', "<mj-button", "mjml-target", "<mj-button"),
    ("<mj-table>", '<mj-table role="none">', "mjml-no-effect", "role"),
    ('<mj-column width="50%">', '<mj-column width="60%">', "mjml-widths", "<mj-section"),
    (
        "<mj-table><tr>",
        '<mj-navbar hamburger="hamburger"></mj-navbar><mj-navbar hamburger="hamburger">'
        "</mj-navbar><mj-table><tr>",
        "mjml-shared-id",
        "<mj-navbar",
    ),
]


def planted(piece: str, change: str) -> str:
    assert piece in GOOD
    return GOOD.replace(piece, change, 1)


def messages(findings: list[Finding]) -> list[str]:
    return [str(finding) for finding in findings]


def test_a_good_mail_has_no_findings() -> None:
    assert messages(check_mjml(GOOD)) == []


@pytest.mark.parametrize(("piece", "change", "rule", "words"), PLANTED)
def test_a_planted_mistake_is_found_by_its_rule(
    piece: str, change: str, rule: str, words: str
) -> None:
    assert rule in [finding.rule for finding in check_mjml(planted(piece, change))]


@pytest.mark.parametrize(("piece", "change", "rule", "words"), PLANTED)
def test_line_and_column_point_at_the_offending_words(
    piece: str, change: str, rule: str, words: str
) -> None:
    source = planted(piece, change)
    finding = next(finding for finding in check_mjml(source) if finding.rule == rule)

    assert finding.line is not None
    assert finding.column is not None
    assert source.split("\n")[finding.line - 1][finding.column - 1 :].startswith(words)


def test_at_least_thirty_mistakes_are_planted() -> None:
    assert len(PLANTED) >= 30


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("<mj-colum>", "mj-column"), ("<mj-buton>", "mj-button"), ("<mj-txt>", "mj-text")],
)
def test_a_typo_gets_a_suggestion(wrong: str, meant: str) -> None:
    findings = check_mjml(planted("<mj-table>", f"{wrong}<mj-table>"))

    assert any(finding.mend == f"Did you mean {meant}?" for finding in findings)


@pytest.mark.parametrize(
    "harmless",
    [
        "<!-- one - two -->",
        "<!--[if mso]><td width=600><![endif]-->",
        "a > b",
        "fish & chips",
        "<hr>",
        "<input disabled>",
        "{{ name }}",
        "<B>loud</B>",
        '<a title="a < b">x</a>',
    ],
)
def test_what_the_compiler_accepts_is_no_fault(harmless: str) -> None:
    assert messages(check_mjml(planted("<br>", harmless))) == []


def test_five_mistakes_in_one_mail_are_all_found() -> None:
    source = planted("<br>", "<p>").replace("<mj-table>", "<mj-tabel>").replace("#111", "#1")
    rules = {
        finding.rule for finding in check_mjml(source.replace("<mj-button", "<mj-button target"))
    }

    assert {"mjml-syntax", "mjml-tag", "mjml-value"} <= rules


def test_the_shipped_templates_have_no_fault() -> None:
    for issue in (make_issue(), make_issue(*full_week())):
        _, findings = fill_checked("issue.mjml", {"issue": issue}, template_folders("email"))
        assert messages(findings) == []


def test_a_fault_in_a_partial_is_reported_with_its_own_file_and_line(tmp_path: Path) -> None:
    write_mail(tmp_path, "{% include 'deep.mjml' %}")
    (tmp_path / "deep.mjml").write_text("{# one #}\n<b>\n  {{ word }} <mj-buton>x</mj-buton></b>")

    _, findings = fill_checked(
        "note.mjml", {"word": "a" * 500}, template_folders("email", tmp_path)
    )

    assert [(finding.file, finding.line, finding.column) for finding in findings] == [
        ("deep.mjml", 3, 14)
    ]


def test_a_fault_in_a_macro_is_reported_once_at_the_macro(tmp_path: Path) -> None:
    write_mail(
        tmp_path, "{% import 'parts.mjml' as p %}{% for n in range(3) %}{{ p.x() }}{% endfor %}"
    )
    (tmp_path / "parts.mjml").write_text("{% macro x() %}\n<img\n src='a'>\n{% endmacro %}")

    _, findings = fill_checked("note.mjml", {}, template_folders("email", tmp_path))

    assert [(finding.file, finding.line, finding.rule) for finding in findings] == [
        ("parts.mjml", 2, "mjml-alt")
    ]


def test_stored_text_is_never_taken_for_mjml(tmp_path: Path) -> None:
    write_mail(tmp_path, "{{ word }}")

    hostile = {"word": "</mj-text><mj-raw>\ue0000\ue001<"}
    _, findings = fill_checked("note.mjml", hostile, template_folders("email", tmp_path))

    assert findings == []


def test_f02_mjml_that_can_not_be_read_is_refused_with_line_column_and_words(
    tmp_path: Path,
) -> None:
    write_mail(tmp_path, "one\n  two < three")

    with pytest.raises(TemplateFault, match="Write &lt;") as caught:
        render_checked("note", {}, folder=tmp_path)

    fault = caught.value
    assert (fault.file, fault.line, fault.column) == ("note.mjml", 2, 7)
    assert fault.words.startswith("< three")


def test_every_rule_says_how_to_mend_it() -> None:
    for piece, change, _, _ in PLANTED:
        for finding in check_mjml(planted(piece, change)):
            assert re.search(r"[.?)]$", finding.mend)
            assert finding.severity in Severity


def test_the_compiler_in_use_is_the_one_the_tags_and_pitfalls_were_tried_with() -> None:
    """After an update: try each rule of `compiler_pitfalls`, then write the version."""
    tried = json.loads(TAGS.read_text("utf-8"))["made_from"]["compiler"]

    assert version("mjml-python") == tried["mjml-python"]


def test_the_command_checks_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good.mjml").write_text(GOOD)
    (tmp_path / "bad.mjml").write_text(planted("<mj-table>", "<mj-tabel>"))

    assert main([str(tmp_path / "good.mjml")]) == 0
    assert main([str(tmp_path / "bad.mjml")]) == 1
    assert "bad.mjml:22:9: <mj-tabel> isn't an MJML tag" in capsys.readouterr().out
