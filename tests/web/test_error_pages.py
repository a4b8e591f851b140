"""Error pages: not found, wrong method, and a database that is away."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from sqlalchemy import text

from subscribers.tokens import Links, LinkTarget
from tests.web.conftest import SLUG, MakeSite, Running


def test_a_missing_page_is_shown_in_our_theme(site: Running) -> None:
    answer = site.get("/nothing")

    assert answer.status_code == 404
    assert '<link rel="stylesheet" href="/style.css">' in answer.text
    assert 'href="/issues"' in answer.text
    assert 'href="/comparisons"' in answer.text


def test_a_missing_page_is_shown_in_the_visitors_language(site: Running) -> None:
    answer = site.get("/nichts", headers={"Accept-Language": "de-AT,de;q=0.9"})

    assert answer.status_code == 404
    assert "Seite nicht gefunden" in answer.text
    assert '<html lang="de">' in answer.text


def test_what_was_asked_for_is_not_repeated(site: Running) -> None:
    assert "<script>" not in site.get("/<script>alert(1)</script>").text
    assert "alert" not in site.get("/<script>alert(1)</script>").text


@pytest.mark.parametrize(
    "path",
    [
        "/issues/%00",
        "/issues/%00/1",
        "/issues/weekly/1%00",
        "/issues/weekly/-1",
        "/issues/weekly/1e9",
        "/issues/weekly/%D9%A1",  # a digit, but none of ours
        "/issues/weekly/" + "9" * 400,
        "/issues/weekly/" + "9" * 5_000,
        "/comparisons/%00",
        "/comparisons/%ff%fe",
        "/comparisons/%ED%A0%80",
        "/comparisons/" + "a" * 8_000,
        "/comparisons/'%20OR%201=1--",
        "/comparisons/..%2f..%2f.env",
        "/%2e%2e/%2e%2e/etc/passwd",
    ],
)
def test_H02_H03_no_path_is_more_than_not_there(site: Running, path: str) -> None:
    assert site.get(path).status_code in (400, 404)


@pytest.mark.parametrize("path", ["/issues", "/issues/weekly", "/subscribe", "/subscribe?lang=de"])
def test_a_slash_at_the_end_is_the_same_page(site: Running, path: str) -> None:
    before, mark, query = path.partition("?")
    answer, meant = site.get(f"{before}/{mark}{query}"), site.get(path)

    assert answer.status_code == 200
    assert unsigned(answer.text) == unsigned(meant.text)


def unsigned(page: str) -> str:
    """Return a page without the token that is another one each time."""
    return re.sub(r'name="form" value="[^"]*"', "", page)


@pytest.mark.parametrize("path", ["/nothing/", "//", "//evil.example/", "//issues/", "/%5Cevil/"])
def test_a_slash_at_the_end_leads_nowhere_else(site: Running, path: str) -> None:
    assert site.get(f"{site.url}{path}").status_code == 404


def test_a_method_that_is_not_there_is_refused_with_those_that_are(site: Running) -> None:
    answer = site.http.post("/issues")

    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize("path", ["/", "/issues", "/issues/weekly/1", f"/comparisons/{SLUG}"])
def test_without_its_database_a_page_asks_to_come_again(
    site: Running, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert site.get("/").status_code == 200
    with site.app.database.write() as session:
        session.connection().execute(text("ALTER TABLE issue RENAME TO lost"))
        session.connection().execute(text("ALTER TABLE comparison RENAME TO gone"))

    with caplog.at_level(logging.ERROR):
        answer = site.get(path)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "Weekly AI Tool Verdicts" in answer.text
    assert "Traceback" not in answer.text + caplog.text
    assert "a page failed: OperationalError" in caplog.text


def test_a_database_that_never_was_is_a_page_too(make_running: MakeSite, tmp_path: Path) -> None:
    site = make_running(database_url=f"sqlite:///{tmp_path / 'none.db'}")

    for path in ("/", "/issues", "/subscribe", "/subscribe/frame", "/privacy", "/api/subscribe"):
        answer = site.get(path)

        assert answer.status_code == 503, path
        assert answer.headers["retry-after"]
        assert "Page not found" not in answer.text


def test_who_leaves_sees_the_button_also_while_nothing_was_ever_read(
    make_running: MakeSite, tmp_path: Path
) -> None:
    site = make_running(database_url=f"sqlite:///{tmp_path / 'none.db'}")
    links = Links("", site.app.tokens)
    answer = site.get(links.unsubscribe(LinkTarget(1, "weekly")))

    assert answer.status_code == 200
    assert 'method="post"' in answer.text


def test_a_broken_template_of_ones_own_breaks_its_page_and_nothing_else(
    make_running: MakeSite, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "templates/web").mkdir(parents=True)
    (tmp_path / "templates/web/home.html").write_text("{{ nonsense }}")
    site = make_running()

    with caplog.at_level(logging.ERROR):
        answer = site.get("/")

    assert answer.status_code == 500
    assert "It’s our fault" in answer.text
    assert "home.html:1" in caplog.text
    assert site.get("/issues").status_code == 200


def test_with_no_page_to_show_the_fault_is_said_in_plain_words(
    make_running: MakeSite, tmp_path: Path
) -> None:
    (tmp_path / "templates/web").mkdir(parents=True)
    (tmp_path / "templates/web/base.html").write_text("{{ nonsense }}")
    site = make_running()

    answer = site.get("/")

    assert (answer.status_code, answer.text) == (500, "Something went wrong\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
