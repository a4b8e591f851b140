from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.http_client import OutboundFault, OutboundRefused, inflated
from digest.http_client.answer_body import read_body


def parts(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


@given(body=st.binary(max_size=300), size=st.integers(1, 50), members=st.integers(1, 3))
def test_a_body_is_the_same_however_it_is_cut_and_packed(
    body: bytes, size: int, members: int
) -> None:
    packed = b"".join(gzip.compress(part) for part in [body, *[b"x"] * (members - 1)])
    read = read_body(parts(packed, size), coding="gzip", most=10_000, source="a")
    assert read == body + b"x" * (members - 1)


@given(size=st.integers(1, 50))
def test_a_body_in_zlib_is_read_however_it_is_cut(size: int) -> None:
    packed = zlib.compress(b"hello" * 50)
    assert read_body(parts(packed, size), coding="deflate", most=250, source="a") == b"hello" * 50


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_a_byte_above_the_bound_is_refused(size: int) -> None:
    packed = gzip.compress(bytes(1001))
    with pytest.raises(OutboundRefused) as refused:
        read_body(parts(packed, size), coding="gzip", most=1000, source="a")
    assert refused.value.fault is OutboundFault.TOO_LARGE


def test_a_packed_file_is_unpacked_and_another_is_as_it_was() -> None:
    assert inflated(gzip.compress(b"hello"), most=5, source="a") == b"hello"
    assert inflated(b"hello", most=1, source="a") == b"hello"


def test_a_file_of_very_many_empty_streams_is_read_part_by_part() -> None:
    bomb = gzip.compress(b"") * 100_000  # as one part, this takes minutes
    assert inflated(bomb + gzip.compress(b"hello"), most=5, source="a") == b"hello"
