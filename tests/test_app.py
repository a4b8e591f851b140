"""The composition root: what a process makes once, and what each caller gets anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from digest.app.installation import App, open_app
from digest.http_client import Limits, OutboundRefused
from digest.settings import load
from tests.http_client.hostile_server import hostile_server


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    settings = load(
        {},
        database_url=f"sqlite:///{tmp_path / 'digest.db'}",
        secret="a secret of the tests, long enough",
        templates=tmp_path / "templates",
    )
    app = open_app(settings)
    yield app
    app.database.close()


def test_keys_builder_and_transport_are_made_once(app: App) -> None:
    assert app.tokens is app.tokens
    assert app.hashes is app.hashes
    assert app.issues.builder is app.issues.builder
    assert app.sending.transport is app.letters.transport().transport


def test_what_remembers_is_made_for_each_caller(app: App) -> None:
    assert app.events.consumer() is not app.events.consumer()
    assert app.events.spool() is not app.events.spool()
    assert app.letters.transport() is not app.letters.transport()


def test_other_settings_have_keys_of_their_own(app: App) -> None:
    key = app.hashes.first("ann@example.org")
    secret = load({}, secret="another secret of the tests, long enough").secret
    other = replace(app, settings=app.settings.model_copy(update={"secret": secret}))
    assert other.hashes.first("ann@example.org") != key


def test_a_folder_of_templates_counts_as_soon_as_it_is_there(app: App) -> None:
    assert app.template_folder is None
    (app.settings.templates / "email").mkdir(parents=True)
    assert app.template_folder == app.settings.templates / "email"


def test_files_of_its_own_lie_beside_a_database_file(app: App, tmp_path: Path) -> None:
    assert app.events.spool_folder == tmp_path / "digest.db-events"
    assert app.sending.restore_guard_file.path == tmp_path / "digest.db.epoch"


def test_other_servers_are_asked_by_the_rules_of_the_settings(app: App) -> None:
    limits = Limits(bytes=1000, seconds=60)
    settings = app.settings.model_copy(update={"allowed_networks": "127.0.0.2/32"})
    with (
        hostile_server("127.0.0.2") as server,
        hostile_server() as other,
        replace(app, settings=settings).outbound_client() as client,
    ):
        client.get(f"{server.url}/plain", limits=limits)
        with pytest.raises(OutboundRefused, match="a loopback address"):
            client.get(f"{other.url}/plain", limits=limits)
    assert "(+http://localhost:8000)" in server.asked[0]
