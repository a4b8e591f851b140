"""Makes docs/pictures: the mail, the desk, the report and the pages, from the demo's own data.

Run it after a template, a style sheet or a sample has changed: make pictures
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

from digest import samples
from digest.render.template_paths import Kind, shipped_templates

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
MADE_FROM = FOLDER / "made_from.json"  #: what `made_from` returned when the pictures were made
SCALE = 1.5  #: pixels of a picture for one of a page, where nothing else is said
AIR = 86  #: pixels above the second comparison's name, where the wide pictures of the mail end
DIGEST = Path(sys.executable).with_name("digest")
EDITOR = "editor@example.com"


class Newsletter(NamedTuple):
    """A second and a third newsletter, so that there is something to choose from."""

    slug: str
    name: str
    description: str
    days_ahead: int  #: when its first issue leaves; a draft is made two days before


MORE = [
    Newsletter("trade", "Tools of the Trade", "Three comparisons that are worth your time.", 1),
    Newsletter("studio", "Studio Notes", "Tools for people who draw, cut and record.", 4),
]

#: The folders of templates that each picture shows.
PICTURES: dict[str, tuple[Kind, ...]] = {
    "mail-desktop": ("email",),
    "mail-phone": ("email",),
    "mail-dark": ("email",),
    "desk": ("email", "preview"),
    "report": ("report",),
    "sign-up": ("web",),
    "review": ("email", "web"),
    "front-page": ("web",),
}


def main() -> None:
    """Make every picture, and note what each was made from."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-lcd-text"]
        )
        digest("demo", folder=Path(folder))
        demo = Path(folder) / "demo"
        _mail(browser, (demo / "issue.html").as_uri())
        _report(browser, (demo / "report.html").as_uri())
        _desk(browser, demo)
        _site(browser, demo)
        browser.close()
    MADE_FROM.write_text(json.dumps(made_from(), indent=2) + "\n", "utf-8")


def made_from() -> dict[str, str]:
    """Return, for each picture, a SHA-256 of this script, the samples and its templates."""
    return {f"{name}.png": _sum_of(kinds) for name, kinds in PICTURES.items()}


def _sum_of(kinds: tuple[Kind, ...]) -> str:
    found = sha256(Path(__file__).read_bytes())
    for path in samples.comparisons():
        found.update(path.name.encode() + b"\0" + path.read_bytes())
    for kind in kinds:
        folder = shipped_templates(kind)
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            found.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def _mail(browser: Browser, url: str) -> None:
    with page_of(browser, url, width=700, scale=1.25) as page:
        take(page, "mail-desktop", height=_second_comparison(page))
    with page_of(browser, url, width=375) as page:
        take(page, "mail-phone", height=812)
    with page_of(browser, url, width=375, scheme="dark") as page:
        take(page, "mail-dark", height=812)


def _second_comparison(page: Page) -> float:
    """Return where the second comparison begins, in pixels from the top."""
    second = page.locator("h2").nth(1).bounding_box()
    return second["y"] - AIR if second else 900


def _report(browser: Browser, url: str) -> None:
    with page_of(browser, url, width=900) as page:
        take(page, "report", height=880)


def _desk(browser: Browser, demo: Path) -> None:
    """Photograph the desk as it opens, on the issue after the one that was sent."""
    with running("preview", folder=demo) as desk:
        url = desk.says(r"(http://\S+token=\S+)")
        with page_of(browser, url, width=1480, height=760, scale=1) as page:
            page.wait_for_selector("body[data-live=yes]")
            page.wait_for_function("!document.querySelector('iframe.next')")
            take(page, "desk", height=760)


def _site(browser: Browser, demo: Path) -> None:
    """Photograph the pages of `digest run`, which has just mailed a draft to an editor."""
    for newsletter in MORE:
        day = datetime.now(UTC) + timedelta(days=newsletter.days_ahead)
        words = ["--name", newsletter.name, "--description", newsletter.description]
        digest("newsletters", "add", newsletter.slug, *words, "--on", f"{day:%A}", folder=demo)
        given = ["readers.csv", "--consent", "Sample readers, made up for the pictures."]
        digest("subscribers", "import", *given, "--newsletter", newsletter.slug, folder=demo)
    with (demo / ".env").open("a", encoding="utf-8") as env:
        env.write(f"DIGEST_EDITORS={EDITOR}\n")
    with running("run", folder=demo) as service:
        site = service.says(r"is at (http://\S+)")
        with page_of(browser, f"{site}/", width=700) as page:
            take(page, "front-page", height=1030)
        with page_of(browser, f"{site}/subscribe", width=700) as page:
            take(page, "sign-up", height=560)
        service.says(r": (draft|reminder) letter accepted")
        with page_of(browser, site + _review_path(demo), width=700) as page:
            take(page, "review", height=760)


def _review_path(demo: Path) -> str:
    """Return the path of the page that the letter to the editor leads to."""
    for path in (demo / "outbox").rglob("*.eml"):
        part = message_from_bytes(path.read_bytes(), policy=policy.default).get_body(["plain"])
        if part and (found := re.search(r"/review/\S+", part.get_content())):
            return found[0]
    raise RuntimeError("no letter to the editor leads to a review")


class Running:
    """A command of `digest` that is under way, and what it says."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Begin to read what the process prints."""
        self._process = process

    def says(self, pattern: str) -> str:
        """Wait for a line with *pattern*, and return the first group of it."""
        for line in self._process.stdout or ():
            if found := re.search(pattern, line):
                return found[1]
        raise RuntimeError(f"the command ended before it said {pattern}")


@contextmanager
def running(command: str, *, folder: Path) -> Iterator[Running]:
    """Run a command that serves pages, on a free port, until the block ends."""
    with subprocess.Popen(  # noqa: S603 - our own command
        [DIGEST, command, "--port", "0"],
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield Running(process)
        finally:
            process.terminate()


def digest(*words: str, folder: Path) -> None:
    """Run a command of `digest` to its end; raises `CalledProcessError`."""
    subprocess.run([DIGEST, *words], cwd=folder, check=True)  # noqa: S603 - our own command


@contextmanager
def page_of(
    browser: Browser,
    url: str,
    *,
    width: int,
    height: int = 900,
    scale: float = SCALE,
    scheme: Literal["light", "dark"] = "light",
) -> Iterator[Page]:
    """Open a page in a window of that many pixels."""
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=scale
    )
    page.goto(url)
    yield page
    page.close()


def take(page: Page, name: str, *, height: float) -> None:
    """Write a picture of the top of a page, of that many of its pixels."""
    width = page.viewport_size["width"] if page.viewport_size else 0
    clip: FloatRect = {"x": 0, "y": 0, "width": width, "height": height}
    page.screenshot(path=FOLDER / f"{name}.png", full_page=True, clip=clip, animations="disabled")


if __name__ == "__main__":
    main()
