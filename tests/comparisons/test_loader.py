"""The loader: which files a path stands for, and the encodings it accepts."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.comparisons.loader import MAX_BYTES, decode, find, read_file
from digest.comparisons.models import SourceForm
from digest.errors import ComparisonUnreadable


def test_the_name_tells_the_form(tmp_path: Path, page: str) -> None:
    path = tmp_path / "A.TXT"
    path.write_text(page, encoding="utf-8-sig")
    assert read_file(path).form is SourceForm.PAGE


def test_a_folder_stands_for_its_files_by_name(tmp_path: Path) -> None:
    for name in ("b.txt", "a.json", ".hidden.txt", "c.md"):
        (tmp_path / name).touch()
    (tmp_path / "d.txt").mkdir()
    assert [path.name for path in find([tmp_path])] == ["a.json", "b.txt"]


def test_files_are_taken_in_the_order_they_are_named(tmp_path: Path) -> None:
    paths = [tmp_path / "z.txt", tmp_path / "a.txt"]
    assert list(find(paths)) == paths


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.md", b"", "neither in .txt nor in .json"),
        ("a.txt", None, "there is no such file"),
        ("a.txt", b"\xff\xfea\x00", "isn't UTF-8"),
        ("a.txt", b" " * (MAX_BYTES + 1), "larger than 1,000,000 bytes"),
        ("a.json", b"{", "isn't JSON"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(
    tmp_path: Path, name: str, content: bytes | None, reason: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ComparisonUnreadable, match=reason) as caught:
        read_file(path)
    assert caught.value.source == str(path)


def test_a_folder_with_nothing_to_read_is_refused(tmp_path: Path) -> None:
    (path,) = find([tmp_path])
    with pytest.raises(ComparisonUnreadable, match=r"no \.txt or \.json file is in this folder"):
        read_file(path)


def test_the_line_of_a_byte_that_is_no_text_is_reported() -> None:
    with pytest.raises(ComparisonUnreadable) as caught:
        decode(b"one\ntwo\n\xff", source="a.txt")
    assert caught.value.line == 3


@given(st.text())
def test_utf_8_is_read_as_it_was_written(text: str) -> None:
    assert decode(text.encode("utf-8-sig"), source="") == text


@given(st.binary().map(lambda raw: b"\x80" + raw))
def test_bytes_that_are_no_text_are_refused(raw: bytes) -> None:
    with pytest.raises(ComparisonUnreadable, match="isn't UTF-8"):
        decode(raw, source="")
