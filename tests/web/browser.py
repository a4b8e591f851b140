"""A Chromium that reaches only this machine, and the problems it finds on a page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

Scheme = Literal["light", "dark"]
_HERE = "http://127.0.0.1:"
_AXE = "axe.run(document, {iframes: false, resultTypes: ['violations']})"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium; skips where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("there is no chromium on this machine")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield started
        started.close()


@contextmanager
def visitor(
    browser: Browser, *, scripts: bool = True, width: int = 375, scheme: Scheme = "light"
) -> Iterator[BrowserContext]:
    """Open a window; nothing but this machine answers in it, and asking elsewhere is an error."""
    context = browser.new_context(
        java_script_enabled=scripts,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        locale="en-GB",
        # A person's: this one calls itself headless, and is taken for a program.
        user_agent=f"Mozilla/5.0 (X11; Linux x86_64) Chrome/{browser.version} Safari/537.36",
    )
    context.set_default_timeout(20_000)
    strayed: list[str] = []

    def keep_here(route: Route) -> None:
        if route.request.url.startswith(_HERE):
            route.continue_()
        else:
            strayed.append(route.request.url)
            route.abort()

    context.route("**/*", keep_here)
    yield context
    context.close()
    assert strayed == []


def barriers(page: Page) -> list[str]:
    """Return what axe-core finds in a page, each rule with the elements it is about."""
    page.evaluate(AXE_SCRIPT)
    violations: list[dict[str, Any]] = page.evaluate(_AXE)["violations"]
    return [
        f"{one['id']}: {', '.join(node['html'][:90] for node in one['nodes'])}"
        for one in violations
    ]


def shifted(page: Page) -> float:
    """Return how far a page's parts have moved since it was opened (0 is not at all)."""
    moved: float = page.evaluate(
        """() => new Promise((resolve) => {
          let sum = 0;
          new PerformanceObserver((list) => list.getEntries().forEach((e) => { sum += e.value; }))
            .observe({type: 'layout-shift', buffered: true});
          requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
        })"""
    )
    return moved
