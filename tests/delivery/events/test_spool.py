"""The spool: event posts on disk until they are applied."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from digest.delivery.events.spool import Spool
from digest.errors import SpoolFull

MEGABYTE = 1 << 20


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def bodies(spool: Spool, offset: int = 0, most: int = MEGABYTE) -> list[bytes]:
    [name] = spool.files()
    return [record.body for record in spool.read(name, offset, most)]


def test_posts_come_out_as_they_went_in(spool: Spool) -> None:
    for body in (b"one", b"", b"three\r\n"):
        spool.append(body, 100, 90)
    assert bodies(spool) == [b"one", b"", b"three\r\n"]
    [name] = spool.files()
    assert [(r.received, r.signed) for r in spool.read(name, 0, MEGABYTE)] == [(100, 90)] * 3


def test_reading_goes_on_where_it_ended(spool: Spool) -> None:
    first = spool.append(b"one", 1)
    spool.append(b"two", 1)
    assert bodies(spool, first.end) == [b"two"]


def test_a_post_larger_than_what_is_asked_for_comes_alone(spool: Spool) -> None:
    spool.append(b"x" * 5000, 1)
    spool.append(b"y", 1)
    assert bodies(spool, 0, 100) == [b"x" * 5000]


def test_half_a_post_at_the_end_waits(spool: Spool) -> None:
    spool.append(b"whole", 1)
    place = spool.append(b"half", 1)
    os.truncate(spool.folder / place.file, place.end - 2)
    assert bodies(spool) == [b"whole"]


def test_a_damaged_post_hides_no_other(spool: Spool) -> None:
    first = spool.append(b"first", 1)
    spool.append(b"second", 1)
    spool.append(b"third", 1)
    path = spool.folder / first.file
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"second", b"sEcond"))
    assert bodies(spool) == [b"first", b"third"]


def test_D02_a_full_spool_refuses_a_post_and_loses_none(tmp_path: Path) -> None:
    small = Spool(tmp_path / "spool", most_bytes=100)
    small.append(b"x" * 50, 1)
    with pytest.raises(SpoolFull):
        small.append(b"y" * 50, 1)
    assert bodies(small) == [b"x" * 50]


def test_C10_a_spool_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "spool").touch()
    with pytest.raises(SpoolFull):
        Spool(tmp_path / "spool").append(b"one", 1)


def test_a_file_goes_only_when_all_of_it_is_applied(spool: Spool) -> None:
    first = spool.append(b"one", 1)
    second = spool.append(b"two", 1)
    assert not spool.finish(first.file, first.end)
    assert spool.finish(second.file, second.end)
    assert spool.files() == []
    spool.append(b"three", 1)
    assert bodies(spool) == [b"three"]


def test_a_file_of_a_process_that_lives_is_left_alone(spool: Spool) -> None:
    place = spool.append(b"one", 1)
    assert not Spool(spool.folder).finish(place.file, place.end)


def test_a_file_of_a_process_that_died_goes_once_applied(spool: Spool) -> None:
    place = spool.append(b"one", 1)
    mine = spool.folder / place.file
    dead = mine.with_name(mine.name.replace(f"+{os.getpid()}+", "+999999999+"))
    mine.rename(dead)
    assert Spool(spool.folder).finish(dead.name, place.end)


def test_a_large_file_is_followed_by_another(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", file_bytes=10)
    spool.append(b"x" * 50, 1)
    spool.append(b"y", 1)
    assert [[r.body for r in spool.read(name, 0, 1000)] for name in spool.files()] == [
        [b"x" * 50],
        [b"y"],
    ]


def test_many_threads_lose_nothing(spool: Spool) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: spool.append(str(n).encode(), 1), range(200)))
    assert sorted(bodies(spool)) == sorted(str(n).encode() for n in range(200))


def test_only_the_owner_may_read_what_waits(spool: Spool) -> None:
    place = spool.append(b"one", 1)
    assert (spool.folder / place.file).stat().st_mode & 0o077 == 0
    assert spool.folder.stat().st_mode & 0o077 == 0
