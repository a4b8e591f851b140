"""How long a poll of 300 pages takes, what it asks for, and by how much it makes a process grow.

    python -m benchmarks.source_poll [PAGES]

The site runs in a process of its own. Each poll runs in a new process, whose memory is read as the
kernel counts it: all of it at its peak, and what of that was there before anything was imported.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.sources.site.site_server import NETWORK, RunningSite, running_site

PAGES = 300
NAMES = ("first poll", "second poll", "three changed")


def peak_megabytes() -> float:
    """Return the largest memory that this process has had so far."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    (kilobytes,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(kilobytes) / 1024


def poll(folder: str, url: str, answers: Any) -> None:
    """Poll the source, and tell what that took."""
    bare = peak_megabytes()
    os.chdir(folder)
    from digest.app.installation import open_app
    from digest.migrations.upgrade import upgrade
    from digest.settings import by_init_name, load

    settings = {"DIGEST_SECRET": "s" * 40, "DIGEST_ALLOWED_NETWORKS": NETWORK}
    app = open_app(load(**by_init_name(settings)))
    with app.database.write() as session:
        upgrade(session.connection())
    with app.database.read() as session:
        from digest import sources

        known = sources.all_facts(session)
    if not known:
        app.sources.add(app.sources.find(url))
    imported = peak_megabytes()
    began = time.perf_counter()
    result = app.sources.poll(1, lambda _done, _of: None)
    answers.put(
        {
            "seconds": time.perf_counter() - began,
            "cpu": time.process_time(),
            "says": str(result),
            "requests": result.requests,
            "bodies": result.bodies,
            "bare": bare,
            "imported": imported,
            "peak": peak_megabytes(),
        }
    )
    app.database.close()


def main() -> None:
    """Print what each poll took."""
    pages = int(sys.argv[1]) if len(sys.argv) > 1 else PAGES
    with running_site(pages) as site, TemporaryDirectory() as folder:
        for name in NAMES:
            if name == NAMES[-1]:
                site.change(*site.slugs()[1:6:2])
            print_figures(name, measured(folder, site))


def measured(folder: str, site: RunningSite) -> dict[str, Any]:
    """Run one poll in a process of its own, and return its figures."""
    processes = multiprocessing.get_context("spawn")
    answers = processes.Queue()
    process = processes.Process(target=poll, args=(folder, f"{site.url}/sitemap.xml", answers))
    process.start()
    told: dict[str, Any] = answers.get()
    process.join()
    return told


def print_figures(name: str, told: dict[str, Any]) -> None:
    """Print one poll in two lines."""
    print(
        f"{name}: {told['says']}\n"
        f"  {told['requests']} requests, {told['bodies']} bodies, {told['seconds']:.1f} s,"
        f" {told['cpu']:.1f} s of a processor\n"
        f"  memory at its peak {told['peak']:.0f} MB: {told['bare']:.0f} of Python,"
        f" {told['imported'] - told['bare']:.0f} of what was imported,"
        f" {told['peak'] - told['imported']:.0f} of the poll",
    )


if __name__ == "__main__":
    main()
