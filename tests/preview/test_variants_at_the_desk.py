"""Variants at the desk: said before they are approved, and no change of what was seen."""

from __future__ import annotations

import pytest
from sqlmodel import select

from digest.issues.models import EditionVariant
from digest.preview.view_models import status
from tests.issues.variants.conftest import add_reader, store_judged, vote_like
from tests.preview.conftest import NOW, EditorFolder, Site


@pytest.fixture
def agreeing(editor: EditorFolder) -> int:
    """A consenting reader who agrees with Reviewer 2."""
    store_judged(editor.app.database, NOW)
    reader = add_reader(editor.app.database, leads=True)
    vote_like(editor.app.database, reader, 2, NOW)
    return reader


def test_without_a_consenting_reader_nothing_is_said(site: Site) -> None:
    site.editor.desk.renew()
    assert "First words" not in site.client.get("/parts").json()["panel"]


def test_the_desk_says_before_it_is_approved_who_leads(site: Site, agreeing: int) -> None:
    snapshot = site.editor.desk.renew()
    assert [note.seat for note in snapshot.variants] == [2]
    panel = site.client.get("/parts", params={"tab": "release"}).json()["panel"]
    assert "First words" in panel
    assert snapshot.variants[0].byline in panel


def test_an_approved_issue_with_variants_stays_as_it_was_seen(
    editor: EditorFolder, agreeing: int
) -> None:
    before = editor.desk.renew()
    editor.desk.approve(before.seal, [], "Kim")
    with editor.app.database.read() as session:
        assert [row.seat for row in session.exec(select(EditionVariant))] == [2]
    vote_like(editor.app.database, add_reader(editor.app.database, leads=True), 3, NOW)
    after = editor.desk.renew()
    assert status(after) == ("good", "Approved by Kim")
    assert after.seal == before.seal
    assert [note.seat for note in after.variants] == [2]
    editor.desk.approve(after.seal, [], "Ann")
    with editor.app.database.read() as session:
        assert [row.seat for row in session.exec(select(EditionVariant))] == [2]
