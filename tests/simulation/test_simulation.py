"""The simulation: the whole system under every fault at once, by seed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.__main__ import folder, kept_seeds
from tests.simulation.run import RunResult, SimulationDatabase, run

CHUNK = 25


@pytest.fixture(scope="module")
def stage() -> Iterator[SimulationDatabase]:
    with folder() as name:
        stage = SimulationDatabase(Path(name))
        yield stage
        stage.close()


def failures(seen: list[RunResult]) -> list[str]:
    """Return each failure with the command that replays it."""
    return [
        f"{result.fault.strip().splitlines()[-1]}\n"
        f"  python -m tests.simulation --seed {result.seed}"
        for result in seen
        if result.fault
    ]


@pytest.mark.parametrize("first", range(1, 201, CHUNK))
def test_every_invariant_holds_at_every_step(stage: SimulationDatabase, first: int) -> None:
    seen = [run(seed, stage) for seed in range(first, first + CHUNK)]
    assert failures(seen) == []


def test_seeds_that_once_failed_hold(stage: SimulationDatabase) -> None:
    assert failures([run(seed, stage) for seed in kept_seeds()]) == []


def test_a_seed_replays_step_by_step(stage: SimulationDatabase) -> None:
    assert run(11, stage).trace == run(11, stage).trace


def test_the_worlds_are_full_of_trouble(stage: SimulationDatabase) -> None:
    seen = [run(seed, stage) for seed in range(41, 81)]
    assert sum(result.deaths for result in seen) > 20
    assert {"broke-after", "silent-after", "slow-down", "too-large"} <= set().union(
        *(result.faults for result in seen)
    )
