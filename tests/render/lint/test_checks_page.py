"""The checks page of the documentation, generated from the lint rules and their examples.

After an intended change: ``DIGEST_UPDATE_GOLDEN=1 pytest tests/render/lint/test_checks_page.py``
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from digest.render.lint import runner
from digest.render.lint.finding import Finding, LintedMail, LintRule, Severity
from digest.render.lint.mjml import check
from digest.render.lint.mjml.check import check_mjml
from digest.render.lint.runner import lint_mail
from tests.render.lint.test_mjml import PLANTED, planted
from tests.render.lint.test_rules import BROKEN, GOOD, html

AnyRule = LintRule[Any, Any]  # of a mail, or of parsed MJML
PAGE = Path(__file__).parents[3] / "docs" / "checks.md"
RULES: Sequence[AnyRule] = (*runner.RULES, *check.RULES)
#: The page's headings, by the module of the rules below each.
HEADINGS = {
    "size": "Size",
    "unrendered": "Leftovers",
    "links": "Links and images",
    "compliance": "Law and mailbox providers",
    "subject_line": "Subject and preheader",
    "accessibility": "Accessibility",
    "parser": "MJML that can't be read",
    "structure": "MJML's own rules",
    "compiler_pitfalls": "What the compiler gets wrong",
}
#: Where an example stands.
PLACES = {
    "html": "in the mail",
    "mail": "as the HTML part",
    "text": "as the text part",
    "subject": "as the subject",
    "preheader": "as the preheader",
    "mjml": "in a column",
    "head": "in the head",
    "body": "in the body",
}
HEAD = """\
# Checks

Digest checks every mail before it can go out. `digest check ISSUE` and the desk (`digest preview`)
show the same findings. An **error** blocks approving and sending. A person has to accept a
**warning**: with `digest approve ISSUE --despite RULE`, or by ticking its box at the desk.

This page lists every rule, with an example that fails, the check's message, and an example that
passes. “word \N{MULTIPLICATION SIGN} 900” means 900 lines of it. This page is generated from
the rules, and a test runs every example.

Digest doesn't check what each mail program supports (the tables of caniemail.com), because no
Python package includes them, and Digest downloads nothing. [Design](design.md) says what the
shipped templates rely on.

A rule is a function with its words and examples above it, and a line in a list: the rules for the
finished mail are in `digest.render.lint.rules`, those for MJML in `digest.render.lint.mjml`.

# The mail
"""
MJML_HEAD = """
# MJML

The compiler reports nothing, so Digest checks templates first. A finding names the file, line and
column, also inside an include, a macro or a loop. Statements about the compiler were tested with
the version that `tags.json` names.
"""
#: Rules that look at more than a mail or its template, or need a program that may be missing.
TAIL = """
# Around the mail

### settings-changed

**Error.** A frozen mail keeps the site's URL, the postal address and the sender it was built with.
If `DIGEST_BASE_URL` or `DIGEST_POSTAL_ADDRESS` has changed, the mail's links wouldn't match its
headers. If `DIGEST_FROM` has changed, it would come from a sender that nobody approved. Restore the
setting, or build the issue again. Whatever the setting says, every reader of an issue gets it from
the sender it was built with. If nobody has got an issue yet (the provider refused the sender, for
example), `digest resume ISSUE` switches it to the new sender. It continues once that is approved:
the earlier approval is void.

### withdrawn

**Error.** The issue carries a comparison that was withdrawn after it was built, or tells of the
votes on one, or that its verdict changed. Build it again.

### changed-again

**Warning.** The issue tells of a verdict that [changed since earlier
issues](votes.md#when-a-verdict-changes), and it has changed again after the issue was built. Build
it again, or approve it as it is: the next issue tells the rest.

### changed-since

**Warning.** A verdict that an earlier issue told has changed after this issue was built, so it
doesn't mention it. Build it again, or send it as it is: the next issue tells it. Only `digest
check` says this. Neither approving nor sending waits for it, so nobody has to accept it.

### edited

**Warning.** An editor changed the words of a comparison after the issue was built, so its mail has
the old ones, and an earlier approval no longer counts. Build it again with the new words, or
approve it as it is.

### panel-share

**Warning.** The mail shows a tool's panel share, and quotes reviewers with their calls. If the
share isn't a number of whole seats, or contradicts the calls, one of them is wrong, and readers
would see both.

### embargo

**Warning.** An editor can add a comparison that is dated after the issue's day. Readers would see
it before its publication, and its maker may have asked for that date. The rule itself never picks
such a comparison (`not-yet`, see [How comparisons are chosen](pick-rule.md)).

Fails in an issue of 24 November: a comparison published on 30 November. The check says:
`Sable Guard vs Tidepool Notes is dated 30 November, six days after this issue`. How to fix it:
`Leave it out, or make sure that it may be shown by then.`

Passes: a comparison published on 24 November or before, or without a date.

### quote-gone

**Warning.** An editor chose a verdict, or a passage from it, for the mail to quote, but the
comparison no longer has these words, because it was imported again or edited. The mail quotes the
current verdict. It never shows words that their author didn't write.

### words-unsaid

**Warning.** An editor wrote an opening, a note or a block, and the mail doesn't show it, because
your own templates are older than these. Take `issue.mjml`, `issue.txt` and their partials from the
shipped templates.

### changes-unsaid

**Warning.** A verdict changed since an earlier issue, and the mail doesn't tell it, because your
own templates are older than these. Take `partials/changed.mjml`, and the lines about
`issue.changed` in `issue.mjml` and `issue.txt`, from the shipped templates.

### correction-unsaid

**Error.** A [correction](every-week.md#when-a-sent-issue-was-wrong) starts with what was wrong
and what is right, but your own templates are older than corrections and don't show it. Take
`partials/correction.mjml`, and the lines about `issue.correction` in `issue.mjml` and `issue.txt`,
from the shipped templates.

### spam-score

**Warning** above 0 points, **error** from 5 on. SpamAssassin's score for the mail as it will be
sent, without network tests. It only runs if it's installed and you ask for it (`digest check ISSUE
--spam`). The finding names the tests that counted.

### unreachable

**Warning.** A link or image answers with an error, or not at all. This check only runs if you ask
for it (`digest check ISSUE --reach`), because it's the only one that uses the network. It never
requests a reader's own links, nor a private address, unless `DIGEST_ALLOWED_NETWORKS` has it.
"""
MJML = """\
<mjml><mj-head><mj-title>Two</mj-title>{head}<mj-attributes><mj-class name="big" font-size="20px"/>
<mj-class name="huge" font-size="40px"/></mj-attributes></mj-head><mj-body>{body}<mj-section>
<mj-column>{mjml}</mj-column></mj-section></mj-body></mjml>
"""


def page() -> str:
    mail = "".join(sections(runner.RULES))
    mjml = "".join(sections(check.RULES))
    return HEAD + mail + MJML_HEAD + mjml + TAIL


def sections(rules: Sequence[AnyRule]) -> Iterator[str]:
    for module, heading in HEADINGS.items():
        below = [rule for rule in rules if rule.check.__module__.endswith(f".{module}")]
        if below:
            yield f"\n## {heading}\n" + "".join(map(section, below))


def section(rule: AnyRule) -> str:
    text = rule.text
    finding = findings(rule, text.fails)[0]
    level = text.level[0].upper() + text.level[1:]
    source = f"Source: {text.source.removesuffix('.')}." if text.source else ""
    return "\n" + "\n\n".join(
        [
            f"### {rule.name}",
            filled(f"**{level}.** {looks_for(rule)} {text.why} {source}"),
            f"Fails {PLACES[text.example_of]}:",
            fenced(text.fails, text.example_of),
            filled(f"The check says: `{finding.message}`. How to fix it: `{finding.mend}`"),
            "Passes:",
            fenced(text.passes, text.example_of) + "\n",
        ]
    )


def filled(paragraph: str) -> str:
    return textwrap.fill(paragraph, 100, break_long_words=False, break_on_hyphens=False)


def fenced(example: str, kind: str) -> str:
    language = "text" if kind in {"text", "subject", "preheader"} else "html"
    return f"```{language}\n{shortened(example)}\n```"


def looks_for(rule: AnyRule) -> str:
    """Return the docstring of a check as a statement: "Forbid …" becomes "Forbids …"."""
    verb, _, rest = str(rule.check.__doc__).partition(" ")
    return f"{verb}s {rest}"


def shortened(example: str) -> str:
    """Return an example with repeated lines, and lines of one character, counted."""
    lines = []
    for line, same in groupby(example.rstrip("\n").split("\n")):
        count = len(list(same))
        char = re.fullmatch(r"(.)\1{99,}", line)
        times, part = (len(line), char[1]) if char else (count, line)
        lines.append(f"{part} \N{MULTIPLICATION SIGN} {times:,}" if times > 1 else part)
    return "\n".join(lines)


def findings(rule: AnyRule, example: str) -> list[Finding]:
    kind = rule.text.example_of
    if kind in {"mjml", "head", "body"}:
        return check_mjml(MJML.format(**({"mjml": "", "head": "", "body": ""} | {kind: example})))
    return lint_mail(mail_with(kind, example))


def mail_with(kind: str, example: str) -> LintedMail:
    if kind == "html":
        return html(example)
    changed: dict[str, Any] = {"html" if kind == "mail" else kind: example}
    return replace(GOOD, **changed)


def test_the_page_describes_every_rule_as_it_is() -> None:
    if os.environ.get("DIGEST_UPDATE_GOLDEN"):
        PAGE.write_text(page(), "utf-8")
    assert PAGE.read_text("utf-8") == page()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_finds_its_own_fault_and_no_other_in_its_failing_example(rule: AnyRule) -> None:
    assert {finding.rule for finding in findings(rule, rule.text.fails)} == {rule.name}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_rule_finds_anything_in_a_passing_example(rule: AnyRule) -> None:
    assert findings(rule, rule.text.passes) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_level_names_each_severity_a_rule_gives_and_no_other(rule: AnyRule) -> None:
    of_mails = {severity for other, _, severity in BROKEN if other.name == rule.name}
    of_mjml = {
        finding.severity
        for piece, change, name, _ in PLANTED
        if name == rule.name
        for finding in check_mjml(planted(piece, change))
        if finding.rule == name
    }
    named = {severity for severity in Severity if severity in rule.text.level}

    assert named == of_mails | of_mjml


def test_no_two_rules_bear_one_name_and_none_is_missing() -> None:
    names = [rule.name for rule in RULES]
    on_page = re.findall(r"^### (\S+)$", PAGE.read_text("utf-8"), re.MULTILINE)

    assert len(set(names)) == len(names)
    assert len(on_page) == len(set(on_page)) == len(names) + TAIL.count("\n### ")
