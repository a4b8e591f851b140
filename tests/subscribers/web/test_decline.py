"""The decline page: a person who did not ask for a letter gets no more of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from subscribers import address_change, retention
from subscribers.address.syntax import parse
from subscribers.models import LetterKind, Standing
from subscribers.tokens import LinkTarget
from tests.subscribers.conftest import NEWSLETTER, MakeReader
from tests.subscribers.web.conftest import INFO, Site, hidden

VICTIM = "Victim+shop@Example.com"
KEY = VICTIM.lower()
INBOX_STATUS = 200


def link(site: Site, address: str = VICTIM) -> str:
    """Send a letter that its recipient didn't ask for; return its decline link."""
    site.fill_in(address)
    [letter] = site.deliver()
    return site.path(letter.decline_url).partition("?")[0]


def letters_over_a_year(site: Site, *addresses: str) -> int:
    count = 0
    for _ in range(12):
        site.clock.advance(days=30)
        for address in addresses:
            assert site.fill_in(address).status_code == INBOX_STATUS
        count += len(site.deliver())
    return count


def everything(site: Site) -> str:
    tables = (
        "subscriber", "subscription", "letter_to_send", "sign_up_asked", "address_change",
        "declined_mailbox", "throttle", "consent", "consent_network",
    )  # fmt: skip
    return "\n".join(repr(site.rows(table)) for table in tables).lower()


def test_G09_who_says_this_was_not_me_gets_no_letter_for_a_year_in_any_spelling(
    site: Site,
) -> None:
    path = link(site)
    page = site.http.get(path)
    answer = site.http.post(path, data=hidden(page.text))
    assert "won’t get any more of these emails" in answer.text
    assert letters_over_a_year(site, "victim@example.com", "Victim+other@example.com") == 0
    site.clock.advance(days=6)
    with_letters = site.fill_in("victim@example.com")
    assert with_letters.status_code == INBOX_STATUS
    assert len(site.deliver()) == 1


def test_I14_opening_the_link_changes_nothing(site: Site) -> None:
    path = link(site)
    for method in ("GET", "HEAD"):
        assert site.http.request(method, path).status_code == 200
    assert site.standing(KEY) is Standing.PENDING
    assert site.rows("declined_mailbox") == []


def test_nothing_of_the_address_is_kept_in_clear_of_who_was_never_a_reader(site: Site) -> None:
    path = link(site)
    site.http.post(path, data={"page": "1"})
    assert "victim" not in everything(site)
    site.fill_in("victim+again@example.com")
    site.take_in()
    assert "victim" not in everything(site)
    assert [row.act for row in site.rows("consent")] == ["asked", "withdrawn"]


def test_a_mail_program_says_it_by_one_click_and_twice_is_fine(site: Site) -> None:
    path = link(site)
    for _ in range(2):
        answer = site.http.post(path, data={"List-Unsubscribe": "One-Click"})
        assert (answer.status_code, answer.text) == (200, "unsubscribed\n")
    assert letters_over_a_year(site, VICTIM) == 0


def test_the_link_works_when_the_sign_up_is_long_deleted(site: Site) -> None:
    path = link(site)
    site.clock.advance(days=20)
    retention.purge(site.config.sessions, site.config.hashes, site.clock.now)
    assert site.rows("subscriber") == []
    site.http.post(path, data={"page": "1"})
    assert letters_over_a_year(site, VICTIM) == 0


def test_who_said_it_by_mistake_takes_it_back_by_the_same_link(site: Site) -> None:
    path = link(site)
    page = site.http.post(path, data={"page": "1"})
    assert f'action="{path}/undo"' in page.text
    assert f'action="{path}/undo"' in site.http.get(path).text
    site.http.post(f"{path}/undo", data=hidden(page.text))
    site.clock.advance(hours=2)
    site.fill_in(VICTIM)
    assert [one.kind for one in site.deliver()] == [LetterKind.CONFIRM]


def test_who_had_confirmed_by_that_letter_leaves(site: Site) -> None:
    site.fill_in(VICTIM)
    [letter] = site.deliver()
    site.http.post(site.path(letter.action_url))
    site.http.post(site.path(letter.decline_url), data={"page": "1"})
    assert site.standing(KEY) is Standing.UNSUBSCRIBED


def test_a_reader_of_another_newsletter_stays_one(
    make_site: Callable[..., Site], make_reader: MakeReader
) -> None:
    site = make_site(newsletters={"monthly": replace(INFO, slug="monthly"), NEWSLETTER: INFO})
    with site.config.sessions.write() as session:
        make_reader(session, KEY)
    site.fill_in(VICTIM)
    [letter] = site.deliver()
    assert (letter.newsletter, letter.kind) == ("monthly", LetterKind.CONFIRM)
    site.http.post(site.path(letter.decline_url), data={"page": "1"})
    assert site.standing(KEY) is Standing.CONFIRMED


def test_a_letter_that_waits_for_another_spelling_does_not_go(site: Site) -> None:
    path = link(site, "victim+1@example.com")
    site.clock.advance(hours=1)
    site.fill_in("victim+2@example.com")
    site.take_in()
    site.http.post(path, data={"page": "1"})
    assert site.deliver() == []


def test_whoever_is_asked_to_take_over_a_subscription_can_say_so_too(
    site: Site, make_reader: MakeReader
) -> None:
    def ask(address: str) -> None:
        with site.config.sessions.write() as session:
            address_change.request_change(
                session, number, NEWSLETTER, parse(address), site.config.hashes, site.clock.now
            )

    with site.config.sessions.write() as session:
        number = make_reader(session)
    ask(VICTIM)
    [letter] = site.deliver()
    assert letter.kind is LetterKind.CHANGE
    site.http.post(site.path(letter.decline_url), data={"page": "1"})
    assert "victim" not in everything(site)
    site.clock.advance(days=2)
    ask("victim@example.com")
    assert site.deliver() == []
    own = site.config.links.preferences(LinkTarget(number, NEWSLETTER), "reader@example.com")
    personal_data = site.http.get(f"{site.path(own)}/data").json()
    assert {one["kind"] for one in personal_data["letters"]} == set()
    assert site.standing("reader@example.com") is Standing.CONFIRMED


def test_G07_a_link_to_confirm_is_worthless_for_this(site: Site) -> None:
    site.fill_in(VICTIM)
    [letter] = site.deliver()
    token = letter.action_url.rpartition("/")[2]
    assert site.http.post(f"/n/{token}", data={"page": "1"}).status_code == 404
    assert site.rows("declined_mailbox") == []


@pytest.mark.parametrize(
    ("language", "button"), [("en", "This wasn’t me"), ("de", "Das war ich nicht")]
)
def test_the_page_speaks_the_readers_language(site: Site, language: str, button: str) -> None:
    path = link(site)
    page = site.http.get(path, headers={"Accept-Language": language}).text
    assert f"<button>{button}</button>" in page


def test_the_hash_is_forgotten_when_its_year_is_over(site: Site) -> None:
    site.http.post(link(site), data={"page": "1"})
    for days, kept in ((364, 1), (1, 0)):
        site.clock.advance(days=days)
        retention.purge(site.config.sessions, site.config.hashes, site.clock.now)
        assert len(site.rows("declined_mailbox")) == kept
