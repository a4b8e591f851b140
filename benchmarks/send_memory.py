"""The peak of `digest send`, which must not grow with the list; ends with 1 above the bound.

One process sends all of it, so that whatever a batch leaves behind adds up in one place.
Run: python -m benchmarks.send_memory [--json] [READERS]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measurements import Measurement, reporting
from benchmarks.send import SEND, environment, watched
from benchmarks.sink import running_sink

READERS = 200_000
MEGABYTES = 112  #: at most, at any number of readers


def send(path: Path, url: str) -> float:
    """Run the command as an operator does; megabytes at its peak."""
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, *SEND],
        stdout=subprocess.DEVNULL,
        env=environment(path, url, concurrency=1),
        cwd=path.parent,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit("digest send failed")
    return used.ru_maxrss / 1024


def main() -> None:
    """Send to so many readers, and hold the peak."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("readers", nargs="?", type=int, default=READERS)
    given = parser.parse_args()
    with reporting(as_json=given.json) as found:
        peak = measured(given.readers)
        found.append(Measurement(name="Peak", value=peak, unit="MB", target=MEGABYTES))
    if peak > MEGABYTES and not given.json:
        sys.exit(f"digest send may take {MEGABYTES} MB at most, whatever the list")


def measured(readers: int) -> float:
    """Send to so many readers, tell, and return the megabytes at the peak."""
    with tempfile.TemporaryDirectory() as folder, running_sink() as url:
        path = Path(folder) / "digest.db"
        # Not in this process: the peak of one that it starts begins with its own.
        watched(["-m", "benchmarks.send", "--fill", str(path), str(readers), "--votes", "5"])
        began = time.perf_counter()
        peak = send(path, url)
        took = time.perf_counter() - began
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"Python {version}: {readers:,} readers in {took:.1f} s, peak {peak:.0f} MB")
    return peak


if __name__ == "__main__":
    main()
