"""Feeds: what RFC 4287 and JSON Feed 1.1 require, what makes an entry new, and 304."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from sqlalchemy import update

from digest.comparisons import editorial
from digest.issues import store
from digest.issues.models import IssueState, Newsletter
from tests.conftest import NOW
from tests.web.conftest import DRAFT, SENT, SLUG, Running
from tests.web.test_corrections import CORRECTION, correct, mend

ATOM = "{http://www.w3.org/2005/Atom}"
FEEDS = ("/issues/weekly/feed", "/comparisons/feed")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
ONCE = ("id", "title", "updated")
AT_MOST_ONCE = ("subtitle", "summary", "content", "published", "generator", "icon", "logo")


def atom_faults(text: str) -> list[str]:
    """Return what in a feed breaks a MUST of RFC 4287; the element is said first."""
    feed = ElementTree.fromstring(text)  # noqa: S314 - our own
    entries = feed.findall(f"{ATOM}entry")
    found = [f"root: {feed.tag}"] if feed.tag != f"{ATOM}feed" else []
    for element in (feed, *entries):
        name = element.tag.removeprefix(ATOM)
        found += [f"{name}: {fault}" for fault in element_faults(element)]
    if feed.find(f"{ATOM}author/{ATOM}name") is None:  # 4.1.1: else each entry needs one
        found.append("feed: no author")
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    if len(set(ids)) < len(ids):
        found.append("entry: two have one id")
    if not feed.findall(f"{ATOM}link[@rel='self']"):
        found.append("feed: no link to itself")
    return found


def element_faults(element: ElementTree.Element) -> list[str]:
    children = [child.tag.removeprefix(ATOM) for child in element]
    found = [f"{name} {children.count(name)} times" for name in ONCE if children.count(name) != 1]
    found += [f"{name} twice" for name in AT_MOST_ONCE if children.count(name) > 1]
    for child in element:
        name, text = child.tag.removeprefix(ATOM), child.text or ""
        if name in ("updated", "published") and not MOMENT.fullmatch(text):
            found.append(f"{name}: {text}")
        if name == "id" and not absolute(text):  # 4.2.6
            found.append(f"id: {text}")
        if name == "link" and not absolute(child.get("href", "")):
            found.append(f"link: {child.get('href')}")
        if name in ("title", "summary", "subtitle") and list(child):  # 3.1.1.1
            found.append(f"{name} holds elements")
        if name == "content" and (child.get("type") != "html" or list(child)):  # 4.1.3.3
            found.append("content isn't escaped HTML")
        if name == "category" and not child.get("term"):  # 4.2.2
            found.append("category without a term")
    return found + page_faults(element)


def page_faults(element: ElementTree.Element) -> list[str]:
    links = [
        (link.get("type"), link.get("hreflang"))
        for link in element.findall(f"{ATOM}link[@rel='alternate']")
    ]
    unclear = len(set(links)) < len(links) or not links  # 4.1.1, 4.1.2
    return ["links to a page: none, or two of one type"] if unclear else []


def json_faults(feed: dict[str, Any]) -> list[str]:
    """Return what in a feed breaks a requirement of JSON Feed 1.1."""
    found = [name for name in ("version", "title", "items") if name not in feed]
    if feed.get("version") != "https://jsonfeed.org/version/1.1":
        found.append("version")
    found += [name for name in ("home_page_url", "feed_url") if not absolute(feed[name])]
    for item in feed["items"]:
        if not (isinstance(item.get("id"), str) and item["id"]):
            found.append("item: no id")
        if not (item.get("content_html") or item.get("content_text")):
            found.append("item: no content")
        found += [
            f"item: {name}"
            for name in ("date_published", "date_modified")
            if not MOMENT.fullmatch(item[name])
        ]
    ids = [item["id"] for item in feed["items"]]
    return found + (["item: two have one id"] if len(set(ids)) < len(ids) else [])


def absolute(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.scheme and parts.netloc) and url.isascii() and " " not in url


def entries(site: Running, path: str = FEEDS[0]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = site.get(f"{path}.json").json()["items"]
    return items


@pytest.mark.parametrize("path", FEEDS)
def test_a_feed_keeps_every_rule_of_its_format(site: Running, path: str) -> None:
    atom, json = site.get(f"{path}.atom"), site.get(f"{path}.json")

    assert atom.headers["content-type"] == "application/atom+xml; charset=utf-8"
    assert json.headers["content-type"] == "application/feed+json; charset=utf-8"
    assert (atom_faults(atom.text), json_faults(json.json())) == ([], [])
    assert json.json()["items"]


def test_a_feed_without_entries_keeps_them_too(site: Running) -> None:
    with site.app.database.write() as session:
        for number in SENT:
            store.by_number(session, 1, number).state = IssueState.CANCELLED

    atom, json = site.get(f"{FEEDS[0]}.atom").text, site.get(f"{FEEDS[0]}.json").json()

    assert (atom_faults(atom), json_faults(json), json["items"]) == ([], [], [])


def test_a_broken_rule_would_be_found() -> None:
    broken = """<feed xmlns="http://www.w3.org/2005/Atom"><id>x</id><title>t</title>
      <entry><id>http://a.example/1</id><title>t</title><updated>yesterday</updated></entry></feed>"""

    assert len(atom_faults(broken)) == 7


def test_both_forms_say_the_same(site: Running) -> None:
    feed = ElementTree.fromstring(site.get(f"{FEEDS[0]}.atom").text)  # noqa: S314 - our own
    told = [
        tuple(entry.findtext(f"{ATOM}{name}") for name in ("id", "title", "updated", "content"))
        for entry in feed.iter(f"{ATOM}entry")
    ]
    names = ("id", "title", "date_modified", "content_html")

    assert told == [tuple(item[name] for name in names) for item in entries(site)]


def test_a_feed_lists_what_was_sent_and_neither_drafts_nor_corrections(site: Running) -> None:
    correct(site)

    ids = [item["id"] for item in entries(site)]

    assert ids == [f"https://news.example.com/issues/weekly/{number}" for number in reversed(SENT)]
    assert DRAFT not in SENT


def test_each_link_of_a_feed_leads_somewhere(site: Running) -> None:
    pages = {item["url"] for path in FEEDS for item in entries(site, path)}
    for item in entries(site):
        pages |= set(re.findall(r'href="([^"]+)"', item["content_html"]))
    pages.add(site.get(f"{FEEDS[0]}.json").json()["home_page_url"])

    answers = {page: site.get(urlsplit(page).path).status_code for page in pages}

    assert answers == dict.fromkeys(answers, 200)
    assert len(answers) > 6


def test_a_correction_makes_an_entry_new_under_the_same_id(site: Running) -> None:
    before = entries(site)[1]
    site.clock.advance(days=3)
    correct(site)

    after = entries(site)[1]

    assert after["id"] == before["id"]
    assert after["date_published"] == before["date_published"]
    assert after["date_modified"] == stamp(NOW + timedelta(days=3))


def test_a_correction_is_told_in_the_entry_before_what_was_wrong(site: Running) -> None:
    correct(site)

    told = entries(site)[1]["content_html"]

    assert "Corrected on 24 November 2026</a></strong> We read the columns the wrong way" in told
    assert re.search(r", panel share of [\w ]+: \d+% → <strong>60%</strong>", told)
    assert told.index("60%") < told.index("<h2>")
    assert f'href="https://news.example.com/issues/weekly/{CORRECTION}"' in told
    assert "Corrected on" not in entries(site)[0]["content_html"]


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_another_revision_makes_the_entry_of_a_comparison_new(site: Running) -> None:
    site.clock.advance(days=2)
    mend(site, 1, 25.0)

    changed = [
        item for item in entries(site, FEEDS[1]) if item["date_modified"] == stamp(site.clock())
    ]

    assert len(changed) == 1


def test_a_withdrawn_comparison_leaves_its_feed_and_is_told_in_that_of_issues(
    site: Running,
) -> None:
    with site.app.database.read() as session:
        issue = store.by_number(session, 1, 1)
        slug = store.carried_comparisons(session, issue.id or 0)[0].comparison.slug
    later = NOW + timedelta(days=5)
    with site.app.database.write() as session:
        editorial.withdraw(session, slug, "a wrong quote", later)

    assert not [item for item in entries(site, FEEDS[1]) if item["id"].endswith(f"/{slug}")]
    told = entries(site)[1]
    assert "We have withdrawn this comparison." in told["content_html"]
    assert f"/comparisons/{slug}" not in told["content_html"]
    assert told["date_modified"] == stamp(later)


@pytest.mark.parametrize("path", [f"{path}{form}" for path in FEEDS for form in (".atom", ".json")])
def test_who_has_a_feed_already_is_told_so(site: Running, path: str) -> None:
    whole = site.get(path)
    tag, modified = whole.headers["etag"], whole.headers["last-modified"]

    by_tag = site.get(path, headers={"If-None-Match": f'"other", W/{tag}'})
    by_date = site.get(path, headers={"If-Modified-Since": modified})
    older = {"If-None-Match": '"other"', "If-Modified-Since": modified}  # the tag counts

    assert [(each.status_code, each.content) for each in (by_tag, by_date)] == [(304, b"")] * 2
    assert by_tag.headers["etag"] == tag
    assert site.get(path, headers=older).status_code == 200
    assert site.get(path, headers={"If-Modified-Since": "last week"}).status_code == 200


def test_pages_name_the_feeds(site: Running) -> None:
    def named(path: str) -> set[str]:
        return set(re.findall(r'<link rel="alternate" .* href="([^"]+)"', site.get(path).text))

    atom, json = ({f"{feed}.{form}" for feed in FEEDS} for form in ("atom", "json"))

    assert [named(path) for path in ("/", "/issues")] == [atom | json] * 2
    assert [named(path) for path in ("/issues/weekly/1", f"/comparisons/{SLUG}")] == [atom] * 2


def test_a_newsletter_that_is_not_shown_has_no_feed(site: Running) -> None:
    assert site.get("/issues/monthly/feed.atom").status_code == 404


def test_a_german_feed_speaks_german(site: Running) -> None:
    with site.app.database.write() as session:
        session.connection().execute(update(Newsletter).values(language="de"))

    feed = site.get(f"{FEEDS[1]}.json").json()

    assert (feed["language"], feed["title"]) == ("de", "Weekly AI Tool Verdicts: Vergleiche")
