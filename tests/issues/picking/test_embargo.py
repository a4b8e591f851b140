"""The sentence on a comparison that is dated after the issue that carries it."""

from __future__ import annotations

from datetime import date

import pytest

from digest.issues.picking.embargo import embargo

DAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("published_on", "words"),
    [
        (None, ""),
        (date(2026, 11, 24), ""),
        (date(2026, 11, 25), "Sable is dated 25 November, one day after this issue"),
        (date(2026, 11, 30), "Sable is dated 30 November, six days after this issue"),
        (date(2027, 1, 2), "Sable is dated 2 January 2027, 39 days after this issue"),
    ],
)
def test_D12_the_sentence_names_the_day_and_how_long_it_is_after_the_issue(
    published_on: date | None, words: str
) -> None:
    assert embargo("Sable", published_on, DAY) == words
