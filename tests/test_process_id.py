"""Process ids: whether the process that holds a batch is still alive."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from digest.process_id import alive, this_process

SAY_AND_WAIT = "from digest.process_id import this_process as me; print(me(), flush=True); input()"


@contextmanager
def another() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process, and what it calls itself."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", SAY_AND_WAIT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        yield process, process.stdout.readline().strip()
        process.kill()


def test_one_that_runs_is_alive_and_so_is_this_one() -> None:
    with another() as (_, name):
        assert alive(name) is True
    assert alive(this_process()) is True


def test_one_that_was_killed_is_dead_though_nobody_has_buried_it() -> None:
    with another() as (process, name):
        process.kill()
        end = time.monotonic() + 30
        while alive(name) and time.monotonic() < end:
            pass
        assert process.returncode is None, "it is a zombie still"
        assert alive(name) is False
    assert alive(name) is False


def test_a_name_that_an_earlier_version_recorded_is_known_by_the_rest_of_it() -> None:
    assert alive(f"0123456789ab/{this_process()}") is True
    assert alive("0123456789ab/elsewhere/1/2") is None


def test_another_process_of_the_same_number_is_not_taken_for_it() -> None:
    machine, pid, started = this_process().split("/")
    assert alive(f"{machine}/{pid}/{int(started) + 1}") is False


@pytest.mark.parametrize("name", ["elsewhere/1/2", "", "rubbish"])
def test_of_one_elsewhere_nobody_can_tell(name: str) -> None:
    assert alive(name) is None
