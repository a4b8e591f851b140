"""Fixtures for sources: a followed site in the database, and what its pages say."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from digest.comparisons.schema import ComparisonDraft, ContenderDraft, VerdictDraft
from digest.db import Database
from digest.sources.models import AcceptRule, Source, SourceKind, SourcePage
from tests.conftest import NOW

SITE = "https://tools.example.com"


def draft(name: str = "Lathe", **fields: Any) -> ComparisonDraft:
    """Return a comparison of *name* and Mortar, as a page says it."""
    verdicts = tuple(VerdictDraft(seat=seat, quote=f"Said {seat}.") for seat in (1, 2, 3, 4))
    left, right = (
        ContenderDraft(name=tool, panel_share=75.0, verdicts=verdicts) for tool in (name, "Mortar")
    )
    chosen = {"title": f"{name} vs Mortar", "contenders": (left, right), **fields}
    return ComparisonDraft(**chosen)


class Followed:
    """A source of one page, and the page."""

    def __init__(self, database: Database, **fields: Any) -> None:
        self.database = database
        chosen = {
            "url": f"{SITE}/sitemap.xml",
            "kind": SourceKind.SITEMAP,
            "accept": AcceptRule.NONE,
            "added_at": NOW,
            "next_poll_at": NOW,
            **fields,
        }
        with database.write() as session:
            source = Source(**chosen)
            session.add(source)
            session.flush()
            self.source_id = source.id or 0
        self.page_id = self.add_page(f"{SITE}/lathe")

    def add_page(self, url: str) -> int:
        with self.database.write() as session:
            page = SourcePage(source_id=self.source_id, url=url, listed_at=NOW)
            session.add(page)
            session.flush()
            return page.id or 0

    def page(self) -> SourcePage:
        with self.database.read() as session:
            return session.get_one(SourcePage, self.page_id)


@pytest.fixture
def followed(database: Database) -> Followed:
    return Followed(database)


@pytest.fixture
def later(now: datetime) -> datetime:
    return now.replace(hour=now.hour + 1)
