"""The preferences page: topics, pauses, and a change of address."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from digest.db import Database
from subscribers import lifecycle, store, suppression
from subscribers.models import JOINED, ConsentAct, LetterKind, Standing, SuppressionReason
from subscribers.store import Evidence
from subscribers.tokens import Hashes, LinkTarget, Purpose
from subscribers.web import NewsletterInfo
from tests.subscribers.conftest import NEWSLETTER, MakeReader
from tests.subscribers.web.conftest import Site, hidden

READER = "reader@example.com"


@pytest.fixture
def reader(sqlite_database: Database, make_reader: MakeReader) -> int:
    with sqlite_database.write() as session:
        return make_reader(session, READER)


@pytest.fixture
def path(site: Site, reader: int) -> str:
    """The preferences link's path."""
    return site.path(site.config.links.preferences(LinkTarget(reader, NEWSLETTER), READER))


#: A good answer to each form of the page.
FORMS = {
    "/topics": {"topics": "art"},
    "/pause": {"weeks": "4"},
    "/address": {"email": "new@example.org"},
}


def place(site: Site, reader: int) -> store.NewsletterStanding:
    with site.config.sessions.read() as session:
        standing = store.standing_with(session, reader, NEWSLETTER)
    assert standing is not None
    return standing


def test_the_page_says_what_comes_and_lists_what_may_be_done(site: Site, path: str) -> None:
    page = site.http.get(path).text
    assert "You’re subscribed to Weekly AI Tool Verdicts." in page
    offered = (
        "Topics",
        "Take a break",
        "Change your email",
        "Download",
        "Unsubscribe",
        "Delete my",
    )
    for words in offered:
        assert words in page


def test_I9_no_address_is_on_the_page_or_in_a_link(site: Site, path: str) -> None:
    assert "reader@" not in site.http.get(path).text
    assert "reader" not in path


def test_topics_are_chosen_and_shown_as_chosen(site: Site, path: str, reader: int) -> None:
    site.http.post(f"{path}/topics", data={"topics": ["dev", "text"]})
    assert place(site, reader).topics == ["dev", "text"]
    page = site.http.get(f"{path}/topics").text
    assert 'value="dev" checked' in page
    assert 'value="art" checked' not in page


def test_a_topic_that_is_not_offered_any_more_loses_no_choice(
    site: Site, path: str, reader: int
) -> None:
    site.http.post(f"{path}/topics", data={"topics": ["dev"]})
    answer = site.http.post(f"{path}/topics", data={"topics": ["text", "gone"]})
    assert answer.status_code == 422
    assert "have changed in the meantime" in answer.text
    assert 'value="text" checked' in answer.text
    assert place(site, reader).topics == ["dev"]


def test_who_chose_nothing_has_nothing_to_untick(site: Site, path: str) -> None:
    assert "checked" not in site.http.get(f"{path}/topics").text


@pytest.mark.parametrize("chosen", [[], ["dev", "art", "text"]])
def test_all_topics_or_none_is_everything(
    site: Site, path: str, reader: int, chosen: list[str]
) -> None:
    site.http.post(f"{path}/topics", data={"topics": chosen})
    assert place(site, reader).topics is None


def test_topics_are_named_on_the_first_page_while_they_are_not_everything(
    site: Site, path: str
) -> None:
    named = "You get issues that cover: Developer Tools, Writing."
    assert named in site.http.post(f"{path}/topics", data={"topics": ["dev", "text"]}).text
    assert named in site.http.get(path).text
    assert "You get issues" not in site.http.post(f"{path}/topics", data={}).text


def test_a_topic_that_is_no_longer_offered_stays_theirs_until_they_take_it_back(
    site: Site, path: str, reader: int
) -> None:
    with site.config.sessions.write() as session:
        store.set_topics(session, reader, NEWSLETTER, ["old", "art"], among=JOINED)
    assert 'value="old" checked' in site.http.get(f"{path}/topics").text
    site.http.post(f"{path}/topics", data={"topics": ["old", "dev"]})
    assert place(site, reader).topics == ["old", "dev"]
    site.http.post(f"{path}/topics", data={"topics": ["dev"]})
    assert place(site, reader).topics == ["dev"]
    assert "old" not in site.http.get(f"{path}/topics").text


def test_where_no_topic_is_offered_nothing_is_saved(
    make_site: Callable[..., Site], reader: int
) -> None:
    site = make_site(newsletters={NEWSLETTER: NewsletterInfo(slug=NEWSLETTER, name="Weekly")})
    path = site.path(site.config.links.preferences(LinkTarget(reader, NEWSLETTER), READER))
    assert f"{path}/topics" not in site.http.get(path).text
    assert "Saved." not in site.http.post(f"{path}/topics", data={"topics": ["dev"]}).text


def test_a_form_of_topics_is_never_too_long_to_be_taken_in(
    make_site: Callable[..., Site], reader: int
) -> None:
    offered = [(f"topic {n}", f"Topic {n}") for n in range(24)]
    site = make_site(
        newsletters={NEWSLETTER: NewsletterInfo(slug=NEWSLETTER, name="Weekly", topics=offered)}
    )
    path = site.path(site.config.links.preferences(LinkTarget(reader, NEWSLETTER), READER))
    with site.config.sessions.write() as session:
        before = [f"before {n}" for n in range(20)]
        store.set_topics(session, reader, NEWSLETTER, before, among=JOINED)
    shown = re.findall(r'name="topics" value="([^"]*)"', site.http.get(f"{path}/topics").text)
    answer = site.http.post(f"{path}/topics", data={"topics": shown[:-1], "lang": "en"})
    assert "Saved." in answer.text
    assert place(site, reader).topics == shown[:-1]


def test_a_break_begins_ends_early_and_is_shown(site: Site, path: str, reader: int) -> None:
    shown = site.http.post(f"{path}/pause", data={"weeks": "4"}).text
    assert "paused until 22 December 2026" in shown
    assert place(site, reader).standing is Standing.PAUSED
    site.http.post(f"{path}/pause", data={"weeks": "0"})
    assert place(site, reader).standing is Standing.CONFIRMED


def test_saving_the_page_of_a_break_as_it_is_changes_nothing(
    site: Site, path: str, reader: int
) -> None:
    site.http.post(f"{path}/pause", data={"weeks": "2", "until": "2027-06-01"})
    page = site.http.get(f"{path}/pause").text
    [chosen] = re.findall(r'name="weeks" value="(\w+)" checked', page)
    assert "Keep the current break, until 1 June 2027" in page
    answer = site.http.post(f"{path}/pause", data={"weeks": chosen, "until": ""})
    assert "paused until 1 June 2027" in answer.text
    assert place(site, reader).paused_until == datetime(2027, 6, 1, tzinfo=UTC)
    site.http.post(f"{path}/pause", data={"weeks": "4", "until": ""})
    assert place(site, reader).paused_until == site.clock.now + timedelta(weeks=4)


@pytest.mark.parametrize("page", ["", "/topics", "/pause", "/address", "/erase"])
def test_each_page_says_whose_it_is_to_who_knows_the_address(
    site: Site, path: str, page: str
) -> None:
    assert "Your address: r…@example.com" in site.http.get(f"{path}{page}").text
    text = site.http.get(f"{path}{page}?lang=de").text
    assert "Ihre Adresse: r…@example.com" in text
    assert "reader" not in text


@pytest.mark.parametrize("weeks", ["", "3", "-1", "99999999999", "4 weeks", "٤"])
def test_a_break_that_is_not_offered_changes_nothing(
    site: Site, path: str, reader: int, weeks: str
) -> None:
    answer = site.http.post(f"{path}/pause", data={"weeks": weeks})
    assert answer.status_code == 422
    assert "Saved." not in answer.text
    assert place(site, reader).standing is Standing.CONFIRMED


def test_a_break_lasts_until_a_day_of_the_readers_choice(
    site: Site, path: str, reader: int
) -> None:
    assert 'type="date"' in site.http.get(f"{path}/pause").text
    answer = site.http.post(f"{path}/pause", data={"weeks": "2", "until": "2027-01-15"})
    assert "paused until 15 January 2027" in answer.text
    assert place(site, reader).paused_until == datetime(2027, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "until", ["2026-11-24", "2020-01-01", "2027-11-26", "9999-12-31", "tomorrow", "2026-02-30", "٢"]
)
def test_a_day_that_is_past_far_off_or_none_is_refused_in_words(
    site: Site, path: str, reader: int, until: str
) -> None:
    answer = site.http.post(f"{path}/pause", data={"weeks": "2", "until": until})
    assert answer.status_code == 422
    assert "a date within the next year" in answer.text
    assert place(site, reader).standing is Standing.CONFIRMED


def test_a_change_of_address_is_confirmed_from_the_new_one(
    site: Site, path: str, reader: int
) -> None:
    site.http.post(f"{path}/address", data={"email": "new@example.org"})
    letter = site.deliver()[0]
    assert (letter.kind, letter.address) == (LetterKind.CHANGE, "new@example.org")
    link = site.path(letter.action_url)
    assert site.http.get(link).status_code == 200
    assert site.standing("new@example.org") is None
    done = site.http.post(link).text
    assert "Your address has been changed" in done
    own = re.search(r'href="(/p/[^"]+)"', done)
    assert own is not None
    assert "You’re subscribed to" in site.http.get(own[1]).text
    assert site.standing("new@example.org") is Standing.CONFIRMED
    assert site.rows("consent")[-1].act == ConsentAct.MOVED.value


def test_a_change_confirmed_twice_is_done_once(site: Site, path: str) -> None:
    site.http.post(f"{path}/address", data={"email": "new@example.org"})
    link = site.path(site.deliver()[0].action_url)
    site.http.post(link)
    assert "Your address was already changed" in site.http.post(link).text
    assert "Your address was already changed" in site.http.get(link).text


def test_a_new_address_that_complained_since_is_not_mailed(
    site: Site, path: str, hashes: Hashes
) -> None:
    site.http.post(f"{path}/address", data={"email": "new@example.org"})
    link = site.path(site.deliver()[0].action_url)
    with site.config.sessions.write() as session:
        suppression.suppress(
            session, "new@example.org", SuppressionReason.COMPLAINT, hashes, site.clock.now
        )
    site.http.post(link)
    assert [row.suppressed for row in site.rows("subscriber")] == ["complaint"]


def test_a_link_to_a_new_address_runs_out(site: Site, path: str) -> None:
    site.http.post(f"{path}/address", data={"email": "new@example.org"})
    link = site.path(site.deliver()[0].action_url)
    site.clock.advance(hours=49)
    assert site.http.get(link).status_code == 410
    assert site.http.post(link).status_code == 410
    assert site.standing(READER) is Standing.CONFIRMED


def test_I14_a_change_to_somebody_elses_address_looks_the_same_and_sends_nothing(
    site: Site, path: str, make_reader: MakeReader, hashes: Hashes
) -> None:
    with site.config.sessions.write() as session:
        make_reader(session, "taken@example.org")
        suppression.suppress(
            session, "angry@example.org", SuppressionReason.COMPLAINT, hashes, site.clock.now
        )
    pages = set()
    for word in ("free", "taken", "angry"):
        site.clock.advance(hours=1)
        pages.add(site.http.post(f"{path}/address", data={"email": f"{word}@example.org"}).text)
    assert len(pages) == 1
    assert site.deliver() == []  # the only good wish was replaced by the later ones


def test_a_reader_cannot_have_letters_sent_all_over_the_place(site: Site, path: str) -> None:
    for n in range(5):
        site.http.post(f"{path}/address", data={"email": f"victim{n}@example.org"})
    assert len(site.deliver()) == 1


def test_a_slip_in_the_new_address_is_mended_at_once(site: Site, path: str) -> None:
    site.http.post(f"{path}/address", data={"email": "typo@exmaple.net"})
    first = site.deliver()[0]
    site.http.post(f"{path}/address", data={"email": "right@example.net"})
    assert [letter.address for letter in site.deliver()] == ["right@example.net"]
    site.http.post(site.path(first.action_url))
    assert site.standing("typo@exmaple.net") is None


def test_three_new_addresses_an_hour_get_a_letter_and_no_more(site: Site, path: str) -> None:
    sent = 0
    for n in range(6):
        site.http.post(f"{path}/address", data={"email": f"victim{n}@example.org"})
        sent += len(site.deliver())
    assert sent == 3
    site.clock.advance(hours=1)
    site.http.post(f"{path}/address", data={"email": "later@example.org"})
    assert len(site.deliver()) == 1


def test_one_may_move_back_and_no_list_brings_the_old_address_in_meanwhile(
    site: Site, path: str, reader: int, hashes: Hashes
) -> None:
    site.http.post(f"{path}/address", data={"email": "new@example.org"})
    site.http.post(site.path(site.deliver()[0].action_url))
    with site.config.sessions.read() as session:
        held = suppression.find(session, READER, hashes)
    assert held is not None
    assert held.reason is SuppressionReason.MOVED
    assert site.deliver()[0].kind is LetterKind.MOVED
    site.clock.advance(hours=2)
    now_at = site.config.links.preferences(LinkTarget(reader, NEWSLETTER), "new@example.org")
    site.http.post(f"{site.path(now_at)}/address", data={"email": READER})
    site.http.post(site.path(site.deliver()[0].action_url))
    assert site.standing(READER) is Standing.CONFIRMED
    with site.config.sessions.read() as session:
        assert suppression.find(session, READER, hashes) is None
    assert [row.suppressed for row in site.rows("subscriber")] == [None]


def test_the_old_address_is_told_once_and_then_forgotten(site: Site, path: str) -> None:
    site.http.post(f"{path}/address", data={"email": "new@example.org"})
    link = site.path(site.deliver()[0].action_url)
    site.http.post(link)
    site.http.post(link)
    [letter] = site.deliver()
    assert (letter.kind, letter.address) == (LetterKind.MOVED, READER)
    assert site.path(letter.action_url) == "/subscribe?newsletter=weekly&lang=en"
    assert (letter.unsubscribe_url, letter.preferences_url) == ("", "")
    assert [row.former for row in site.rows("address_change")] == [None]
    assert site.deliver() == []


def test_another_wish_meanwhile_keeps_the_old_address_from_nothing(
    site: Site, path: str, reader: int
) -> None:
    site.http.post(f"{path}/address", data={"email": "new@example.org"})
    site.http.post(site.path(site.deliver()[0].action_url))
    now_at = site.config.links.preferences(LinkTarget(reader, NEWSLETTER), "new@example.org")
    site.http.post(f"{site.path(now_at)}/address", data={"email": "newer@example.org"})
    letters = {letter.address: letter.kind for letter in site.deliver()}
    assert letters == {READER: LetterKind.MOVED, "newer@example.org": LetterKind.CHANGE}


@pytest.mark.parametrize("end", ["", "/topics", "/pause", "/address", "/data", "/erase"])
def test_what_lies_in_the_old_mailbox_opens_nothing_any_more(
    site: Site, path: str, end: str
) -> None:
    site.http.post(f"{path}/address", data={"email": "new@example.org"})
    site.http.post(site.path(site.deliver()[0].action_url))
    answer = site.http.get(path + end)
    assert answer.status_code == 410
    assert "have since changed" in answer.text
    assert "new@example.org" not in answer.text
    assert site.http.post(f"{path}/erase").status_code == 410
    assert site.standing("new@example.org") is Standing.CONFIRMED


def test_what_is_held_against_the_person_is_held_at_the_new_address(
    site: Site, path: str, hashes: Hashes
) -> None:
    site.http.post(f"{path}/address", data={"email": "new@example.org"})
    link = site.path(site.deliver()[0].action_url)
    with site.config.sessions.write() as session:
        suppression.suppress(session, READER, SuppressionReason.MANUAL, hashes, site.clock.now)
    assert "We don’t send you email" in site.http.get(link).text
    assert "We don’t send you email" in site.http.post(link).text
    assert site.standing("new@example.org") is None


def test_I14_neither_the_file_nor_the_count_tells_whether_a_new_address_is_known(
    site: Site, path: str, make_reader: MakeReader, hashes: Hashes
) -> None:
    with site.config.sessions.write() as session:
        make_reader(session, "taken@example.org")
        suppression.suppress(
            session, "angry@example.org", SuppressionReason.COMPLAINT, hashes, site.clock.now
        )
    seen = set()
    for word in ("free", "taken", "angry"):
        site.http.post(f"{path}/address", data={"email": f"{word}@example.org"})
        seen.add(site.http.get(f"{path}/data").text.replace(word, "…"))
    assert len(seen) == 1
    assert [row.kind for row in site.rows("letter_to_send")].count("change") == 3


def test_a_stranger_gets_no_more_letters_by_wishes_than_by_sign_ups(site: Site, path: str) -> None:
    sent = 0
    for _ in range(40):
        site.http.post(f"{path}/address", data={"email": "victim@example.org"})
        site.clock.advance(minutes=25)
        sent += len(site.deliver())
    assert sent == 3
    site.fill_in("victim@example.org")
    assert site.deliver() == []


def test_a_thrown_away_domain_is_no_new_address_either(
    make_site: Callable[..., Site], sqlite_database: Database, make_reader: MakeReader
) -> None:
    site = make_site(disposable=frozenset({"gone.example.net"}))
    with sqlite_database.write() as session:
        who = LinkTarget(make_reader(session, READER), NEWSLETTER)
    own = site.path(site.config.links.preferences(who, READER))
    answer = site.http.post(f"{own}/address", data={"email": "a@gone.example.net"})
    assert answer.status_code == 422
    assert site.deliver() == []


@pytest.mark.parametrize("before", ["pending", "left", "erased"])
def test_one_may_move_to_an_address_that_gets_no_mail_so_far(
    site: Site, path: str, reader: int, make_reader: MakeReader, hashes: Hashes, before: str
) -> None:
    with site.config.sessions.write() as session:
        stood = Standing.PENDING if before == "pending" else Standing.UNSUBSCRIBED
        other = make_reader(session, "new@example.org", stood)
        if before == "erased":
            lifecycle.erase(session, other, Evidence(channel="page"), hashes, site.clock.now)
    site.http.post(f"{path}/address", data={"email": "new@example.org"})
    assert (
        "Your address has been changed"
        in site.http.post(site.path(site.deliver()[0].action_url)).text
    )
    assert site.standing("new@example.org") is Standing.CONFIRMED
    assert [row.id for row in site.rows("subscriber")] == [reader]
    assert [row.suppressed for row in site.rows("subscriber")] == [None]


def test_who_moved_and_left_gets_the_letter_when_signing_up_again_at_once(
    site: Site, path: str, reader: int
) -> None:
    site.http.post(f"{path}/address", data={"email": "new@example.org"})
    site.http.post(site.path(site.deliver()[0].action_url))
    site.http.post(site.path(site.config.links.unsubscribe(LinkTarget(reader, NEWSLETTER))))
    site.deliver()
    site.fill_in("new@example.org")
    assert [one.kind for one in site.deliver()] == [LetterKind.CONFIRM]


def test_one_does_not_move_to_who_joined_meanwhile(
    site: Site, path: str, make_reader: MakeReader
) -> None:
    site.http.post(f"{path}/address", data={"email": "new@example.org"})
    link = site.path(site.deliver()[0].action_url)
    with site.config.sessions.write() as session:
        make_reader(session, "new@example.org")
    assert "already subscribed" in site.http.post(link).text
    assert site.standing(READER) is Standing.CONFIRMED


def test_who_presses_twice_still_finds_the_way_to_the_preferences(site: Site, path: str) -> None:
    site.http.post(f"{path}/address", data={"email": "new@example.org"})
    link = site.path(site.deliver()[0].action_url)
    pages = [site.http.post(link).text, site.http.post(link).text, site.http.get(link).text]
    assert ["/p/" in page for page in pages] == [True] * 3


def test_after_a_few_wishes_it_is_said_openly(site: Site, path: str) -> None:
    answers = [
        site.http.post(f"{path}/address", data={"email": f"new{n}@example.org"}) for n in range(4)
    ]
    assert [one.status_code for one in answers] == [200, 200, 200, 422]
    assert "The link in the last email still works" in answers[-1].text


def test_who_is_kept_off_the_list_is_offered_no_other_address(
    site: Site, path: str, hashes: Hashes
) -> None:
    with site.config.sessions.write() as session:
        suppression.suppress(session, READER, SuppressionReason.MANUAL, hashes, site.clock.now)
    assert "Change your email" not in site.http.get(path).text
    answer = site.http.post(f"{path}/address", data={"email": "new@example.org"})
    assert "We no longer send email to this address" in answer.text
    assert site.deliver() == []


def test_I14_who_is_forgotten_does_not_show_in_another_readers_wish(
    site: Site, path: str, make_reader: MakeReader, hashes: Hashes
) -> None:
    with site.config.sessions.write() as session:
        other = make_reader(session, "taken@example.org")
    site.http.post(f"{path}/address", data={"email": "taken@example.org"})
    before = site.http.get(f"{path}/data").text
    with site.config.sessions.write() as session:
        lifecycle.erase(session, other, Evidence(channel="page"), hashes, site.clock.now)
    assert site.http.get(f"{path}/data").text == before
    assert [row.address for row in site.rows("address_change")] == [""]


def test_a_link_whose_address_was_forgotten_explains_itself(
    site: Site, path: str, hashes: Hashes
) -> None:
    site.http.post(f"{path}/address", data={"email": "new@example.org"})
    link = site.path(site.deliver()[0].action_url)
    with site.config.sessions.write() as session:
        store.delete_requests(session, "new@example.org")
    for answer in (site.http.get(link), site.http.post(link)):
        assert answer.status_code == 410
        assert "has expired" in answer.text


@pytest.mark.parametrize(
    ("choice", "said"),
    [("keep", "Your votes stay in the counts"), ("remove", "Your votes are deleted, too.")],
)
def test_before_forgetting_the_page_says_what_becomes_of_votes(
    make_site: Callable[..., Site], reader: int, choice: str, said: str
) -> None:
    site = make_site(votes_of_erased=choice)
    own = site.path(site.config.links.preferences(LinkTarget(reader, NEWSLETTER), READER))
    assert said in site.http.get(f"{own}/erase").text


def test_G03_forgetting_by_the_page_leaves_nothing_in_the_database_s_files(
    make_site: Callable[..., Site], sqlite_database: Database, make_reader: MakeReader
) -> None:
    site = make_site(on_erased=sqlite_database.scrub)
    with sqlite_database.write() as session:
        who = LinkTarget(make_reader(session, READER), NEWSLETTER)
    own = site.path(site.config.links.preferences(who, READER))
    place = sqlite_database.path
    assert place is not None
    files = [place.with_name(f"{place.name}{end}") for end in ("", "-wal")]
    assert any(READER.encode() in one.read_bytes() for one in files)
    site.http.post(f"{own}/erase")
    assert [one.name for one in files if READER.encode() in one.read_bytes()] == []


def test_who_has_left_moves_nowhere(site: Site, path: str, reader: int) -> None:
    site.http.post(f"{path}/address", data={"email": "new@example.org"})
    link = site.path(site.deliver()[0].action_url)
    site.http.post(site.path(site.config.links.unsubscribe(LinkTarget(reader, NEWSLETTER))))
    answer = site.http.post(link)
    assert answer.status_code == 410
    assert "You’ve unsubscribed since then" in answer.text
    assert site.standing("new@example.org") is None


def test_an_old_address_that_must_not_be_mailed_is_not_told(
    site: Site, path: str, hashes: Hashes
) -> None:
    site.http.post(f"{path}/address", data={"email": "new@example.org"})
    link = site.path(site.deliver()[0].action_url)
    with site.config.sessions.write() as session:
        suppression.suppress(session, READER, SuppressionReason.HARD_BOUNCE, hashes, site.clock.now)
        store.mark_suppressed(session, [READER], SuppressionReason.HARD_BOUNCE)
    site.http.post(link)
    assert site.deliver() == []


def test_a_bad_new_address_is_refused_with_the_reason(site: Site, path: str) -> None:
    answer = site.http.post(f"{path}/address", data={"email": "nobody"})
    assert answer.status_code == 422
    assert "an @ between" in answer.text
    assert re.search(r"<title>[^<]*an @ between[^<]* – Change your email address", answer.text)
    assert "autofocus" in answer.text


def test_all_data_comes_as_a_file(site: Site, path: str) -> None:
    answer = site.http.get(f"{path}/data")
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.json()["address"] == READER
    assert [one["act"] for one in answer.json()["consent"]] == ["asked", "confirmed"]


def test_a_reader_is_forgotten_by_the_button_only(site: Site, path: str, hashes: Hashes) -> None:
    page = site.http.get(f"{path}/erase").text
    assert site.standing(READER) is Standing.CONFIRMED
    answer = site.http.post(f"{path}/erase", data=hidden(page))
    assert "Your data has been deleted" in answer.text
    with site.config.sessions.read() as session:
        assert store.find(session, READER) is None
        assert suppression.find(session, READER, hashes) is not None


def test_after_that_every_page_still_answers(site: Site, path: str) -> None:
    site.http.post(f"{path}/erase")
    for end in ("", "/topics", "/pause", "/address", "/data", "/erase"):
        answer = site.http.get(path + end)
        assert answer.status_code == 200
        assert "We don’t hold any data about you" in answer.text
    for end, fields in FORMS.items():
        answer = site.http.post(path + end, data=fields)
        assert "We don’t hold any data about you" in answer.text
        assert "Saved" not in answer.text
    assert "Your data has been deleted" in site.http.post(f"{path}/erase").text
    assert site.deliver() == []


def test_who_has_left_is_not_told_that_something_was_saved(
    site: Site, path: str, reader: int
) -> None:
    site.http.post(site.path(site.config.links.unsubscribe(LinkTarget(reader, NEWSLETTER))))
    for end, fields in FORMS.items():
        answer = site.http.post(path + end, data=fields)
        assert "You’ve unsubscribed" in answer.text
        assert "Saved" not in answer.text
    assert place(site, reader).paused_until is None
    assert site.deliver() == []


@pytest.mark.parametrize("purpose", [one for one in Purpose if one is not Purpose.PREFERENCES])
@pytest.mark.parametrize("end", ["", "/data", "/erase"])
def test_G07_a_token_for_another_purpose_opens_nothing(
    site: Site, reader: int, purpose: Purpose, end: str
) -> None:
    token = site.config.tokens.sign(purpose, f"{reader}:weekly")
    assert site.http.get(f"/p/{token}{end}").status_code == 404


def test_who_left_is_offered_to_sign_up_again(
    make_site: Callable[..., Site], sqlite_database: Database, make_reader: MakeReader
) -> None:
    site = make_site()
    with sqlite_database.write() as session:
        reader = make_reader(session, READER, Standing.UNSUBSCRIBED)
    page = site.http.get(
        site.path(site.config.links.preferences(LinkTarget(reader, NEWSLETTER), READER))
    ).text
    assert "You’ve unsubscribed" in page
    assert "/subscribe?newsletter=weekly" in page
    assert "Take a break" not in page
