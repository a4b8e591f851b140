"""Endpoints: security headers and methods of every route."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx2
import pytest
from starlette.routing import Route

from subscribers.tokens import DatedTarget, LetterCause, LinkTarget
from subscribers.web import SiteConfig, routes
from subscribers.web.endpoint import Endpoint
from tests.subscribers.web.conftest import Site

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
EXPECTED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "x-robots-tag": "noindex",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "content-security-policy": POLICY,
}
#: The frame is made to be shown inside other sites' pages.
OF_ITS_OWN = {"cross-origin-opener-policy", "content-security-policy"}
FORBIDDEN = {
    "server", "x-powered-by", "set-cookie", "location", "access-control-allow-origin",
}  # fmt: skip
FRAMED = "/subscribe/frame"


def paths(config: SiteConfig) -> Iterator[str]:
    """Yield every route's path, once with a good token and once with a bad one."""
    who = LinkTarget(7, "weekly")
    tokens = {
        "/u/": config.links.unsubscribe(who),
        "/p/": config.links.preferences(who, "ada@example.org"),
        "/c/": config.links.confirm(DatedTarget(*who, config.clock())),
        "/a/": config.links.change(7, config.clock()),
        "/n/": config.links.decline(LetterCause("0" * 32, "weekly", 7)),
    }
    for route in routes(config):
        yield route.path.replace("{token}", "bad")
        if "{token}" in route.path:
            good = tokens[route.path[:3]].rpartition("/")[2]
            yield route.path.replace("{token}", good)


def answers(site: Site) -> Iterator[tuple[str, httpx2.Response]]:
    for path in paths(site.config):
        for method in ("GET", "HEAD", "POST", "PUT"):
            yield f"{method} {path}", site.http.request(method, path)
        broken = site.http.post(path, content=b"x" * 20_000)
        yield f"too much to {path}", broken


@pytest.fixture
def secure(make_site: Callable[..., Site]) -> Site:
    return make_site(base_url="https://news.example.com")


def test_every_route_is_an_endpoint(secure: Site) -> None:
    for route in routes(secure.config):
        assert isinstance(route, Route)
        assert isinstance(route.endpoint, Endpoint)


def faults(what: str, answer: httpx2.Response) -> Iterator[str]:
    """Yield what is wrong with an answer's headers."""
    for name, value in EXPECTED.items():
        own = FRAMED in what and name in OF_ITS_OWN
        if not own and answer.headers.get(name) != value:
            yield f"{what}: {name} is {answer.headers.get(name)}"
    yield from (f"{what}: {name} is there" for name in FORBIDDEN & set(answer.headers))
    kind = answer.headers["content-type"]
    if "charset=utf-8" not in kind:
        yield f"{what}: no charset in {kind}"
    if "camera=()" not in answer.headers.get("permissions-policy", ""):
        yield f"{what}: devices are on"


def test_every_answer_of_every_route_carries_every_header(secure: Site) -> None:
    found = [fault for what, answer in answers(secure) for fault in faults(what, answer)]
    assert found == []


def test_plain_http_is_not_told_to_be_https_for_ever(site: Site) -> None:
    assert "strict-transport-security" not in site.http.get("/subscribe").headers


def test_the_frame_may_be_shown_by_the_sites_named_and_no_others(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(embed_origins=("https://blog.example", "https://shop.example"))
    policy = site.http.get(FRAMED).headers["content-security-policy"]
    assert policy.endswith("frame-ancestors https://blog.example https://shop.example")


def test_a_method_that_is_not_there_is_refused_with_those_that_are(site: Site) -> None:
    answer = site.http.put("/subscribe")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


def test_I14_looking_changes_nothing_anywhere(secure: Site) -> None:
    tables = ("subscriber", "subscription", "consent", "letter_to_send", "suppression", "throttle")
    for path in paths(secure.config):
        for method in ("GET", "HEAD", "OPTIONS"):
            secure.http.request(method, path)
    assert [secure.rows(table) for table in tables] == [[]] * len(tables)
