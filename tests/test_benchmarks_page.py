"""The table of the benchmarks: run one by one, kept, and shown in the documentation.

After a run of the benchmarks on another machine, the page is written again by `make bench`; after
a change of its words: ``DIGEST_UPDATE_GOLDEN=1 pytest tests/test_benchmarks_page.py``
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.measurements import Measurement
from benchmarks.table import Benchmark, Results, page

DOCS = Path(__file__).parents[1] / "docs"


def pretended(title: str, value: float, quick: float = 1.0) -> Benchmark:
    return Benchmark(
        module="tests.pretended_benchmark",
        title=title,
        about="Nothing is measured.",
        arguments=("--", str(value)),
        quick=("--", str(quick)),
    )


def test_a_whole_run_is_kept_and_shown(tmp_path: Path) -> None:
    assert main([pretended("One", 8), pretended("Two", 12)], [], tmp_path) == 0

    kept = Results.from_json((tmp_path / "benchmarks.json").read_text("utf-8"))
    shown = (tmp_path / "benchmarks.md").read_text("utf-8")
    assert [each.measurements[0].value for each in kept.outcomes] == [8, 12]
    assert "| Work (ms) | 8 | 4 | 2 | at most 10: met |" in shown
    assert "| Work (ms) | 12 | 4 | 3 | at most 10: **missed** |" in shown
    assert shown == page(kept)


def test_a_benchmark_that_fails_leaves_a_row_and_stops_no_other(tmp_path: Path) -> None:
    assert main([pretended("One", -1), pretended("Two", 8)], [], tmp_path) == 1

    shown = (tmp_path / "benchmarks.md").read_text("utf-8")
    assert "failed. It ended with exit code 3." in shown
    assert "| Work (ms) | 8 |" in shown


@pytest.mark.parametrize("arguments", [["--quick"], ["--only", "pretended_benchmark"]])
def test_a_part_of_a_run_is_shown_and_not_kept(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([pretended("One", 8, quick=2)], arguments, tmp_path) == 0

    assert f"| Work (ms) | {2 if '--quick' in arguments else 8} |" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_no_benchmark_has_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([pretended("One", 8)], ["--only", "sned"], tmp_path)

    assert "there is no benchmark sned" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "more_is_better", "met"), [(9, False, True), (11, False, False), (11, True, True)]
)
def test_a_target_is_met_from_the_side_that_is_better(
    value: float, more_is_better: bool, met: bool
) -> None:
    measured = Measurement(
        name="Work", value=value, unit="ms", target=10, more_is_better=more_is_better
    )

    assert measured.met is met


def test_the_page_shows_the_results_that_are_kept() -> None:
    shown = page(Results.from_json((DOCS / "benchmarks.json").read_text("utf-8")))
    if os.environ.get("DIGEST_UPDATE_GOLDEN"):
        (DOCS / "benchmarks.md").write_text(shown, "utf-8")

    assert (DOCS / "benchmarks.md").read_text("utf-8") == shown
