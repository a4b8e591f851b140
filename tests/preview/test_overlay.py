"""The overlay: comparisons in files, laid over the stored ones."""

from __future__ import annotations

import json

from digest.comparisons.loader import read_file
from digest.comparisons.store import store_draft, summaries
from digest.preview.overlay import ComparisonFolder, ComparisonOverlay, overlay_drafts
from tests.preview.conftest import NOW, Room

NEW = {
    "title": "Anvil vs Bellows",
    "published_on": "2026-11-23",
    "weight": 9,
    "contenders": [
        {"name": name, "panel_share": share, "verdicts": [{"seat": 1, "quote": "It holds."}]}
        for name, share in (("Anvil", 100), ("Bellows", 0))
    ],
}


def overlay(room: Room) -> ComparisonOverlay:
    drafts, _ = ComparisonFolder(room.folder).read()
    with room.app.database.read() as session:
        return overlay_drafts(session, drafts, NOW)


def stored(room: Room) -> int:
    with room.app.database.read() as session:
        return len(summaries(session))


def test_a_file_is_shown_before_it_is_imported(room: Room) -> None:
    room.write("comparisons/new.json", json.dumps(NEW))

    assert "anvil-vs-bellows" in [each.slug for each in overlay(room).summaries]
    assert stored(room) == 0


def test_what_is_stored_already_is_not_laid_over(room: Room) -> None:
    with room.app.database.write() as session:
        for path in (room.folder / "comparisons").iterdir():
            store_draft(session, read_file(path), now=NOW)

    assert overlay(room).drafts == {}


def test_a_changed_file_stands_in_for_the_stored_revision(room: Room) -> None:
    path = room.write("comparisons/new.json", json.dumps(NEW))
    with room.app.database.write() as session:
        store_draft(session, read_file(path), now=NOW)
    room.write("comparisons/new.json", json.dumps(NEW | {"weight": 2}))

    changed = next(each for each in overlay(room).summaries if each.slug == "anvil-vs-bellows")
    assert (changed.weight, changed.comparison_id > 0, changed.revision_id < 0) == (2, True, True)


def test_another_pair_under_the_same_title_stands_beside_it(room: Room) -> None:
    path = room.write("comparisons/new.json", json.dumps(NEW))
    with room.app.database.write() as session:
        store_draft(session, read_file(path), now=NOW)
    other = json.dumps(NEW).replace('"Bellows"', '"Crucible"')
    room.write("comparisons/new.json", other)

    slugs = {each.slug for each in overlay(room).summaries}
    assert {"anvil-vs-bellows", "anvil-vs-bellows-2"} <= slugs


def test_one_unreadable_file_keeps_no_other_from_being_read(room: Room) -> None:
    room.write("comparisons/bad.json", "{")
    drafts, faults = ComparisonFolder(room.folder).read()

    assert len(drafts) == 13
    assert [fault.source.endswith("bad.json") for fault in faults] == [True]


def test_text_files_that_lie_around_are_not_taken_for_comparisons(room: Room) -> None:
    for path in (room.folder / "comparisons").iterdir():
        path.rename(room.folder / path.name)
    (room.folder / "comparisons").rmdir()
    room.write("requirements.txt", "jinja2")

    drafts, faults = ComparisonFolder(room.folder).read()
    assert (len(drafts), faults) == (13, [])
