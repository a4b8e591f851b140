"""How benchmarks are run one after another, and what page is made of what they found."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from shutil import which
from typing import Any

from benchmarks.measurements import Measurement

ROOT = Path(__file__).parent.parent
_PLACES = {1: 2, 100: 1, inf: 0}  #: digits after the point, by what a figure is below
_HEAD = """\
# Benchmarks

`make bench` measures Digest on your machine and writes this page, in about a quarter of an hour.
Let nothing else run meanwhile: other programs make every figure worse.

**How to read it.** Most figures stand beside a floor: the same work, done in the same run with bare
libraries and none of Digest's code. That is about the least the work can cost. The ratio is the
figure divided by its floor, so it says more than the figure alone where your machine is faster or
slower than this one. The target is what the figure should reach on two quiet cores. A dash means
that there is no floor, or no target.
"""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A benchmark: a module that takes --json, its arguments, and fewer for a quick look."""

    module: str
    title: str
    about: str  #: what is measured beside what floor
    arguments: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name that --only takes."""
        return self.module.rpartition(".")[2]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one benchmark gave; *failed* says why there is nothing."""

    title: str
    about: str
    command: str
    seconds: float
    measurements: list[Measurement] = field(default_factory=list)
    failed: str = ""


@dataclass(frozen=True, kw_only=True)
class Results:
    """What a run of the benchmarks gave, and where it was."""

    day: str
    commit: str
    machine: dict[str, str]
    outcomes: list[Outcome]

    @property
    def complete(self) -> bool:
        """Whether no benchmark failed."""
        return not any(each.failed for each in self.outcomes)

    def to_json(self) -> str:
        """Return the results as they are kept."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Results:
        """Return results that were kept."""
        kept: dict[str, Any] = json.loads(text)
        outcomes = [
            Outcome(
                **{**each, "measurements": [Measurement(**one) for one in each["measurements"]]}
            )
            for each in kept.pop("outcomes")
        ]
        return cls(**kept, outcomes=outcomes)


def run(benchmarks: Sequence[Benchmark], *, quick: bool = False) -> Results:
    """Run each benchmark in a process of its own, and tell on stderr how far they are."""
    day, machine = f"{datetime.now(UTC):%Y-%m-%d}", _machine()
    outcomes = []
    for number, benchmark in enumerate(benchmarks, 1):
        print(f"{number} of {len(benchmarks)}: {benchmark.title}", file=sys.stderr, flush=True)
        outcomes.append(_outcome(benchmark, benchmark.quick if quick else benchmark.arguments))
    return Results(day=day, commit=_commit(), machine=machine, outcomes=outcomes)


def _outcome(benchmark: Benchmark, arguments: Sequence[str]) -> Outcome:
    began = time.perf_counter()
    done = _ended(sys.executable, "-m", benchmark.module, "--json", *arguments)
    measurements, failed = [], ""
    try:
        measurements = [Measurement(**each) for each in json.loads(done.stdout)]
    except (ValueError, TypeError):
        failed = "It printed no figures."
    if done.returncode:
        failed = f"It ended with exit code {done.returncode}."
    return Outcome(
        title=benchmark.title,
        about=benchmark.about,
        command=" ".join(["python -m", benchmark.module, *arguments]),
        seconds=round(time.perf_counter() - began, 1),
        measurements=measurements,
        failed=failed,
    )


def page(results: Results) -> str:
    """Return the page of the documentation that shows the results."""
    machine = "\n".join(f"| {name} | {value} |" for name, value in results.machine.items())
    measured = (
        f"Measured on {results.day} at commit `{results.commit}`:\n\n"
        f"| Machine | |\n|---|---|\n{machine}\n"
    )
    return "\n".join([_HEAD, measured, *map(_section, results.outcomes)])


def _section(outcome: Outcome) -> str:
    head = f"## {outcome.title}\n\n{outcome.about}\n\n"
    if outcome.failed:
        return f"{head}**No figures:** `{outcome.command}` failed. {outcome.failed}\n"
    rows = "\n".join(map(_row, outcome.measurements))
    return (
        f"{head}| | Measured | Floor | Ratio | Target |\n|---|--:|--:|--:|---|\n{rows}\n\n"
        f"`{outcome.command}` took {_duration(outcome.seconds)}.\n"
    )


def _row(measurement: Measurement) -> str:
    name = f"{measurement.name} ({measurement.unit})"
    floor = "–" if measurement.floor is None else _number(measurement.floor)
    ratio = "–" if measurement.ratio is None else _number(measurement.ratio)
    return f"| {name} | {_number(measurement.value)} | {floor} | {ratio} | {_target(measurement)} |"


def _target(measurement: Measurement) -> str:
    if measurement.target is None:
        return "–"
    bound = "at least" if measurement.more_is_better else "at most"
    met = "met" if measurement.met else "**missed**"
    return f"{bound} {_number(measurement.target)}: {met}"


def _number(value: float) -> str:
    """Return a figure with all digits before the point, and fewer after it the larger it is."""
    places = next(places for size, places in _PLACES.items() if abs(value) < size)
    return f"{value:,.{places}f}".removesuffix(".0")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _machine() -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return {
        "Processor": next(_processors(), platform.machine()),
        "Cores": str(len(os.sched_getaffinity(0))),
        "Memory": f"{memory:.0f} GB",
        "System": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "Load before the run": f"{os.getloadavg()[0]:.1f}",
    }


def _processors() -> Iterator[str]:
    path = Path("/proc/cpuinfo")
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            yield " ".join(value.split())


def _commit() -> str:
    git = which("git")
    words = ("describe", "--always", "--exclude=*", "--dirty= and changes since")
    return (git and _ended(git, *words).stdout.strip()) or "unknown"


def _ended(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; what it prints to stderr is shown at once."""
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=False)  # noqa: S603 - our own interpreter, or git
