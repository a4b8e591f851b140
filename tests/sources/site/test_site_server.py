from __future__ import annotations

from collections.abc import Iterator

import pytest

from digest.comparisons.json_parser import parse_json
from digest.comparisons.page_parser import parse_page
from digest.http_client import (
    AddressRules,
    Answer,
    Limits,
    OutboundClient,
    OutboundFault,
    OutboundRefused,
)
from tests.sources.site.comparison_site import HOSTILE, ComparisonSite, lines
from tests.sources.site.site_server import NETWORK, RunningSite, running_site

LIMITS = Limits(bytes=1_000_000, seconds=60)
#: What becomes of each hostile page.
FAULTS = {
    "bomb": OutboundFault.TOO_LARGE,
    "announced": OutboundFault.TOO_LARGE,
    "unannounced": OutboundFault.TOO_LARGE,
    "chunks": OutboundFault.TOO_LARGE,
    "drip": OutboundFault.TOO_SLOW,
    "silent": OutboundFault.TOO_SLOW,
    "long-head": OutboundFault.MALFORMED,
    "chatter": OutboundFault.MALFORMED,
    "cut": OutboundFault.MALFORMED,
    "loop": OutboundFault.REDIRECT,
    "to-loopback": OutboundFault.ADDRESS,
    "to-metadata": OutboundFault.ADDRESS,
    "to-file": OutboundFault.REDIRECT,
}


@pytest.fixture(scope="module")
def site() -> Iterator[RunningSite]:
    with running_site(30) as running:
        yield running


@pytest.fixture(scope="module")
def client() -> Iterator[OutboundClient]:
    with OutboundClient(user_agent="tests", rules=AddressRules.allowing(NETWORK)) as made:
        yield made


def page(client: OutboundClient, url: str, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(url, headers=named, limits=LIMITS)


def test_the_pages_of_a_site_are_all_different_comparisons() -> None:
    site = ComparisonSite("http://site.test")
    slugs = site.add(300)
    assert len(set(slugs)) == 300
    for each in site.pages.values():
        parse_page("\n".join(lines(each.draft)))


def test_a_page_comes_once_while_it_is_the_same(site: RunningSite, client: OutboundClient) -> None:
    url = f"{site.url}/comparisons/{site.slugs()[0]}"
    site.reset_counts()
    first = page(client, url)
    tagged = page(client, url, If_None_Match=first.headers["etag"])
    dated = page(client, url, If_Modified_Since=first.headers["last-modified"])
    path = url.removeprefix(site.url)
    assert (first.status, tagged.status, dated.status) == (200, 304, 304)
    assert (site.counts()["requests"], site.counts()["bodies"]) == ({path: 3}, {path: 1})


def test_a_page_that_is_changed_comes_again(site: RunningSite, client: OutboundClient) -> None:
    slug = site.slugs()[1]
    url = f"{site.url}/comparisons/{slug}"
    first = page(client, url)
    site.change(slug)
    second = page(client, url, If_None_Match=first.headers["etag"])
    assert (second.status, b"Freemium" in second.body) == (200, True)


def test_a_page_that_is_removed_is_not_found(site: RunningSite, client: OutboundClient) -> None:
    slug = site.add(1)[0]
    site.remove(slug)
    assert page(client, f"{site.url}/comparisons/{slug}").status == 404
    assert slug.encode() not in page(client, f"{site.url}/sitemap.xml").body


def test_a_page_is_there_as_json_too(site: RunningSite, client: OutboundClient) -> None:
    slug = site.slugs()[2]
    draft = parse_json(page(client, f"{site.url}/comparisons/{slug}.json").body.decode())
    assert draft.title in page(client, f"{site.url}/comparisons/{slug}").body.decode()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_ends_in_an_error(
    site: RunningSite, client: OutboundClient, name: str
) -> None:
    limits = Limits(bytes=1_000_000, seconds=0.3 if FAULTS[name] == "too slow" else 60)
    with pytest.raises(OutboundRefused) as refused:
        client.get(f"{site.url}/hostile/{name}", limits=limits)
    assert refused.value.fault is FAULTS[name]
