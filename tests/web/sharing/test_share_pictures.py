"""What other sites show of a link: the tags of a page, and its picture."""

from __future__ import annotations

import re
from html import unescape
from io import BytesIO

import pytest
from PIL import Image
from starlette.requests import Request

from digest.comparisons import editorial
from digest.issues import store
from digest.web.newsletter_cache import NewsletterCache
from digest.web.sharing import SharePictures
from digest.web.theme import Theme
from tests.conftest import NOW
from tests.web.conftest import SLUG, MakeSite, Running
from tests.web.test_corrections import mend

HOME = "https://news.example.com"


def tags(page: str) -> dict[str, str]:
    found = re.findall(
        r'<meta [^>]*(?:property|name)="((?:og|twitter):[^"]+)" content="([^"]*)"', page
    )
    return {name: unescape(value) for name, value in found}


def image_of(site: Running, path: str) -> str:
    return tags(site.get(path).text)["og:image"].removeprefix(HOME)


@pytest.mark.parametrize("path", [f"/comparisons/{SLUG}", "/issues/weekly/2"])
def test_a_page_tells_other_sites_its_title_and_its_picture(site: Running, path: str) -> None:
    told = tags(site.get(path).text)
    picture = site.get(told["og:image"].removeprefix(HOME))

    assert told["og:url"] == f"{HOME}{path}"
    assert told["og:type"] == "article"
    assert told["og:title"]
    assert told["og:description"]
    assert told["og:image:alt"]
    assert told["twitter:card"] == "summary_large_image"
    assert picture.headers["content-type"] == "image/png"
    assert Image.open(BytesIO(picture.content)).size == (1200, 630)


@pytest.mark.parametrize("path", ["/", "/issues/weekly"])
def test_a_list_tells_its_title(site: Running, path: str) -> None:
    told = tags(site.get(path).text)

    assert (told["og:url"], told["og:type"]) == (f"{HOME}{path}", "website")
    assert "Weekly AI Tool Verdicts" in told["og:title"]


def test_other_sites_may_show_a_picture_and_keep_it_for_ever(site: Running) -> None:
    path = image_of(site, f"/comparisons/{SLUG}")
    answer = site.get(path)

    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert site.get(path).content == answer.content
    again = site.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_a_revision_has_another_picture_which_the_old_address_shows_too(site: Running) -> None:
    with site.app.database.read() as session:
        slug = store.by_number(session, 1, 1).pick["chosen"][0]["slug"]
    before = image_of(site, f"/comparisons/{slug}")
    first = site.get(before).content
    mend(site, 1, 25.0)
    after = image_of(site, f"/comparisons/{slug}")
    former, current = site.get(before), site.get(after)

    assert before != after
    assert former.content == current.content != first
    assert former.headers["cache-control"] == "public, max-age=3600"


def test_the_picture_of_what_is_withdrawn_or_unknown_is_not_there(site: Running) -> None:
    path = image_of(site, f"/comparisons/{SLUG}")
    with site.app.database.write() as session:
        editorial.withdraw(session, SLUG, "a wrong quote", NOW)

    assert site.get(path).status_code == 410
    assert site.get("/comparisons/nothing-vs-nothing/share-x.png").status_code == 404


def test_an_issue_is_shared_with_the_first_comparison_that_stands(site: Running) -> None:
    lead = image_of(site, "/issues/weekly/2").split("/")[2]
    with site.app.database.write() as session:
        editorial.withdraw(session, lead, "a wrong quote", NOW)

    assert image_of(site, "/issues/weekly/2").split("/")[2] != lead


def test_a_comparison_that_waits_for_its_issue_has_no_picture(make_running: MakeSite) -> None:
    site = make_running(comparisons_public="issue")

    assert site.get(f"/comparisons/{SLUG}/share-x.png").status_code == 404


def test_a_picture_that_would_have_to_wait_is_asked_for_again_later(site: Running) -> None:
    theme = Theme(site.app.settings, NewsletterCache(site.app.database))
    pictures = SharePictures(site.app, theme, most_waiting=0)
    path = {"slug": SLUG, "picture": "x"}
    request = Request({"type": "http", "method": "GET", "headers": [], "path_params": path})

    answer = pictures.show(request)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
