"""The word diff between two versions of a text."""

from __future__ import annotations

from digest.preview.diff import diff_rows


def changes(before: str, now: str) -> list[tuple[str, str]]:
    return [
        (row.kind, "|".join(f"{p.kind}:{p.text}" for p in row.parts))
        for row in diff_rows(before, now)
    ]


def test_nothing_differs_in_the_same_text() -> None:
    assert diff_rows("a\nb", "a\nb") == []


def test_a_changed_line_says_which_words_changed() -> None:
    assert changes("one two three", "one 2 three") == [
        ("changed", "same:one |out:two|in:2|same: three")
    ]


def test_a_line_that_another_one_replaced_is_not_woven_into_it() -> None:
    assert changes("Tidepool Notes vs Loop", "Sable Guard vs Ironleaf") == [
        ("out", "out:Tidepool Notes vs Loop"),
        ("in", "in:Sable Guard vs Ironleaf"),
    ]


def test_added_and_removed_lines_are_told_apart() -> None:
    assert [kind for kind, _ in changes("a\nb\nc", "a\nc\nd")] == ["same", "out", "same", "in"]


def test_far_lines_that_are_the_same_are_left_out() -> None:
    before = "\n".join(map(str, range(100)))
    kinds = [kind for kind, _ in changes(before, before.replace("50", "fifty"))]

    assert kinds == ["gap", "same", "same", "changed", "same", "same"]
