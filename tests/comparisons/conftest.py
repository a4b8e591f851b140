"""Fixtures for comparisons: valid drafts and pages, changed where a test asks for it."""

from __future__ import annotations

from typing import Any, Protocol

import pytest

from digest.comparisons.schema import ComparisonDraft, ContenderDraft, VerdictDraft

PAGE = """\
AI tool comparison
Lathe vs Mortar Studio
Which one would you build on? A look at both sides: price, panel and readers.
Coding Assistants
Lathe
A pair programmer that lives in the terminal
75%
Panel ship
—
Community
Free
Entry
Lathe reads a repository and proposes small patches.
It runs on a laptop without a network.
Design Tools
Mortar Studio
Turns sketches into working screens
100%
Panel ship
62%
Community
Paid
Entry
Mortar Studio draws the screens of an app from a photo of a whiteboard.
Reviewer scorecard
“Seat one about Lathe: the patches are small enough to read.”
“Seat one about Mortar: the screens compile.”
“Seat two about Lathe: it says “no” when it should.”
“Seat two about Mortar: a demo that survives a second week.”
“Seat three about Lathe: local first is where this goes.”
“Seat three about Mortar: drawing becomes the specification.”
“Seat four about Lathe: nobody pays for this.”
“Seat four about Mortar: agencies will.”
Weekly verdicts
Have the next one sent to you
"""


class MakeDraft(Protocol):
    def __call__(
        self, left: str = "Lathe", right: str = "Mortar", **fields: Any
    ) -> ComparisonDraft:
        """Make a draft; *shares* gives both panel shares, the rest are its fields."""


@pytest.fixture
def page() -> str:
    return PAGE


@pytest.fixture
def make_draft() -> MakeDraft:
    def make(left: str = "Lathe", right: str = "Mortar", **fields: Any) -> ComparisonDraft:
        shares = fields.pop("shares", (75.0, 100.0))
        seats = range(1, fields.get("seats", 4) + 1)
        verdicts = tuple(VerdictDraft(seat=seat, quote=f"Said {seat}.") for seat in seats)
        first, second = (
            ContenderDraft(name=name, category="Tools", panel_share=share, verdicts=verdicts)
            for name, share in zip((left, right), shares, strict=True)
        )
        fields.setdefault("title", f"{left} vs {right}")
        return ComparisonDraft(contenders=(first, second), **fields)

    return make
