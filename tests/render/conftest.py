"""Fixtures for rendering: HTML shown in a browser as a mail program shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

Scheme = Literal["light", "dark"]
Show = Callable[[str, int, Scheme], AbstractContextManager[Page]]


@pytest.fixture
def show(browser: Browser) -> Show:
    """Show HTML as a mail program does: without scripts, and fetching nothing."""

    @contextmanager
    def show(html: str, width: int, scheme: Scheme) -> Iterator[Page]:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            java_script_enabled=False,
            offline=True,
        )
        page = context.new_page()
        page.set_content(html)
        yield page
        context.close()

    return show
