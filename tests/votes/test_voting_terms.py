"""What the settings decide on votes, and how an installation's other parts follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from digest.app.installation import App, open_app
from digest.db import Database
from digest.delivery.copy_arrival import copy_arrivals
from digest.errors import BadSetting
from digest.settings import load
from digest.votes import nothing_known
from tests.votes.conftest import Poll, new_poll

MakeApp = Callable[..., App]
SENDGRID = {"transport": "sendgrid", "sendgrid_api_key": "SG.x"}


@pytest.fixture
def make_app(sqlite_database: Database, tmp_path: Path) -> Iterator[MakeApp]:
    made: list[App] = []

    def make(**settings: Any) -> App:
        given = {"secret": "a secret of the tests, long enough", **settings}
        made.append(open_app(load({}, database_url=f"sqlite:///{tmp_path / 'digest.db'}", **given)))
        return made[-1]

    yield make
    for app in made:
        app.database.close()


def scanners(make_app: MakeApp, path: Path, text: str) -> App:
    path.write_text(text, encoding="utf-8")
    return make_app(scanner_networks=path)


def test_the_file_of_scanner_networks_may_hold_comments(make_app: MakeApp, tmp_path: Path) -> None:
    text = "# Example Security\n192.0.2.0/24  # London\n\n2001:db8::/32\n198.51.100.7\n"
    terms = scanners(make_app, tmp_path / "networks", text).votes.terms
    known = ("192.0.2.255", "2001:db8:1::5", "198.51.100.7")
    assert [terms.is_scanner(address) for address in known] == [True] * 3
    assert not any(map(terms.is_scanner, ("192.0.3.1", "2001:db9::1", "198.51.100.8", "")))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("192.0.2.0/24\nLondon", "DIGEST_SCANNER_NETWORKS, line 2: London is no network"),
        (
            "192.0.2.1/24",
            "DIGEST_SCANNER_NETWORKS, line 1: 192.0.2.1/24 isn't where a network begins:"
            " did you mean 192.0.2.0/24?",
        ),
    ],
)
def test_a_faulty_line_is_named(make_app: MakeApp, tmp_path: Path, text: str, fault: str) -> None:
    app = scanners(make_app, tmp_path / "networks", text)
    with pytest.raises(BadSetting) as raised:
        _ = app.votes.terms
    assert str(raised.value) == fault
    assert "one network a line" in (raised.value.next_step or "")


def test_a_file_that_isn_t_there_is_named(make_app: MakeApp, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"DIGEST_SCANNER_NETWORKS: .*No such file"):
        _ = make_app(scanner_networks=tmp_path / "none").votes.terms


def test_votes_wait_for_news_only_where_news_comes(make_app: MakeApp) -> None:
    assert make_app().votes.terms.delivered is nothing_known
    assert make_app(**SENDGRID).votes.terms.delivered is nothing_known
    assert make_app(**SENDGRID, webhook_keys="key").votes.terms.delivered is copy_arrivals


@pytest.mark.parametrize(("setting", "left"), [("keep", (1, 0)), ("remove", (0, 0))])
def test_a_setting_says_what_is_left_of_an_erased_reader_s_vote(
    make_app: MakeApp, sqlite_database: Database, setting: str, left: tuple[int, int]
) -> None:
    app = make_app(votes_of_erased=setting)
    poll: Poll = new_poll(sqlite_database, app.clock())
    reader = poll.reader()
    poll.cast(poll.ballot(reader))
    with app.database.write() as session:
        app.votes.erase_reader(session, reader, "reader@example.com")
    assert poll.count() == left
