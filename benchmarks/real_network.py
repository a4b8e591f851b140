"""The whole command `digest send` to a provider behind TLS, 100 ms away, beside a raw floor.

Connecting, the handshake and each request cost a round trip of 100 ms each; `distant_sink` says
what is modelled and what isn't. The floor has as many threads, a new TLS connection for each
request, bodies alike, no ledger, and no code of the product. With --storm, the provider tells 30 %
of the requests to slow down, and all of them for 10 seconds; every reader is counted.
Run: python -m benchmarks.real_network [--runs N] [--storm] [--json] [READERS]
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.distant_sink import ROUND_TRIP, certificate, distant_sink
from benchmarks.floors import command
from benchmarks.measurements import Measurement, reporting
from benchmarks.send import SEND, environment, watched

MANY = 16  #: requests at once, beside the usual number


def usual() -> int:
    """Return how many requests a default installation may have under way."""
    from digest.settings import Settings

    default = Settings.model_fields["concurrency"].default
    assert isinstance(default, int)
    return default


def settings(path: Path, url: str, trusted: Path, requests: int | None) -> dict[str, str]:
    """Return the environment of `digest send`; with *requests* ``None``, by default settings."""
    found = environment(path, url, requests or 0)
    if requests is None:
        del found["DIGEST_CONCURRENCY"]
    return {**found, "SSL_CERT_FILE": str(trusted)}


@contextmanager
def copied(filled: Path) -> Iterator[Path]:
    """Copy a store to a folder of its own, where no earlier send has left a note."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(shutil.copy(filled, Path(folder) / "digest.db"))


def compare(folder: Path, filled: Path, readers: int, runs: int) -> Iterator[Measurement]:
    """Print the command beside the floor, by default and with many requests; yield medians."""
    trusted = certificate(folder)
    for requests in (usual(), MANY):
        ours, floor, connections = [], [], 0
        for _ in range(runs):
            with distant_sink(folder) as sink:
                raw = command("send", filled, sink.url, requests, 0)[1:]
                floor.append(watched(raw, {**os.environ, "SSL_CERT_FILE": str(trusted)})[1])
            asked = None if requests == usual() else requests
            with copied(filled) as path, distant_sink(folder) as sink:
                ours.append(watched(SEND, settings(path, sink.url, trusted, asked))[1])
            connections = sink.facts["connections"]
            assert sink.facts["accepted"] == -(-readers // 1000), sink.facts
        yield Measurement(
            name=f"With {requests} requests at once"
            + (", as installed" if requests == usual() else ""),
            value=readers / median(each["all"] for each in ours),
            unit="readers a second",
            floor=readers / median(each["all"] for each in floor),
            target=60_000 if requests == MANY else 20_000,
            more_is_better=True,
        )
        for name, ways in (("digest send", ours), ("raw floor", floor)):
            seconds, cpu = (median(each[what] for each in ways) for what in ("all", "cpu"))
            print(
                f"{readers:>9,} readers | {requests:>2} requests | {name:<11} |"
                f" {readers / seconds:>8,.0f}/s | {cpu / readers * 1e6:5.1f} us of CPU a reader"
                + (f" | {connections} connections" if ways is ours else ""),
                flush=True,
            )


def storm(folder: Path, filled: Path, readers: int) -> None:
    """Send by default settings through a storm, and count every reader."""
    trusted = certificate(folder)
    with copied(filled) as path, distant_sink(folder, storm=True) as sink:
        spent = watched(SEND, settings(path, sink.url, trusted, None))[1]
    facts = sink.facts
    print(
        f"{readers:>9,} readers | a storm: {facts['slowed']} of"
        f" {facts['slowed'] + facts['accepted']} requests told to slow down |"
        f" {spent['all']:.0f} s | {facts['readers']:,} got it, {facts['again']} of them twice,"
        f" {readers - facts['readers']} lost"
    )
    assert facts["readers"] == readers
    assert facts["again"] == 0


def main() -> None:
    """Compare for the size given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--storm", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("readers", nargs="?", type=int, default=200_000)
    given = parser.parse_args()
    with reporting(as_json=given.json) as found:
        print(
            f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, TLS,"
            f" {ROUND_TRIP * 1000:.0f} ms a round trip, batches of 1,000, {given.runs} runs"
        )
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            filled = folder / "filled.db"
            watched(["-m", "benchmarks.send", "--fill", str(filled), str(given.readers)])
            if given.storm:
                storm(folder, filled, given.readers)
            else:
                found += compare(folder, filled, given.readers, given.runs)


if __name__ == "__main__":
    main()
