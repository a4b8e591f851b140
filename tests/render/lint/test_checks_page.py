"""docs/checks.md: it lists every lint rule, and each example behaves as stated."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from digest.render.lint import runner
from digest.render.lint.finding import Finding
from digest.render.lint.mjml import compiler_pitfalls, structure
from digest.render.lint.mjml.check import check_mjml as check_mjml
from digest.render.lint.runner import lint_mail
from tests.render.lint.test_rules import GOOD, GOOD_HTML

PAGE = (Path(__file__).parents[3] / "docs" / "checks.md").read_text(encoding="utf-8")
SECTION = re.compile(r"^### (\S+)\n(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)
EXAMPLE = re.compile(r"^```(\w+) (fails|passes)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TIMES = re.compile("^(.*) \u00d7 ([0-9,]+)$", re.MULTILINE)
#: Need a program that may not be installed, go out, or look at more than the mail itself.
APART = {"spam-score", "unreachable", "settings-changed", "panel-share"}
MJML = """\
<mjml><mj-head><mj-title>Two</mj-title>{head}<mj-attributes><mj-class name="big" font-size="20px"/>
<mj-class name="huge" font-size="40px"/></mj-attributes></mj-head><mj-body>{body}<mj-section>
<mj-column>{mjml}</mj-column></mj-section></mj-body></mjml>
"""


def sections() -> dict[str, list[tuple[str, str, str]]]:
    return {
        name: [
            (kind, told, TIMES.sub(repeated, text.rstrip("\n")))
            for kind, told, text in EXAMPLE.findall(body)
        ]
        for name, body in SECTION.findall(PAGE)
    }


def repeated(found: re.Match[str]) -> str:
    words, count = found[1], int(found[2].replace(",", ""))
    return (f"{words}\n" if words == "word" or words.startswith("<") else words) * count


def findings(kind: str, text: str) -> list[Finding]:
    if kind in {"mjml", "head", "body"}:
        parts = {"mjml": "", "head": "", "body": ""} | {kind: text}
        return check_mjml(MJML.format(**parts))
    added = GOOD_HTML.replace("<p>Weekly", f"{text}<p>Weekly")
    return lint_mail(
        {
            "html": replace(GOOD, html=added),
            "mail": replace(GOOD, html=text),
            "text": replace(GOOD, text=text),
            "subject": replace(GOOD, subject=text),
            "preheader": replace(GOOD, preheader=text),
        }[kind]
    )


EXAMPLES = [
    pytest.param(name, kind, told, text, id=f"{name}-{told}")
    for name, found in sections().items()
    for kind, told, text in found
]


@pytest.mark.parametrize(("name", "kind", "told", "text"), EXAMPLES)
def test_an_example_does_what_the_page_says(name: str, kind: str, told: str, text: str) -> None:
    found = [each.rule for each in findings(kind, text)]

    assert (name in found) == (told == "fails")
    assert told == "fails" or found == []


@pytest.mark.parametrize("name", sorted(sections().keys() - APART))
def test_a_rule_has_one_example_that_fails_and_one_that_passes(name: str) -> None:
    assert [told for _, told, _ in sections()[name]] == ["fails", "passes"]


def test_every_rule_is_on_the_page_and_no_other() -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for module in (runner, structure, compiler_pitfalls)
        for path in folder(str(module.__file__)).rglob("*.py")
    )
    named = set(re.findall(r"(?:error|warning|make|_fault|_at|_on|Fault)\(\s*\"([a-z-]+)\"", code))

    assert named | APART == sections().keys()


def folder(module: str) -> Path:
    path = Path(module).parent
    return path / "checks" if path.name == "render" else path
