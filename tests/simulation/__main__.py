"""Simulate many seeds, or replay one: python -m tests.simulation --seeds 10000, or --seed 7."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.simulation.run import RunResult, SimulationDatabase, run

KEPT = Path(__file__).parent / "failing-seeds.txt"
SHM = Path("/dev/shm")  # noqa: S108 - a folder in memory, where there is one


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def folder() -> TemporaryDirectory[str]:
    """Return a folder for the simulation, in memory where that is possible."""
    return TemporaryDirectory(dir=SHM if SHM.is_dir() else None)


def simulate(seeds: range) -> list[RunResult]:
    """Run these seeds one after the other; traces are kept of failing ones only."""
    with folder() as name:
        stage = SimulationDatabase(Path(name))
        results = [run(seed, stage) for seed in seeds]
        stage.close()
    return [seen if seen.fault else RunResult(**{**vars(seen), "trace": ()}) for seen in results]


def _many(first: int, number: int, jobs: int) -> int:
    began = time.perf_counter()
    step = max(1, min(100, number // jobs))
    parts = [range(at, min(at + step, first + number)) for at in range(first, first + number, step)]
    faults: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    failed: list[RunResult] = []
    with ProcessPoolExecutor(jobs) as pool:
        for done, part in enumerate(pool.map(simulate, parts), 1):
            for seen in part:
                faults += seen.faults
                for name in ("checks", "mails", "requests", "deaths"):
                    totals[name] += getattr(seen, name)
                failed += [seen] if seen.fault else []
            if done % 10 == 0 and done < len(parts):
                _say(f"{step * done:,} seeds so far, {len(failed)} violations")
    seconds = time.perf_counter() - began
    _tell(number, seconds, totals, faults, failed)
    return 1 if failed else 0


def _tell(
    number: int, seconds: float, totals: Counter[str], faults: Counter[str], failed: list[RunResult]
) -> None:
    _say(
        f"{number:,} seeds in {seconds:,.0f} s ({1000 * seconds / number:.0f} ms each):"
        f" {len(failed)} violations. {totals['requests']:,} requests, {totals['mails']:,} mails,"
        f" {totals['deaths']:,} deaths, {totals['checks']:,} looks at every invariant."
    )
    _say("answers: " + ", ".join(f"{name} {times:,}" for name, times in faults.most_common()))
    for seen in failed[:20]:
        _say(f"seed {seen.seed}: {seen.fault.strip().splitlines()[-1]}")
        _say(f"  replay: python -m tests.simulation --seed {seen.seed}")
    _keep([seen.seed for seen in failed])


def _keep(seeds: list[int]) -> None:
    """Write failing seeds down, so that CI replays them from now on."""
    fresh = sorted({*seeds} - {*kept_seeds()})
    with KEPT.open("a", encoding="ascii") as kept:
        kept.writelines(f"{seed}\n" for seed in fresh)


def kept_seeds() -> list[int]:
    """Return the seeds that once failed."""
    lines = KEPT.read_text("ascii").splitlines()
    return [int(line) for line in lines if not line.startswith("#")]


def _one(seed: int) -> int:
    with folder() as name:
        stage = SimulationDatabase(Path(name))
        seen = run(seed, stage)
        stage.close()
    _say("\n".join(seen.trace))
    _say(f"seed {seed}: {seen.fault or 'all invariants held'}")
    return 1 if seen.fault else 0


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="replay this one, step by step")
    parser.add_argument("--seeds", type=int, default=200, help="how many to run")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    if chosen.seed is not None:
        return _one(chosen.seed)
    return _many(chosen.first, chosen.seeds, chosen.jobs)


if __name__ == "__main__":
    sys.exit(main())
