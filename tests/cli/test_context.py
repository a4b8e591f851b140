"""Counts in the output of the command line: numbers with singular and plural nouns."""

from __future__ import annotations

import pytest

from digest.cli.context import counted


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 readers"), (1, "1 reader"), (1_000, "1,000 readers")]
)
def test_a_number_stands_with_what_it_counts(count: int, text: str) -> None:
    assert counted(count, "reader") == text


def test_what_is_counted_may_have_a_plural_of_its_own() -> None:
    assert [counted(n, "copy was", "copies were") for n in (1, 2)] == [
        "1 copy was",
        "2 copies were",
    ]
