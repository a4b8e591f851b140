"""Comparisons over the API: stored by their JSON format as by an import, and taken back."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from digest import samples
from digest.access import Scope
from digest.comparisons.loader import read_file
from digest.comparisons.store import store_draft
from tests.api.conftest import Api

KOTOBA = next(path for path in samples.comparisons() if path.name.startswith("kotoba"))


def content_of(path: Path = KOTOBA, **changed: Any) -> dict[str, Any]:
    return {**json.loads(path.read_text("utf-8")), **changed}


def put(api: Api, content: Any, slug: str = "", tag: str = "") -> httpx2.Response:
    shown = api.token(Scope.COMPARISONS_WRITE, Scope.COMPARISONS_READ, name=f"site-{next(NAMES)}")
    headers = {**shown, "Content-Type": "application/json"}
    headers |= {"If-Match": tag} if tag else {}
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    path = f"/comparisons/{quote(slug or content['slug'], safe='')}"
    return api.call("PUT", path, headers=headers, content=body)


def act(api: Api, path: str, body: Any = None, tag: str = "") -> httpx2.Response:
    headers = api.token(Scope.COMPARISONS_WRITE, name=f"site-{next(NAMES)}")
    headers |= {"If-Match": tag} if tag else {}
    return api.call("POST", f"/comparisons/{path}", headers=headers, json=body or {})


def read(api: Api, slug: str) -> httpx2.Response:
    shown = api.token(Scope.COMPARISONS_READ, name=f"site-{next(NAMES)}")
    return api.get(f"/comparisons/{slug}", headers=shown)


NAMES = count()
SLUG = content_of()["slug"]


def test_a_comparison_is_added_revised_and_left_alone(api: Api) -> None:
    added = put(api, content_of())
    assert (added.status_code, added.json()["outcome"], added.json()["revision"]) == (201, "new", 1)
    assert added.headers["location"] == f"/api/v1/comparisons/{SLUG}"
    shown = read(api, SLUG)
    assert shown.headers["etag"] == added.headers["etag"]
    tag = shown.headers["etag"]
    same = put(api, content_of(), tag=tag)
    assert (same.status_code, same.json()["outcome"]) == (200, "unchanged")
    assert same.headers["etag"] == tag
    other = put(api, content_of(question="Which one reads better?"), tag=tag)
    assert (other.json()["outcome"], other.json()["revision"]) == ("revised", 2)
    assert api.problem(put(api, content_of(question="And now?"), tag=tag)) == (412, "stale")


def test_a_stored_comparison_is_changed_only_by_its_tag(sqlite_api: Api) -> None:
    put(sqlite_api, content_of())
    other = content_of(question="Which one?")
    assert sqlite_api.problem(put(sqlite_api, other)) == (428, "unconditional")
    assert put(sqlite_api, other, tag="*").json()["outcome"] == "revised"


def test_one_who_may_only_write_changes_what_the_public_is_shown(sqlite_api: Api) -> None:
    put(sqlite_api, content_of())
    writes = sqlite_api.token(Scope.COMPARISONS_WRITE, name="writer")
    seen = sqlite_api.get(f"/comparisons/{SLUG}", headers=writes).headers["etag"]
    headers = {**writes, "If-Match": seen}
    path = f"/comparisons/{SLUG}"
    other = content_of(question="Which one?")
    changed = sqlite_api.call("PUT", path, headers=headers, json=other)
    assert (changed.status_code, changed.json()["outcome"]) == (200, "revised")
    late = sqlite_api.call("PUT", path, headers=headers, json=content_of(question="And now?"))
    assert sqlite_api.problem(late) == (412, "stale")


def test_what_is_not_there_has_no_version(sqlite_api: Api) -> None:
    assert sqlite_api.problem(put(sqlite_api, content_of(), tag="*")) == (412, "stale")


def test_a_comparison_that_was_imported_before_is_the_same(sqlite_api: Api) -> None:
    path = next(each for each in samples.comparisons() if each.suffix == ".json")
    content = content_of(path)
    content.pop("slug", None)
    draft = read_file(path)
    with sqlite_api.app.database.write() as session:
        kept = store_draft(session, draft.model_copy(update={"slug": None}), now=sqlite_api.clock())
    again = put(sqlite_api, content, kept.slug, tag="*")
    assert again.json()["outcome"] == "unchanged"


def test_a_refusal_names_each_field_and_its_line(sqlite_api: Api) -> None:
    content = content_of(weight=11, labels="one")
    content["contenders"][1]["panel_share"] = 101
    body = json.dumps(content, indent=1).encode()
    refused = put(sqlite_api, body, SLUG)
    assert sqlite_api.problem(refused) == (422, "invalid")
    faults = {each["pointer"]: each["detail"] for each in refused.json()["errors"]}
    assert faults.keys() == {"#/weight", "#/labels", "#/contenders/1/panel_share"}
    line = body[: body.index(b"101")].count(b"\n") + 1
    assert faults["#/contenders/1/panel_share"].endswith(f"(line {line})")
    assert "comparison-format" in refused.json()["next_step"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "this isn't JSON"),
        (b"{", "this isn't JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"null", "must be an object"),
        (b'{"title": "a", "title": "b"}', "stands twice"),
        (b'{"weight": ' + b"9" * 5000 + b"}", "digits"),
    ],
)
def test_what_is_no_comparison_is_refused_in_words(sqlite_api: Api, body: bytes, says: str) -> None:
    refused = put(sqlite_api, body, SLUG)
    assert sqlite_api.problem(refused) == (422, "invalid")
    assert says in refused.text
    assert sqlite_api.problem(read(sqlite_api, SLUG)) == (404, "not-found")


@pytest.mark.parametrize(
    ("slug", "status"),
    [
        ("Upper-Case", 422),
        ("two words", 422),
        ("two--hyphens", 422),
        (" ", 422),
        ("cafe\u0301", 422),  # a letter and its mark, apart
        ("\u202eabc", 422),
        ("a" * 401, 422),
        ("..", 404),  # the way up
        ("a/b", 404),
        ("../tools/x", 404),
        ("a\0b", 400),
    ],
)
def test_no_comparison_goes_by_an_odd_slug(sqlite_api: Api, slug: str, status: int) -> None:
    content = content_of()
    del content["slug"]
    refused = put(sqlite_api, content, slug)
    assert refused.status_code in {status, 405}
    assert refused.headers["content-type"] == "application/problem+json"


def test_a_slug_may_have_letters_of_any_script(sqlite_api: Api) -> None:
    added = put(sqlite_api, content_of(slug="言葉-vs-лексикон"))
    assert added.headers["location"] == f"/api/v1/comparisons/{quote('言葉-vs-лексикон')}"
    assert read(sqlite_api, "言葉-vs-лексикон").json()["slug"] == "言葉-vs-лексикон"


def test_body_and_path_are_about_the_same_comparison(sqlite_api: Api) -> None:
    refused = put(sqlite_api, content_of(), "another-one")
    assert sqlite_api.problem(refused) == (422, "invalid")
    assert refused.json()["errors"][0]["pointer"] == "#/slug"


def test_a_body_of_a_million_bytes_is_the_largest(sqlite_api: Api) -> None:
    body = b" " * 1_000_001
    assert sqlite_api.problem(put(sqlite_api, body, SLUG)) == (413, "too-large")


def test_a_comparison_is_withdrawn_and_restored(api: Api) -> None:
    put(api, content_of())
    gone = act(api, f"{SLUG}/withdraw", {"why": "a tool is gone"})
    assert gone.json() == {"slug": SLUG, "withdrawn": True, "issues": []}
    assert read(api, SLUG).json()["withdrawn_why"] == "a tool is gone"
    assert api.get(f"/comparisons/{SLUG}").status_code in {404, 410}
    again = act(api, f"{SLUG}/withdraw", {"why": "twice"})
    assert api.problem(again) == (409, "conflict")
    back = act(api, f"{SLUG}/restore", tag=gone.headers["etag"])
    assert back.json() == {"slug": SLUG, "withdrawn": False}
    assert api.problem(act(api, f"{SLUG}/restore")) == (409, "conflict")


def test_a_withdrawal_has_a_reason_and_may_name_a_version(sqlite_api: Api) -> None:
    put(sqlite_api, content_of())
    assert sqlite_api.problem(act(sqlite_api, f"{SLUG}/withdraw", {"why": " "})) == (422, "invalid")
    stale = act(sqlite_api, f"{SLUG}/withdraw", {"why": "wrong"}, '"of yesterday"')
    assert sqlite_api.problem(stale) == (412, "stale")
    unknown = act(sqlite_api, "nothing-vs-nobody/withdraw", {"why": "wrong"})
    assert sqlite_api.problem(unknown) == (404, "not-found")


def test_votes_on_a_comparison_are_shown_as_the_command_prints_them(sqlite_api: Api) -> None:
    put(sqlite_api, content_of())
    shown = sqlite_api.token(Scope.REPORTS_READ, name="reports")
    votes = sqlite_api.get(f"/comparisons/{SLUG}/votes", headers=shown).json()
    assert (votes["slug"], votes["turnout"], votes["held"]) == (SLUG, 0, {})
    assert [tool["ships"] for tool in votes["tools"]] == [0, 0]
    unknown = sqlite_api.get("/comparisons/nothing/votes", headers=shown)
    assert sqlite_api.problem(unknown) == (404, "not-found")


def test_of_two_that_add_the_same_at_once_one_adds_it(api: Api) -> None:
    contents = [content_of(), content_of(question="Which one?")]
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda content: put(api, content), contents))
    first, second = sorted(answer.status_code for answer in answers)
    assert first == 201
    assert second in {409, 428}
    assert read(api, SLUG).json()["revisions"] == 1


def test_of_two_that_change_the_same_at_once_one_is_stale(api: Api) -> None:
    tag = put(api, content_of()).headers["etag"]
    contents = [content_of(question=f"Question {number}?") for number in (1, 2)]
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda content: put(api, content, tag=tag), contents))
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    assert read(api, SLUG).json()["revisions"] == 2
