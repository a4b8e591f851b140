"""Security headers on every answer of every route.

The headers of readers' own pages are the list of their package; pages that are the same for
everybody may be cached and indexed, and one of them frames a mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus

import httpx2
import pytest
from sqlmodel import select
from starlette.routing import Mount, Route

from digest import images
from digest.api.app import DigestApi
from digest.issues.review_link import link_to, review_token
from subscribers.tokens import DatedTarget, LetterCause, LinkTarget
from tests.conftest import NOW
from tests.images.pictures import drawn
from tests.subscribers.web.test_endpoint import EXPECTED, FORBIDDEN, FRAMED, OF_ITS_OWN
from tests.web.conftest import DRAFT, SENT, SLUG, MakeSite, Running
from tests.web.voter import LEFT, link

#: Pages that are the same for everybody: any browser may keep them, any search engine find them.
PUBLIC = re.compile(
    r"/(|(issues|comparisons|tools|categories)(/.*)?|own-links|robots\.txt|sitemap.*\.xml"
    r"|(style|comparisons|directory|lists|page|reference|review|tool|vote)\.css|(accent|font|images)/.*"
    r"|icon\.svg|favicon\.ico|api/v1/(docs|openapi\.json|(comparisons|tools)(/.*)?))$"
)
IMAGE = re.compile(r"/(images/|comparisons/.*/share-)[0-9a-f]+\.png$")
#: What other sites show: each has a policy of its own.
EMBEDDED = {
    "badge.svg": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "frame": "; frame-ancestors *",
}
OF_IMAGES = "default-src 'none'; sandbox; frame-ancestors 'none'"
MAIL = re.compile(r"/(issues/\w+/\d+|review/[\w-]+)/mail$")
#: The page of a review, also where it refuses a form.
REVIEW = re.compile(r"/review/[\w-]+(/code|/decide)?$")
EDITOR = "ann@example.org"


@pytest.fixture
def site(make_running: MakeSite) -> Running:
    """A site with an image, and an editor, whose link opens the draft."""
    site = make_running(editors=EDITOR)
    with site.app.database.write() as session:
        images.add(session, drawn(), now=NOW)
    return site


def values(site: Running) -> dict[str, list[str]]:
    """Return for each name in a path what to put there, good and bad."""
    who = LinkTarget(1, "weekly")
    links = site.links
    tokens = [
        links.unsubscribe(who),
        links.preferences(who, "ada@example.org"),
        links.confirm(DatedTarget(*who, site.clock())),
        links.change(1, site.clock()),
        links.decline(LetterCause("0" * 32, "weekly", who.subscriber_id)),
        review_token(
            site.app.tokens, link_to(DRAFT, EDITOR, "0" * 12, site.clock() + timedelta(days=1))
        ),
    ]
    return {
        **{
            path: [url.rpartition("/")[2], "bad"]
            for path, url in zip("upcanr", tokens, strict=True)
        },
        "v": [link(site).rpartition("/")[2], "bad"],
        "tool": [LEFT, "bad"],
        "call": ["ship", "bad"],
        "newsletter": ["weekly", "monthly"],
        "number": [str(SENT[0]), str(DRAFT), "99"],
        "slug": [SLUG, "lintwick", "developer-tools", "nothing-vs-nothing"],
        "part": ["1", "99"],
        "colour": ["2744c4", "bad"],
        "font": ["slab", "bad"],
        "name": [f"{image_key(site)}.png", "bad"],
        "picture": [share_key(site), "bad"],
    }


def share_key(site: Running) -> str:
    page = site.get(f"/comparisons/{SLUG}").text
    found: list[str] = re.findall(r"/share-([0-9a-f]+)\.png", page)
    return found[0]


def image_key(site: Running) -> str:
    with site.app.database.read() as session:
        return session.exec(select(images.Image.key)).one()


def paths(site: Running) -> Iterator[str]:
    """Yield every route's path, with good and bad values; a new name in a path is an error here."""
    known = values(site)
    for route in site.asgi.routes:
        if isinstance(route, Mount) and isinstance(route.app, DigestApi):
            for path in (*route.app.openapi()["paths"], "/docs", "/openapi.json"):
                yield from filled(f"{route.path}{path}", OfApi(known))
            continue
        assert isinstance(route, Route), f"{route} is no plain route: say here how to reach it"
        yield from filled(route.path, known)
    yield "/nothing/here"
    yield "/issues/weekly/1/"


class OfApi(dict[str, list[str]]):
    """The values of what is named in a path of the API: an id, where nothing else is known."""

    def __missing__(self, name: str) -> list[str]:
        return ["1", "bad"]


def filled(path: str, known: dict[str, list[str]]) -> Iterator[str]:
    gap = re.search(r"\{(\w+)(?::\w+)?\}", path)
    if gap is None:
        yield path
        return
    name = path[1] if gap[1] == "token" else gap[1]  # each kind of link has a token of its own
    for value in known[name]:
        yield from filled(path.replace(gap[0], value), known)


def answers(site: Running) -> Iterator[tuple[str, str, httpx2.Response]]:
    for path in paths(site):
        for method in ("GET", "HEAD", "POST", "PUT"):
            yield method, path, site.http.request(method, path)


def faults(method: str, path: str, answer: httpx2.Response) -> Iterator[str]:
    what = f"{method} {path} ({answer.status_code})"
    public = bool(PUBLIC.search(path)) and answer.is_success
    image = bool(IMAGE.search(path)) and answer.is_success
    for name, value in expected(path, answer).items():
        if name == "content-security-policy" or (path == FRAMED and name in OF_ITS_OWN):
            continue
        if public and name in ("cache-control", "x-robots-tag"):
            continue
        if answer.headers.get(name) != value:
            yield f"{what}: {name} is {answer.headers.get(name)}"
    yield from (f"{what}: {name} is there" for name in FORBIDDEN & set(answer.headers))
    kind = answer.headers.get("content-type", "")
    is_json = kind in ("application/json", "application/problem+json")  # UTF-8 by RFC 8259
    if answer.content and "charset=utf-8" not in kind and not image and not is_json:
        yield f"{what}: no charset in {kind!r}"
    if "camera=()" not in answer.headers.get("permissions-policy", ""):
        yield f"{what}: devices are on"
    yield from policy_faults(what, path, answer)


def expected(path: str, answer: httpx2.Response) -> dict[str, str]:
    """Return the headers wanted; those of what other sites show let them."""
    shown = (IMAGE.search(path) and answer.is_success) or is_embedded(path, answer)
    more = {"cross-origin-resource-policy": "cross-origin"} if shown else {}
    if shown and path.endswith("/frame"):
        more["cross-origin-opener-policy"] = "unsafe-none"
    return {**EXPECTED, **more}


def is_embedded(path: str, answer: httpx2.Response) -> bool:
    folder, _, name = path.rpartition("/")
    return folder.startswith("/comparisons/") and name in EMBEDDED and answer.is_success


def policy_faults(what: str, path: str, answer: httpx2.Response) -> Iterator[str]:
    policy = answer.headers.get("content-security-policy", "")
    image = IMAGE.search(path) and answer.is_success
    wanted = OF_IMAGES if image else EXPECTED["content-security-policy"]
    if is_embedded(path, answer):
        ending = EMBEDDED[path.rpartition("/")[2]]
        yield from [] if policy.endswith(ending) else [f"{what}: the policy is {policy}"]
    elif MAIL.search(path) and answer.is_success:
        parts = [part.strip() for part in policy.split(";")]
        if not parts[0].startswith("sandbox") or "allow-scripts" in parts[0]:
            yield f"{what}: not in a sandbox"
        if not {"default-src 'none'", "frame-ancestors 'self'"} <= set(parts):
            yield f"{what}: the mail's policy is {policy}"
    elif REVIEW.search(path) and answer.status_code in (HTTPStatus.OK, HTTPStatus.CONFLICT):
        if policy != f"{wanted}; frame-src 'self'":
            yield f"{what}: the viewer's policy is {policy}"
    elif path != FRAMED and policy != wanted:
        yield f"{what}: the policy is {policy}"


def test_every_answer_of_every_route_carries_every_header(site: Running) -> None:
    problems = [fault for answer in answers(site) for fault in faults(*answer)]

    assert problems == []


def test_a_route_without_the_headers_would_be_found() -> None:
    bare = httpx2.Response(200, text="hello", headers={"server": "a1"})

    assert len(list(faults("GET", "/new", bare))) >= len(EXPECTED)


def test_plain_http_is_not_told_to_be_https_for_ever(make_running: MakeSite) -> None:
    site = make_running(base_url="http://127.0.0.1:8000")

    assert "strict-transport-security" not in site.get("/").headers


def test_I14_looking_changes_nothing_anywhere(site: Running) -> None:
    before = everything(site)

    for path in paths(site):
        for method in ("GET", "HEAD"):
            site.http.request(method, path)

    assert everything(site) == before


def everything(site: Running) -> dict[str, list[object]]:
    """Return every row of every table, but for what tells scanners of vote links from people."""
    with site.app.database.read() as session:
        connection = session.connection()
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            # The part put in is a table's name.
            name: list(connection.exec_driver_sql(f'SELECT * FROM "{name}"'))  # noqa: S608
            for (name,) in tables.all()
            if name not in ("vote_visit", "scanned_copy")
        }


@pytest.mark.parametrize("path", ["/", "/issues", f"/comparisons/{SLUG}", "/issues/weekly/1/mail"])
def test_HEAD_answers_as_GET_does_without_the_page(site: Running, path: str) -> None:
    head, get = site.http.head(path), site.get(path)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


def test_a_page_with_a_form_is_kept_by_browsers_and_for_a_minute_only(site: Running) -> None:
    assert site.get("/").headers["cache-control"] == "private, max-age=60"
    assert site.get("/style.css").headers["cache-control"] == "public, max-age=300"


def test_H09_a_host_that_is_not_ours_is_refused_where_they_are_named(
    make_running: MakeSite,
) -> None:
    site = make_running(hosts="news.example.com, 127.0.0.1")

    assert site.get("/").status_code == 200
    spoofed = site.get("/", headers={"Host": "evil.example"})
    assert spoofed.status_code == 400
    assert list(faults("GET", "/nothing", spoofed)) == []


def test_H09_no_page_repeats_a_host_it_was_told(site: Running) -> None:
    spoof = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}

    pages = [site.http.request("GET", path, headers=spoof) for path in paths(site)]

    assert not any("evil.example" in page.text for page in pages)
    assert not any("evil.example" in str(page.headers) for page in pages)


def test_a_script_may_run_only_where_a_form_has_a_proof_of_work_to_do(
    make_running: MakeSite,
) -> None:
    site = make_running(proof_of_work=50_000)
    scripted = "; script-src 'self'"
    forms = ["/", "/issues", "/issues/weekly/1", f"/comparisons/{SLUG}", "/subscribe", FRAMED]

    policies = {path: site.get(path).headers["content-security-policy"] for path in forms}
    assert all(policy.endswith(scripted) for policy in policies.values())
    assert all('src="/subscribe/proof.js"' in site.get(path).text for path in forms)
    for path in ("/own-links", "/issues/weekly/1/mail", "/u/bad", "/nothing"):
        assert scripted not in site.get(path).headers["content-security-policy"]
