"""The overlay: comparisons in files, laid over the stored ones."""

from __future__ import annotations

import json

import pytest

from digest.comparisons.editing import draft_of_revision, keep, with_words
from digest.comparisons.loader import read_file
from digest.comparisons.store import by_slug, latest, store_draft, summaries
from digest.preview.overlay import ComparisonFolder, ComparisonOverlay, overlay_drafts
from tests.preview.conftest import NOW, EditorFolder

NEW = {
    "title": "Anvil vs Bellows",
    "published_on": "2026-11-23",
    "weight": 9,
    "contenders": [
        {"name": name, "panel_share": share, "verdicts": [{"seat": 1, "quote": "It holds."}]}
        for name, share in (("Anvil", 100), ("Bellows", 0))
    ],
}


def overlay(editor: EditorFolder) -> ComparisonOverlay:
    drafts, _ = ComparisonFolder(editor.folder).read()
    with editor.app.database.read() as session:
        return overlay_drafts(session, drafts, NOW)


def stored(editor: EditorFolder) -> int:
    with editor.app.database.read() as session:
        return len(summaries(session))


def test_a_file_is_shown_before_it_is_imported(editor: EditorFolder) -> None:
    editor.write("comparisons/new.json", json.dumps(NEW))

    assert "anvil-vs-bellows" in [summary.slug for summary in overlay(editor).summaries]
    assert stored(editor) == 0


def test_what_is_stored_already_is_not_laid_over(editor: EditorFolder) -> None:
    with editor.app.database.write() as session:
        for path in (editor.folder / "comparisons").iterdir():
            store_draft(session, read_file(path), now=NOW)

    assert overlay(editor).drafts == {}


def test_a_changed_file_stands_in_for_the_stored_revision(editor: EditorFolder) -> None:
    path = editor.write("comparisons/new.json", json.dumps(NEW))
    with editor.app.database.write() as session:
        store_draft(session, read_file(path), now=NOW)
    editor.write("comparisons/new.json", json.dumps(NEW | {"weight": 2}))

    changed = next(
        summary for summary in overlay(editor).summaries if summary.slug == "anvil-vs-bellows"
    )
    assert (changed.weight, changed.comparison_id > 0, changed.revision_id < 0) == (2, True, True)


def edited(editor: EditorFolder, slug: str) -> None:
    """Keep a question of Kim's for a stored comparison."""
    with editor.app.database.write() as session:
        row = latest(session, by_slug(session, slug))
        draft = with_words(draft_of_revision(row), {"question": "Which one?"})
        keep(session, slug, draft, seen=row.fingerprint, editor="Kim", now=NOW)


def test_an_edit_stands_until_its_file_changes_and_the_file_says_what_it_replaces(
    editor: EditorFolder,
) -> None:
    path = editor.write("comparisons/new.json", json.dumps(NEW))
    with editor.app.database.write() as session:
        store_draft(session, read_file(path), now=NOW)
    edited(editor, "anvil-vs-bellows")
    assert "anvil-vs-bellows" not in overlay(editor).drafts
    assert overlay(editor).replaced == {}

    editor.write("comparisons/new.json", json.dumps(NEW | {"weight": 2}))
    changed = overlay(editor)
    assert "anvil-vs-bellows" in changed.drafts
    assert changed.replaced["anvil-vs-bellows"].editor == "Kim"


def test_another_pair_under_the_same_title_stands_beside_it(editor: EditorFolder) -> None:
    path = editor.write("comparisons/new.json", json.dumps(NEW))
    with editor.app.database.write() as session:
        store_draft(session, read_file(path), now=NOW)
    other = json.dumps(NEW).replace('"Bellows"', '"Crucible"')
    editor.write("comparisons/new.json", other)

    slugs = {summary.slug for summary in overlay(editor).summaries}
    assert {"anvil-vs-bellows", "anvil-vs-bellows-2"} <= slugs


def test_one_unreadable_file_keeps_no_other_from_being_read(editor: EditorFolder) -> None:
    editor.write("comparisons/bad.json", "{")
    drafts, faults = ComparisonFolder(editor.folder).read()

    assert len(drafts) == 13
    assert [fault.source.endswith("bad.json") for fault in faults] == [True]


def test_D2_files_that_hold_no_comparison_are_named_and_not_read(editor: EditorFolder) -> None:
    for path in (editor.folder / "comparisons").iterdir():
        path.rename(editor.folder / path.name)
    (editor.folder / "comparisons").rmdir()
    built = editor.desk.renew().built
    assert built is not None
    left = {
        "events.json": '[{"event": "delivered"}]',
        "issue.txt": built.rendered.text,
        "package.json": '{"name": "site", "version": "1.0.0", "description": "-"}',
        "report.json": '{"issue": 1, "accepted": 1000',
        "requirements.txt": "jinja2",
    }
    for name, text in left.items():
        editor.write(name, text)

    folder = ComparisonFolder(editor.folder)
    drafts, faults = folder.read()
    assert (len(drafts), faults, folder.others) == (13, [], tuple(left))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("half.txt", "A vs B\nWhich one?\nPanel ship\n"),
        ("half.json", '{"title": "A vs B", "contenders": ['),
        ("typo.json", '{"title": "A vs B", "weight": 2, "contestants": []}'),
    ],
)
def test_D2_a_comparison_that_is_faulty_is_still_reported(
    editor: EditorFolder, name: str, text: str
) -> None:
    for path in (editor.folder / "comparisons").iterdir():
        path.unlink()
    (editor.folder / "comparisons").rmdir()
    editor.write(name, text)

    folder = ComparisonFolder(editor.folder)
    _, faults = folder.read()
    assert ([fault.source.endswith(name) for fault in faults], folder.others) == ([True], ())
