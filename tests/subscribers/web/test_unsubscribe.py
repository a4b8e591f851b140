"""The unsubscribe page: the button, one-click, and the undo."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError

from digest.db import Database
from subscribers import lifecycle, store, suppression
from subscribers.models import Standing, SuppressionReason
from subscribers.store import Evidence
from subscribers.tokens import Hashes, LinkTarget, Purpose, Tokens
from tests.subscribers.conftest import NEWSLETTER, SECRET, MakeReader
from tests.subscribers.web.conftest import Site, hidden
from tests.subscribers.web.test_request_body import head

READER = "reader@example.com"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def reader(sqlite_database: Database, make_reader: MakeReader) -> int:
    with sqlite_database.write() as session:
        return make_reader(session, READER)


@pytest.fixture
def path(site: Site, reader: int) -> str:
    """The unsubscribe link's path."""
    return site.path(site.config.links.unsubscribe(LinkTarget(reader, NEWSLETTER)))


def test_the_link_in_a_mail_shows_a_button_and_changes_nothing(site: Site, path: str) -> None:
    for method in ("GET", "HEAD"):
        assert site.http.request(method, path).status_code == 200
    assert site.standing(READER) is Standing.CONFIRMED


def test_a_person_leaves_by_the_button(site: Site, path: str) -> None:
    answer = site.http.post(path, data=hidden(site.http.get(path).text))
    assert "You’ve unsubscribed" in answer.text
    assert site.standing(READER) is Standing.UNSUBSCRIBED


def test_leaving_is_undone_from_the_same_page(site: Site, path: str) -> None:
    left = site.http.post(path, data=hidden(site.http.get(path).text))
    back = site.http.post(f"{path}/undo", data=hidden(left.text))
    assert "Welcome back" in back.text
    assert site.standing(READER) is Standing.CONFIRMED


def test_only_the_leaving_that_is_shown_is_taken_back(site: Site, path: str) -> None:
    first = site.http.post(path, data={"page": "1"})
    site.http.post(f"{path}/undo", data=hidden(first.text))
    site.clock.advance(minutes=1)
    site.http.post(path, data=ONE_CLICK)
    again = site.http.post(f"{path}/undo", data=hidden(first.text))
    assert "too late to undo" in again.text
    assert site.standing(READER) is Standing.UNSUBSCRIBED


def test_one_click_ends_a_sign_up_that_is_under_way_too(site: Site, path: str) -> None:
    site.http.post(path, data=ONE_CLICK)
    site.clock.advance(hours=2)
    site.fill_in(READER)
    confirm = site.path(site.deliver()[0].action_url)
    site.clock.advance(minutes=1)
    site.http.post(path, data=ONE_CLICK)
    for answer in (site.http.get(confirm), site.http.post(confirm)):
        assert "You’ve unsubscribed since then" in answer.text
    assert site.standing(READER) is Standing.UNSUBSCRIBED
    assert [row.act for row in site.rows("consent")][-2:] == ["asked", "withdrawn"]


def test_the_undo_s_own_address_shows_the_page_it_came_from(site: Site, path: str) -> None:
    assert "Unsubscribe from Weekly AI Tool Verdicts?" in site.http.get(f"{path}/undo").text


def test_who_must_not_be_mailed_is_not_told_that_mail_comes(
    site: Site, path: str, reader: int, hashes: Hashes
) -> None:
    own = site.path(site.config.links.preferences(LinkTarget(reader, NEWSLETTER), READER))
    with site.config.sessions.write() as session:
        suppression.suppress(session, READER, SuppressionReason.MANUAL, hashes, site.clock.now)
    assert "We no longer send email to this address" in site.http.get(own).text
    left = site.http.post(path, data={"page": "1"})
    back = site.http.post(f"{path}/undo", data=hidden(left.text))
    assert "We don’t send email to this address" in back.text
    assert site.standing(READER) is Standing.UNSUBSCRIBED


def test_who_presses_twice_may_still_take_it_back(site: Site, path: str) -> None:
    site.http.post(path, data={"page": "1"})
    twice = site.http.post(path, data={"page": "1"})
    for _ in range(2):
        back = site.http.post(f"{path}/undo", data=hidden(twice.text))
        assert "Welcome back" in back.text
    assert site.standing(READER) is Standing.CONFIRMED
    assert [row.act for row in site.rows("consent")][-2:] == ["withdrawn", "returned"]


def test_a_pause_outlives_leaving_and_coming_back(site: Site, path: str, reader: int) -> None:
    until = site.clock.now + timedelta(days=30)
    with site.config.sessions.write() as session:
        lifecycle.pause(session, reader, NEWSLETTER, until, site.clock.now)
    left = site.http.post(path, data={"page": "1"})
    assert site.standing(READER) is Standing.UNSUBSCRIBED
    site.http.post(f"{path}/undo", data=hidden(left.text))
    with site.config.sessions.read() as session:
        place = store.standing_with(session, reader, NEWSLETTER)
    assert place is not None
    assert (place.standing, place.paused_until) == (Standing.PAUSED, until)


def test_leaving_is_not_undone_a_day_later(site: Site, path: str) -> None:
    left = site.http.post(path, data=hidden(site.http.get(path).text))
    site.clock.advance(days=1)
    late = site.http.post(f"{path}/undo", data=hidden(left.text))
    assert "too late to undo" in late.text
    assert site.standing(READER) is Standing.UNSUBSCRIBED


def test_the_link_in_a_mail_alone_brings_nobody_back(site: Site, path: str) -> None:
    site.http.post(path)
    assert site.http.post(f"{path}/undo").status_code == 404
    assert site.standing(READER) is Standing.UNSUBSCRIBED


@pytest.mark.parametrize(
    "body",
    [
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {},
        {"content": b"List-Unsubscribe=One-Click", "headers": {"Content-Type": "text/plain"}},
        {"content": b"\xff\xfe", "headers": {"Content-Type": "application/json"}},
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
    ],
    ids=["urlencoded", "multipart", "empty", "plain", "json", "broken"],
)
def test_G08_one_click_leaves_whatever_the_body(
    site: Site, path: str, body: dict[str, object]
) -> None:
    answer = site.http.post(path, **body)  # type: ignore[arg-type]  # by name
    assert answer.status_code == 200
    assert site.standing(READER) is Standing.UNSUBSCRIBED


@pytest.mark.parametrize(("size", "sent"), [(20_000, 20_000), (50_000_000, 1_000)])
def test_G08_one_click_leaves_however_long_the_body(
    site: Site, path: str, size: int, sent: int
) -> None:
    body = b"List-Unsubscribe=One-Click&x=".ljust(sent, b"x")
    answer = head(site, path, b"Content-Length: %d\r\n\r\n" % size + body)
    assert answer.startswith(b"HTTP/1.1 200")
    assert site.standing(READER) is Standing.UNSUBSCRIBED


def test_G08_one_click_gets_no_cookie_no_redirect_no_page(site: Site, path: str) -> None:
    answer = site.http.post(path, data=ONE_CLICK, headers={"Origin": "https://mail.example"})
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert "<" not in answer.text


def test_G08_the_second_click_and_one_for_an_erased_reader_get_the_same_answer(
    site: Site, path: str, reader: int, hashes: Hashes, now: datetime
) -> None:
    first, second = (site.http.post(path, data=ONE_CLICK) for _ in range(2))
    with site.config.sessions.write() as session:
        lifecycle.erase(session, reader, Evidence(channel="page"), hashes, now)
    third = site.http.post(path, data=ONE_CLICK)
    assert {(answer.status_code, answer.text) for answer in (first, second, third)} == {
        (200, "unsubscribed\n")
    }


def test_the_ledger_tells_one_click_from_the_page(site: Site, path: str) -> None:
    site.http.post(path, data=ONE_CLICK)
    assert site.rows("consent")[-1].channel == "one-click"


def test_a_link_made_before_the_secret_changed_still_works(
    make_site: Callable[..., Site], reader: int, path: str
) -> None:
    rotated = make_site(tokens=Tokens(["a newer secret that is long enough", SECRET]))
    assert rotated.http.post(path, data=ONE_CLICK).status_code == 200
    assert rotated.standing(READER) is Standing.UNSUBSCRIBED


def test_a_link_of_ten_years_ago_still_works(site: Site, path: str) -> None:
    site.clock.advance(days=3650)
    site.http.post(path, data=ONE_CLICK)
    assert site.standing(READER) is Standing.UNSUBSCRIBED


@pytest.mark.parametrize("purpose", [one for one in Purpose if one is not Purpose.UNSUBSCRIBE])
def test_a_token_for_another_purpose_unsubscribes_nobody(
    site: Site, reader: int, purpose: Purpose
) -> None:
    token = site.config.tokens.sign(purpose, f"{reader}:weekly")
    assert site.http.post(f"/u/{token}", data=ONE_CLICK).status_code == 404
    assert site.standing(READER) is Standing.CONFIRMED


class Unreachable:
    """A store that raises on every access."""

    def read(self) -> None:
        raise OperationalError("SELECT", None, Exception("the disk is full"))

    write = read


def test_G11_while_the_store_is_out_of_order_nobody_is_told_they_have_left(
    make_site: Callable[..., Site], path: str
) -> None:
    site = make_site(sessions=Unreachable(), mailto="leave@example.com")
    assert site.http.get(path).status_code == 200
    for body in (ONE_CLICK, {"page": "1"}):
        answer = site.http.post(path, data=body)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "60"
        assert "leave@example.com" in answer.text
        assert "left" not in answer.text


def test_a_link_opened_again_says_that_one_has_left(site: Site, path: str) -> None:
    site.http.post(path, data={"page": "1"})
    again = site.http.get(path)
    assert "You’ve unsubscribed" in again.text
    assert f'action="{path}/undo"' in again.text
    site.clock.advance(hours=2)
    again = site.http.get(path)
    assert "You’ve unsubscribed" in again.text
    assert "<form" not in again.text
    assert "/subscribe?newsletter=" in again.text
