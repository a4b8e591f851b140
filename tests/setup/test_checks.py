"""Tests that `digest setup` makes: the key, the event webhook, and the first newsletter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from digest.app.installation import open_app
from digest.db import Database
from digest.doctor import HealthLevel
from digest.errors import NotFound, WrongState
from digest.fake_sendgrid import RunningFake, running_fake
from digest.issues import store
from digest.issues.models import Newsletter
from digest.mail.mailing import Mailbox
from digest.mail.sendgrid import sendgrid_provider
from digest.settings import load
from digest.setup import check_key, check_webhook, newsletter_answers, set_up_newsletter
from digest.web.app import make_site
from digest.web.server import listen, serve_in_thread
from tests.mail.test_transports import NOWHERE

SENDER = Mailbox("news@mill-lane.eu", "News")
NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFake]:
    with running_fake(
        tmp_path_factory.mktemp("fake"), key="the-key", unscoped_key="a-reader", hold_events=True
    ) as running:
        yield running


@contextmanager
def served(database: Database, fake: RunningFake) -> Iterator[str]:
    """Serve a site that knows the fake's key, and yield its webhook's address."""
    url = database.url.render_as_string(hide_password=False)
    installation = open_app(
        load({}, database_url=url, secret="x1y2z3" * 8, webhook_keys=fake.webhook_key)
    )
    with serve_in_thread(make_site(installation), listen(0)) as site:
        yield f"{site}/webhooks/sendgrid"
    installation.database.close()


@pytest.mark.parametrize(
    ("key", "weight", "says"),
    [
        ("the-key", HealthLevel.FINE, "accepts a mail"),
        ("another", HealthLevel.REFUSED, "doesn't accept the API key"),
        ("a-reader", HealthLevel.REFUSED, "lacks the right Mail Send"),
        (None, HealthLevel.REFUSED, "DIGEST_SENDGRID_API_KEY is missing"),
    ],
)
def test_a_key_is_judged_by_the_provider(
    fake: RunningFake, key: str | None, weight: HealthLevel, says: str
) -> None:
    found = check_key(sendgrid_provider(api_key=key, url=fake.url, seconds=30), SENDER)
    assert (found.weight, says in found.says) == (weight, True), found
    assert bool(found.next_step) is (weight is not HealthLevel.FINE)
    assert SENDER.address not in found.says
    assert fake.counts()["messages"] == 0


def test_a_provider_that_cannot_be_reached_says_nothing_of_the_key() -> None:
    found = check_key(sendgrid_provider(api_key="a-key", url=NOWHERE, seconds=5), SENDER)
    assert found.weight is HealthLevel.WARNING
    assert "couldn't be tested" in found.says


def test_the_webhook_takes_a_signed_post_of_the_fake(
    fake: RunningFake, sqlite_database: Database
) -> None:
    with served(sqlite_database, fake) as endpoint:
        mine = check_webhook(
            endpoint, [fake.webhook_key], fake=fake.url, seen=int, wait=0, sleep=no_sleep
        )
        others = check_webhook(
            endpoint, ["another"], fake=fake.url, seen=int, wait=0, sleep=no_sleep
        )
    assert (mine.weight, "accepted a signed" in mine.says) == (HealthLevel.FINE, True), mine
    assert (others.weight, "another key" in others.says) == (HealthLevel.REFUSED, True)


@pytest.mark.parametrize(
    ("wait", "seen", "weight", "says"),
    [
        (0, [1], HealthLevel.WARNING, "not yet tested with a signed event"),
        (2, [1, 1, 1, 1, 1], HealthLevel.WARNING, "no event came in 2 seconds"),
        (2, [1, 1, 2], HealthLevel.FINE, "accepted a signed event"),
    ],
)
def test_the_provider_s_own_event_is_waited_for(
    fake: RunningFake,
    sqlite_database: Database,
    wait: float,
    seen: list[int],
    weight: HealthLevel,
    says: str,
) -> None:
    told = iter(seen)
    with served(sqlite_database, fake) as endpoint:
        found = check_webhook(
            endpoint, ["key"], fake=None, seen=lambda: next(told), wait=wait, sleep=no_sleep
        )
    assert (found.weight, says in found.says) == (weight, True), found


def test_an_address_where_nothing_or_something_else_answers_is_told(fake: RunningFake) -> None:
    silent, other = (
        check_webhook(
            f"{url}/webhooks/sendgrid", ["key"], fake=None, seen=int, wait=0, sleep=no_sleep
        )
        for url in (NOWHERE, fake.url)
    )
    assert "nothing answers" in silent.says
    assert "digest run" in silent.next_step
    assert "isn't Digest" in other.says


def test_the_first_newsletter_is_made_from_answers_and_changed_by_them(
    sqlite_database: Database,
) -> None:
    answers = {"name": "Tools of the Trade", "on": "thu", "at": "9:30", "zone": "Europe/Berlin"}
    with sqlite_database.write() as session:
        made = set_up_newsletter(session, answers, NOW)
        assert (made.slug, str(made.cadence())) == (
            "tools-of-the-trade",
            "every Thursday at 09:30, Europe/Berlin",
        )
        again = set_up_newsletter(session, {"name": "Tools", "at": "10"}, NOW)
        assert (again.slug, again.id) == ("tools-of-the-trade", made.id)
        assert newsletter_answers(session) == {
            "name": "Tools",
            "description": "",
            "on": "thursday",
            "at": "10:00",
            "zone": "Europe/Berlin",
        }


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Café & Crème", "cafe-and-creme"), ("週刊", "newsletter"), ("A" * 99, "a" * 64)],
)
def test_a_slug_is_ascii_and_short(sqlite_database: Database, name: str, slug: str) -> None:
    with sqlite_database.write() as session:
        assert set_up_newsletter(session, {"name": name}, NOW).slug == slug


def test_the_only_newsletter_answers_where_no_other_is_asked_for(
    sqlite_database: Database,
) -> None:
    with sqlite_database.write() as session:
        made = set_up_newsletter(session, {"name": "Tools"}, NOW)
        assert store.newsletter(session, store.USUAL).id == made.id
        with pytest.raises(NotFound, match="daily"):
            store.newsletter(session, "daily")
        session.add(Newsletter(slug="second", name="The second"))
        session.flush()
        with pytest.raises(NotFound, match="several newsletters: say which"):
            store.newsletter(session, store.USUAL)


def test_of_several_newsletters_none_is_changed(sqlite_database: Database) -> None:
    with sqlite_database.write() as session:
        session.add_all([Newsletter(slug=slug, name=slug) for slug in ("one", "two")])
        session.flush()
        assert newsletter_answers(session) is None
        with pytest.raises(WrongState, match="several newsletters"):
            set_up_newsletter(session, {"name": "One"}, NOW)


def no_sleep(_seconds: float) -> None:
    pass
