"""A reader's vote link, and a press of its button."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

import httpx2
from sqlmodel import col, select

from digest.comparisons.models import Call, Comparison, Tool
from digest.votes import VoteCount, copy_signer, counts_of, vote_path
from tests.web.conftest import SLUG, Running

LEFT, RIGHT = "lintwick", "ravelin-coder-2"
READER = 1
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}


def comparison_id(site: Running, slug: str = SLUG) -> int:
    with site.app.database.read() as session:
        row = session.exec(select(Comparison).where(col(Comparison.slug) == slug)).one()
        return row.id or 0


def tool_id(site: Running, slug: str) -> int:
    with site.app.database.read() as session:
        return session.exec(select(Tool).where(col(Tool.slug) == slug)).one().id or 0


def link(site: Running, tool: str = "", call: Call | None = None, **who: int) -> str:
    """Return the path of a vote link in a copy of the first issue."""
    reader, comparison = who.get("reader", READER), who.get("comparison", comparison_id(site))
    sign = copy_signer(site.app.tokens, who.get("edition", 1), site.clock())
    return vote_path(sign([reader], comparison)[0], tool, call)


def vote(site: Running, path: str, choices: Mapping[str, str], **more: Any) -> httpx2.Response:
    """Press the button of a vote page, in a browser, with choices by the tool's slug."""
    fields = {f"tool-{slug}": call for slug, call in choices.items()}
    headers = BROWSER | more.pop("headers", {})
    return site.http.post(path, data=fields | more, headers=headers)


def counted(site: Running) -> dict[str, VoteCount]:
    """Return the votes that count, by the tool's slug."""
    comparison = comparison_id(site)
    with site.app.database.read() as session:
        counts = counts_of(session, [comparison]).get(comparison, {})
    return {slug: counts.get(tool_id(site, slug), VoteCount()) for slug in (LEFT, RIGHT)}


def text_of(page: str) -> str:
    """Return a page's words in a line, without its head."""
    body = page.partition("<body")[2].partition(">")[2]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def checked(page: str) -> list[str]:
    """Return the radio buttons that are on, as "tool=call"."""
    on = re.findall(r'<input type="radio" name="tool-([^"]*)" value="([^"]*)" checked>', page)
    return [f"{slug}={call}" for slug, call in on]
