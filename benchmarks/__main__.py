"""Run the benchmarks, and write what they found to docs/benchmarks.json and docs/benchmarks.md.

    make bench ARGS="--only send,build --quick"

A run of some, and a quick one, are only printed. It ends with 1 where a benchmark failed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.table import ROOT, Benchmark, page, run

BENCHMARKS = (
    Benchmark(
        module="benchmarks.send",
        title="Sending an issue",
        about="The command `digest send` from its start to its end, with its durable ledger, to a"
        " sink on the same machine. The floor reads rows, computes one keyed hash a reader,"
        " writes JSON and keeps its connections; it has no ledger.",
        arguments=("--runs", "5", "200000", "1000000"),
        quick=("--runs", "1", "50000"),
    ),
    Benchmark(
        module="benchmarks.real_network",
        title="Sending over a real network",
        about="The command `digest send` to 1,000,000 readers, to a provider behind TLS that is"
        " 100 ms away. The floor has as many threads, each with a new TLS connection for each"
        " request.",
        arguments=("--runs", "3", "1000000"),
        quick=("20000",),
    ),
    Benchmark(
        module="benchmarks.send_memory",
        title="Memory of a send",
        about="The largest memory of `digest send` to 200,000 readers in one process. It must not"
        " grow with the list.",
        quick=("20000",),
    ),
    Benchmark(
        module="benchmarks.signup",
        title="Sign-ups",
        about="Form posts to the site as it ships, each durable before its answer. The floor writes"
        " one row for each post, with one durable commit for all that wait together. The load"
        " comes from the same machine. In such a flood answers go first: what the sign-ups cause"
        " is waited for after each round.",
        quick=("--rounds", "1", "--seconds", "1"),
    ),
    Benchmark(
        module="benchmarks.signup_timing",
        title="What a sign-up's time tells",
        about="Whether the time of an answer tells if an address is new, pending, confirmed,"
        " suppressed, erased or bounced. Chance alone stays under 3.",
        quick=("--posts", "200"),
    ),
    Benchmark(
        module="benchmarks.build",
        title="Building an issue",
        about="An issue of five comparisons, with every check. The floor is the MJML compiler"
        " alone.",
        quick=("--runs", "5"),
    ),
    Benchmark(
        module="benchmarks.preview",
        title="The editor's desk",
        about="From the moment a file is saved until `digest preview` has had the new mail painted"
        " at both widths, in Chromium. The floor is a bare page that a file watcher tells to load"
        " the finished mail again.",
        arguments=("--saves", "40", "--editions", "0"),
        quick=("--saves", "5", "--editions", "0"),
    ),
    Benchmark(
        module="benchmarks.api_reads",
        title="Reading the API",
        about="Lists of 50 of 10,000 comparisons. The floor is a bare Starlette route that answers"
        " with the same bytes.",
        quick=("--seconds", "1", "--comparisons", "500"),
    ),
    Benchmark(
        module="benchmarks.source_poll",
        title="Polling a followed site",
        about="The command `digest sources poll` on a site of 300 pages. The floor is `digest"
        " sources list`, which only starts.",
        quick=("30",),
    ),
    Benchmark(
        module="benchmarks.history",
        title="A long history",
        about="Daily work with a history of 60 issues to 5,000 readers each. The floor is the same"
        " work after four issues: nothing may grow with history. `python -m"
        " benchmarks.history` measures 500 issues to 100,000 readers.",
        arguments=("--issues", "60", "--readers", "5000", "--kept", "12"),
        quick=("--issues", "8", "--readers", "200", "--kept", "4", "--database", "sqlite"),
    ),
)


def main(
    benchmarks: Sequence[Benchmark] = BENCHMARKS,
    arguments: Sequence[str] | None = None,
    folder: Path = ROOT / "docs",
) -> int:
    """Run what is asked for, and return the exit code; a whole run is kept in *folder*."""
    names = [each.name for each in benchmarks]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", help=f"some of them, separated by commas: {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="short runs, to see that they work")
    asked = parser.parse_args(arguments)
    wanted = asked.only.split(",") if asked.only else names
    if unknown := sorted({*wanted} - {*names}):
        parser.error(f"there is no benchmark {', '.join(unknown)}")
    results = run([each for each in benchmarks if each.name in wanted], quick=asked.quick)
    print(page(results))
    if asked.only or asked.quick:
        print("docs/benchmarks.md stays as it is: only a whole run writes it", file=sys.stderr)
    else:
        (folder / "benchmarks.json").write_text(results.to_json(), "utf-8")
        (folder / "benchmarks.md").write_text(page(results), "utf-8")
    return 0 if results.complete else 1


if __name__ == "__main__":
    sys.exit(main())
