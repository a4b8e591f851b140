"""What a poll of 300 pages takes and asks for, and by how much the process grows that does it.

    python -m benchmarks.source_poll [--json] [PAGES]

The site runs in a process of its own, and each poll is the command `digest sources poll`. The floor
is `digest sources list`, which starts as the poll does, and asks for nothing.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measurements import Measurement, reporting
from benchmarks.send import watched
from tests.sources.site.site_server import NETWORK, RunningSite, running_site

PAGES = 300
POLLS = ("First poll", "Second poll", "Three pages changed")
_DIGEST = ("-m", "digest")
#: Starts a program and tells what it took. This process has grown by the site, and a program that
#: it started itself would begin with that peak.
_STARTER = """
import sys
from pathlib import Path
from benchmarks.startup import run
print(*run(Path(sys.argv[1]), sys.argv[2:]))
"""


@dataclass(frozen=True)
class Spent:
    """What a program took: seconds by the clock and of CPU, megabytes at its peak."""

    seconds: float
    cpu: float
    megabytes: float


def spent(folder: Path, *arguments: str) -> Spent:
    """Run Python with these arguments in a folder."""
    settings = {"DIGEST_SECRET": "s" * 40, "DIGEST_ALLOWED_NETWORKS": NETWORK}
    told, whole = watched(["-c", _STARTER, str(folder), *arguments], {**os.environ, **settings})
    return Spent(whole["all"], *map(float, told.split()))


def measured(site: RunningSite, folder: Path, pages: int) -> Iterator[Measurement]:
    """Poll the site three times, tell, and yield the figures beside the floor's."""
    spent(folder, *_DIGEST, "init")
    spent(folder, *_DIGEST, "sources", "add", f"{site.url}/sitemap.xml")
    bare = spent(folder, "-c", "import sqlmodel")
    floor = spent(folder, *_DIGEST, "sources", "list")
    print(
        f"{pages} pages; SQLModel alone {bare.megabytes:.0f} MB, digest sources list"
        f" {floor.megabytes:.0f} MB and {floor.cpu:.1f} s of CPU"
    )
    for name in POLLS:
        if name == POLLS[-1]:
            site.change(*site.slugs()[1:6:2])
        site.reset_counts()
        poll = spent(folder, *_DIGEST, "sources", "poll", "1")
        print(f"{name}: {asked(site)}, {poll.seconds:.1f} s, {poll.cpu:.1f} s of CPU")
        grown = poll.megabytes - floor.megabytes
        print(f"  {poll.megabytes:.0f} MB at its peak, {grown:.0f} of them the poll's")
        yield Measurement(name=name, value=poll.cpu, unit="s of CPU", floor=floor.cpu)
        yield Measurement(
            name=name, value=poll.megabytes, unit="MB at the peak", floor=floor.megabytes
        )


def asked(site: RunningSite) -> str:
    """Return how many requests the site got, and how many bodies it sent."""
    counts = site.counts()
    return ", ".join(f"{sum(counts[what].values())} {what}" for what in ("requests", "bodies"))


def main() -> None:
    """Tell what each poll took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("pages", nargs="?", type=int, default=PAGES)
    given = parser.parse_args()
    with (
        reporting(as_json=given.json) as found,
        running_site(given.pages) as site,
        TemporaryDirectory() as folder,
    ):
        found += measured(site, Path(folder), given.pages)


if __name__ == "__main__":
    main()
