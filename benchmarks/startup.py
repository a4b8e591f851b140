"""CPU seconds and memory that a command takes from start to end, beside a floor in the same run.

    python -m benchmarks.startup [--runs 10] [COMMAND...]

The floor is an empty command: Typer, and SQLModel with one table. The installation is empty, so a
command's work is next to nothing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

FLOOR = """
import typer
from sqlmodel import Field, SQLModel

class Row(SQLModel, table=True):
    number: int | None = Field(primary_key=True)

app = typer.Typer()

@app.command()
def nothing() -> None:
    pass

app()
"""
COMMANDS = ("--help", "status", "pick", "comparisons list", "subscribers count", "schedule")


def run(folder: Path, arguments: list[str]) -> tuple[float, float]:
    """Run Python in a process of its own; return its CPU seconds and its peak of memory in MB."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, *arguments], cwd=folder, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("commands", nargs="*", default=COMMANDS)
    wanted = parser.parse_args()
    programs = {"(floor)": ["-c", FLOOR]}
    programs |= {line: ["-m", "digest", *line.split()] for line in wanted.commands}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(folder, ["-m", "digest", "init"])
        print(f"{wanted.runs} runs, machine load {os.getloadavg()[0]:.1f}")
        for line, arguments in programs.items():
            cpu, memory = zip(*(run(folder, arguments) for _ in range(wanted.runs)), strict=True)
            print(
                f"{line:<20} {min(cpu):.2f} s at least, {median(cpu):.2f} s median, "
                f"{max(memory):.0f} MB"
            )


if __name__ == "__main__":
    main()
