"""Seconds of processor that building an issue of five comparisons takes, checks included.

    python -m benchmarks.build [--runs 21] [--json]

The floor is the MJML compiler alone, on the same source. The mail is rendered in this process: as
the product renders it, in a process of its own, it takes the same, and starting that once more.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from mjml import mjml2html
from sqlmodel import select

from benchmarks.history import opened
from benchmarks.measurements import Measurement, reporting
from benchmarks.ready_issue import fill
from digest.app.installation import App
from digest.issues import build
from digest.issues.content.view import IssueView
from digest.issues.models import Issue, Newsletter
from digest.render.lint.mjml import fill_checked
from digest.render.rendered import Rendered
from digest.render.sandbox import render_checked
from digest.render.template_paths import template_folders
from tests.history.workloads import undone

UNIT = "ms of CPU"
TARGET = 60.0  #: of all of it


def milliseconds(work: Callable[[], object], runs: int) -> float:
    """Return the median of the processor time that the work takes, once it is warm."""
    work()
    taken = []
    for _ in range(runs):
        began = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - began))
    return median(taken)


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with reporting(as_json=given.json) as found:
        found += measured(given.runs)


def measured(runs: int) -> Iterator[Measurement]:
    """Measure each step, tell, and yield its figure."""
    with tempfile.TemporaryDirectory() as name:
        app = opened(f"sqlite:///{Path(name) / 'digest.db'}", Path(name))
        fill(app, 10)
        steps = _steps(app)
        taken = {step: milliseconds(work, runs) for step, work in steps.items()}
        app.database.close()
    floor = taken["the floor: MJML alone"]
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, median of {runs}")
    for step, each in taken.items():
        print(f"{step:<30}{each:>8.1f} ms of processor{each / floor:>8.1f} times the floor")
        if each is not floor:
            target = TARGET if step == "built and kept" else None
            name = step.capitalize()
            yield Measurement(name=name, value=each, unit=UNIT, floor=floor, target=target)


def _steps(app: App) -> dict[str, Callable[[], object]]:
    seen: list[IssueView] = []

    def render(view: IssueView) -> Rendered:
        seen[:] = [view]
        return render_checked("issue", _context(view))

    builder = replace(app.issues.builder, render=render)

    def whole() -> None:
        with undone(app) as session:
            newsletter, issue = (
                session.exec(select(Newsletter)).one(),
                session.exec(select(Issue)).one(),
            )
            now = datetime.now(UTC)
            build.build(
                session, newsletter, issue.period, now=now, issue_builder=builder, again=True
            )

    whole()
    view = seen[0]
    mail = render(view)
    source, _ = fill_checked("issue.mjml", _context(view), template_folders("email", None))
    return {
        "the floor: MJML alone": lambda: mjml2html(source, disable_comments=True, fonts={}),
        "rendered, its source checked": lambda: render(view),
        "the finished mail checked": lambda: app.issues.lint_terms.of_view(view, mail),
        "built and kept": whole,
    }


def _context(view: IssueView) -> dict[str, Any]:
    return {"issue": view, "language": view.language}


if __name__ == "__main__":
    main()
