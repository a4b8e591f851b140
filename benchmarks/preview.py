"""How long a save takes to show at the desk, and what rendering and checking cost.

    python -m benchmarks.preview [--saves 40] [--editions 200] [--json]

The desk is the command `digest preview` in a process of its own. The floor of a save is a bare page
that a file watcher tells to load the finished mail again: see `bare_reload`. Both are open in the
same Chromium, and take turns.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks import floors
from benchmarks.measurements import Measurement, reporting
from digest import samples
from digest.app.installation import App, open_app
from digest.issues.build import BuiltIssue
from digest.issues.models import Newsletter
from digest.migrations.all_tables import METADATA
from digest.preview.session import PreviewSession
from digest.render.engine import fill, render
from digest.render.sandbox import RenderProcess, render_checked
from digest.render.template_paths import shipped_templates, template_folders
from digest.settings import load

#: Seconds until a page that was just brought to the front has been painted, as an editor's long is.
SHOWN = 0.3
#: Notes, in the browser, the moment after the frames that show a new rendering were painted.
NOTE = """() => {
  window.whenPainted = new Promise((done) => {
    new MutationObserver(() => requestAnimationFrame(() => requestAnimationFrame(
      () => done(Date.now())))).observe(
        document.body, { attributes: true, attributeFilter: ['data-painted'] });
  });
}"""


FLOOR = "The floor"
TARGET = 200.0  #: milliseconds for 19 of 20 saves


#: Seconds from a save's being painted until the desk has checked the mail, too.
SETTLED = 0.6
SETTINGS = {
    "secret": "a secret for measuring, and only that",  # it guards nothing
    "base_url": "https://news.example.com",
    "postal_address": "12 Example Street",
}


def main() -> None:
    """Measure, and print a table."""
    told = _arguments()
    with reporting(as_json=told.json) as found:
        print(f"Python {platform.python_version()}, {platform.machine()}")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            shutil.copytree(shipped_templates("email"), folder / "templates" / "email")
            (folder / "comparisons").mkdir()
            for path in samples.comparisons():
                shutil.copy(path, folder / "comparisons")
            with _desk(folder) as url:
                saves = _measure_saves(folder, url, told.saves)
            _print_saves(saves)
            found += _measurements(saves)
            if told.editions:
                _print_editions(folder, told.editions)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--saves", type=int, default=40)
    parser.add_argument("--editions", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


@contextmanager
def _desk(folder: Path) -> Iterator[str]:
    """Run the desk over a folder, and yield the link that opens it."""
    variables = {f"DIGEST_{name.upper()}": value for name, value in SETTINGS.items()}
    usual = {name: value for name, value in os.environ.items() if not name.startswith("DIGEST")}
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "digest", "preview", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**usual, **variables, "DIGEST_TEMPLATES": str(folder / "templates")},
    ) as desk:
        try:
            assert desk.stdout
            yield next(filter(None, map(_link_in, desk.stdout)))
        finally:
            desk.terminate()


def _link_in(line: str) -> str:
    found = re.search(r"http://\S+", line)
    return found[0] if found and "token=" in line else ""


def _installation(folder: Path) -> App:
    database = f"sqlite:///{folder / 'editions.db'}"
    app = open_app(load({}, **SETTINGS, database_url=database, templates=folder / "templates"))
    METADATA.create_all(app.database.engine)
    with app.database.write() as session:
        session.add(Newsletter(slug="weekly", name="Weekly AI Tool Verdicts"))
    return app


def _measure_saves(folder: Path, url: str, count: int) -> dict[str, list[float]]:
    mail = folder / "floor.html"
    mail.touch()
    with sync_playwright() as playwright, floors.site("reload", mail) as (port, _):
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = _opened(browser, url)
        mail.write_text(page.evaluate("fetch('/mail').then((mail) => mail.text())"), "utf-8")
        first = [_first_paint(page), *_reloads(page, 9)]
        template = folder / "templates/email/partials/masthead.mjml"
        comparison = next((folder / "comparisons").glob("tidepool*"))
        bare = _opened(browser, f"http://127.0.0.1:{port}/")
        saves: dict[str, tuple[Page, Path, str]] = {
            FLOOR: (bare, mail, "</h1>"),
            "A template": (page, template, "</h1>"),
            "A comparison": (page, comparison, "Tidepool"),
        }
        found: dict[str, list[float]] = {"The page's first paint": first}
        found |= {name: [] for name in saves}
        sources = {path: path.read_text(encoding="utf-8") for _, path, _ in saves.values()}
        for number in range(count):
            for name, (shown, path, word) in saves.items():
                changed = sources[path].replace(word, word + "'" * (1 + number % 2))
                found[name].append(_save(shown, path, changed))
        browser.close()
    return found


def _opened(browser: Browser, url: str) -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(url)
    page.wait_for_selector("body[data-live=yes]")
    return page


def _first_paint(page: Page) -> float:
    told = "performance.getEntriesByName('first-contentful-paint').map((each) => each.startTime)"
    while not (found := page.evaluate(told)):
        time.sleep(0.05)
    return float(found[0])


def _reloads(page: Page, count: int) -> Iterator[float]:
    for _ in range(count):
        page.reload()
        page.wait_for_selector("body[data-live=yes]")
        yield _first_paint(page)


def _save(page: Page, path: Path, text: str) -> float:
    """Save a file; return the milliseconds until what it says is painted."""
    page.bring_to_front()
    time.sleep(SHOWN)
    page.evaluate(NOTE)
    began = time.time()
    path.write_text(text, encoding="utf-8")
    painted = float(page.evaluate("window.whenPainted"))
    time.sleep(SETTLED)
    return painted - began * 1000


def _print_saves(found: dict[str, list[float]]) -> None:
    print("\nFrom a save to its being painted, both widths, ms      median     p95     max")
    for name, times in found.items():
        print(
            f"  {name:<50} {statistics.median(times):8.0f}{_of_twenty(times):8.0f}{max(times):8.0f}"
        )


def _of_twenty(times: list[float]) -> float:
    """Return the time that nineteen of twenty are within."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, round(len(ordered) * 0.95))]


def _measurements(found: dict[str, list[float]]) -> Iterator[Measurement]:
    floor = found[FLOOR]
    for name in ("A template", "A comparison"):
        yield Measurement(
            name=f"{name} is saved, median",
            value=statistics.median(found[name]),
            unit="ms",
            floor=statistics.median(floor),
        )
        yield Measurement(
            name=f"{name} is saved, 95th percentile",
            value=_of_twenty(found[name]),
            unit="ms",
            floor=_of_twenty(floor),
            target=TARGET,
        )


def _print_editions(folder: Path, count: int) -> None:
    app = _installation(folder)
    with RenderProcess() as confined:
        desk = PreviewSession(lambda: app, folder, confined=confined)
        desk.renew()
        _print_edition_of(desk, folder / "issue.mjml", confined, count)
    app.database.close()


def _print_edition_of(
    desk: PreviewSession, source: Path, confined: RenderProcess, count: int
) -> None:
    proof = desk.snapshot.built
    assert proof is not None
    context = {"issue": proof.view}
    source.write_text(fill("issue.mjml", context, template_folders("email")), encoding="utf-8")
    steps: dict[str, Callable[[], object]] = {
        "render: Jinja, MJML, line ends, text": lambda: render("issue", context),
        "the same, with the MJML checked": lambda: render_checked("issue", context),
        "the same, in a process of its own": lambda: confined.render("issue", context),
        "check: every rule": lambda: _check(desk, proof),
    }
    print(f"\nOne edition of {len(proof.view.comparisons)} comparisons, ms      median     p95")
    measured = {"the bare MJML call": floors.run("mjml", source, count)["times"]}
    measured |= {name: [_time(work) for _ in range(count)] for name, work in steps.items()}
    for name, found in measured.items():
        times = sorted(found)
        at = times[round(len(times) * 0.95) - 1]
        print(f"  {name:<44} {statistics.median(times):8.1f}{at:8.1f}")


def _check(desk: PreviewSession, proof: BuiltIssue) -> object:
    return desk.app.issues.lint_terms.of_view(proof.view, proof.rendered)


def _time(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
