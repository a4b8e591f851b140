"""The pictures in the documentation show what is there now, and say in words what they show."""

from __future__ import annotations

import json
import re
from pathlib import Path

from scripts.pictures import FOLDER, MADE_FROM, made_from

ROOT = Path(__file__).parents[1]
PAPERS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
IMAGE = re.compile(r"!\[([^\]]*)\]\((?:docs/)?pictures/([^)]+)\)")
BYTES = 250_000  #: a page with three of them is read on a phone


def test_no_picture_is_older_than_what_it_shows() -> None:
    made = json.loads(MADE_FROM.read_text("utf-8"))
    now = made_from()
    stale = [name for name in {**made, **now} if made.get(name) != now.get(name)]
    assert stale == [], "a template, a sample or the script has changed: run make pictures"


def test_each_picture_is_small_and_stands_in_a_page_with_a_sentence_for_who_cannot_see_it() -> None:
    there = {path.name: path.stat().st_size for path in FOLDER.glob("*.png")}
    images = [image for paper in PAPERS for image in IMAGE.findall(paper.read_text("utf-8"))]
    assert there.keys() == made_from().keys() == {name for _, name in images}
    assert {name: size for name, size in there.items() if size > BYTES} == {}
    assert [alt for alt, _ in images if len(alt.split()) < 6] == []
