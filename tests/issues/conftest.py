"""Fixtures for issues: a store with a newsletter and comparisons, and a renderer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest import samples
from digest.app.installation import App, open_app
from digest.comparisons.loader import read_file
from digest.comparisons.store import store_draft
from digest.db import Database
from digest.issues.build import IssueBuilder
from digest.issues.content.view import IssueView
from digest.issues.models import Newsletter
from digest.migrations.all_tables import METADATA
from digest.render.engine import render
from digest.render.rendered import Rendered
from digest.settings import load

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
WEEK = "2026-W48"


@pytest.fixture
def week() -> str:
    return WEEK


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[App]:
    """An installation with the sample comparisons, and a folder of templates of its own."""
    app = open_app(
        load(
            {},
            database_url=f"sqlite:///{tmp_path / 'digest.db'}",
            secret="a secret of the tests, long enough",
            base_url="https://news.example.com",
            postal_address="12 Example Street\n10115 Berlin",
            templates=tmp_path / "templates",
            outbox=tmp_path / "outbox",
        ),
        clock=lambda: NOW,
    )
    METADATA.create_all(app.database.engine)
    with app.database.write() as session:
        session.add(Newsletter(slug="weekly", name="Weekly AI Tool Verdicts"))
        for path in samples.comparisons():
            store_draft(session, read_file(path), now=NOW)
    yield app
    app.database.close()


@pytest.fixture
def issue_builder(installation: App) -> IssueBuilder:
    """An issue builder that renders in this process: faster, with the same bytes."""

    def here(view: IssueView) -> Rendered:
        return render("issue", {"issue": view}, folder=installation.template_folder)

    return replace(installation.issues.builder, render=here)


@pytest.fixture
def installation_database(installation: App) -> Database:
    """The installation's store."""
    return installation.database


@pytest.fixture
def write_template(installation: App) -> Callable[[str, str], None]:
    """Write one of the installation's own templates."""

    def write(name: str, source: str) -> None:
        path = installation.settings.templates / "email" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")

    return write
