"""What differs between two mails, by structure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from digest.issues.content import IssueView
from digest.issues.content.view import ComparisonView
from digest.preview.changes import AROUND, MailChanges, MailContent, compare
from digest.preview.panels import variables_of
from digest.preview.query import PanelName, PreviewQuery
from digest.render.engine import render
from digest.render.lint import Finding, warning
from tests.preview.conftest import EditorFolder
from tests.render.samples import make_issue


def content(view: IssueView, findings: Sequence[Finding] = ()) -> MailContent:
    mail = render("issue", {"issue": view})
    return MailContent(
        subject=mail.subject,
        preheader=view.preheader,
        html=mail.html,
        text=mail.text,
        view=view,
        findings=findings,
    )


def named(slug: str, left: str, right: str) -> ComparisonView:
    """Return the sample comparison under other names."""
    return replace(
        FIRST, slug=slug, title=f"{left} vs {right}", url=f"https://news.example.com/{slug}"
    )


def carrying(*comparisons: ComparisonView) -> IssueView:
    return replace(make_issue(), comparisons=comparisons)


FIRST = make_issue().comparisons[0]
SECOND, THIRD = named("second", "Anvil", "Bellows"), named("third", "Crucible", "Die")
ISSUE = carrying(FIRST, SECOND)


def words(rows: object) -> str:
    assert isinstance(rows, list)
    return " ".join(f"{part.kind}:{part.text}" for row in rows for part in row.parts)


def test_the_same_mail_has_no_changes() -> None:
    assert not compare(content(ISSUE), content(ISSUE)).any


def test_comparisons_come_in_and_go_out_by_name() -> None:
    found = compare(content(carrying(FIRST)), content(carrying(SECOND)))

    assert (found.added, found.removed, found.moved) == ([SECOND.title], [FIRST.title], [])


def test_only_what_moved_is_said_to_have_moved() -> None:
    before = content(carrying(FIRST, SECOND, THIRD))
    now = content(carrying(THIRD, FIRST, SECOND))

    assert compare(before, now).moved == [("Crucible vs Die", 3, 1)]


def test_two_comparisons_are_never_compared_with_each_other() -> None:
    alike = named("other", "Anvil", "Crucible")  # shares a tool, and every other word

    assert compare(content(carrying(SECOND)), content(carrying(alike))).blocks == []
    both = compare(content(carrying(FIRST, SECOND)), content(carrying(FIRST, alike)))
    assert both.blocks == []


def test_a_comparison_is_compared_with_its_earlier_self() -> None:
    edited = replace(FIRST, verdict_lead="None.", verdict_rest="")
    found = compare(content(carrying(FIRST, SECOND)), content(carrying(SECOND, edited)))

    assert [name for name, _ in found.blocks] == [FIRST.title]
    assert "in:None." in words(found.blocks[0][1])


def test_the_words_and_the_rest_of_the_text_are_told_apart() -> None:
    now = replace(ISSUE, subject="Another", opening="All new.", number=ISSUE.number + 1)
    found = compare(content(ISSUE), content(now))

    assert [name for name, _ in found.words] == ["Subject", "Opening words"]
    assert [name for name, _ in found.blocks] == [AROUND]
    assert "All new." not in words(found.blocks[0][1])


def test_weight_and_findings_are_compared() -> None:
    gone, stays, new = (
        warning("rule", "html", message, "Mend it.") for message in ("gone", "stays", "new")
    )
    before, now = content(ISSUE, [gone, stays]), content(ISSUE, [stays, new])
    found: MailChanges = compare(before, replace(now, html=now.html + "x" * 500))

    assert (found.found, found.mended) == (["new"], ["gone"])
    assert found.bytes_now - found.bytes_before == 500


def test_the_filler_after_a_preheader_is_not_shown() -> None:
    found = compare(content(ISSUE), content(replace(ISSUE, preheader="Another one.")))
    shown = words(found.html)

    assert "Another one." in shown
    assert not any(filler in shown for filler in ("&#847;", "&zwnj;", "\u034f", "\u200c"))


def test_without_what_it_was_made_of_the_text_is_compared_as_a_whole() -> None:
    now = replace(ISSUE, opening="All new.")
    before, after = (replace(content(view), view=None) for view in (ISSUE, now))
    found = compare(before, after)

    assert (found.added, found.removed) == ([], [])
    assert "All new." in words(found.blocks[0][1])


def test_the_desk_compares_with_the_edition_that_was_approved(editor: EditorFolder) -> None:
    shown = editor.desk.renew()
    assert shown.pick is not None
    editor.desk.approve(shown.seal, [], "Kim")
    editor.desk.decide({"act": "drop", "slug": shown.pick.chosen[0].candidate.slug})
    editor.desk.renew()
    query = PreviewQuery(view=PanelName.CHANGES, against="approved")
    found = variables_of(editor.desk, query)

    assert found["before"] == "approved by Kim"
    assert found["changes"].removed == [shown.pick.chosen[0].candidate.title]
    assert len(found["changes"].added) == 1
