"""Issues over the API: built, read, checked and decided on, each by the command's use case."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio.from_thread
import httpx2
import pytest
from sqlmodel import select

from digest import samples
from digest.access import Scope
from digest.api.app import make_api
from digest.comparisons.loader import read_file
from digest.comparisons.store import store_draft
from digest.db import Database
from digest.issues.models import Approval, ApprovalChannel, Issue, IssueState, Newsletter
from tests.api.conftest import Api, add_newsletter, api_of
from tests.web.conftest import Clock

ISSUES = "/newsletters/weekly/issues"
NEXT = "2026-W48"


@dataclass
class Editor:
    """A program with a token, which may build issues and decide on them."""

    api: Api
    shown: dict[str, str]

    def get(self, path: str = "", **options: Any) -> httpx2.Response:
        return self.api.get(ISSUES + path, headers=self.shown, **options)

    def post(self, path: str = "", body: Any = None, tag: str = "", **more: str) -> httpx2.Response:
        headers = {**self.shown, **({"If-Match": tag} if tag else {}), **more}
        return self.api.call("POST", ISSUES + path, headers=headers, json=body or {})

    def built(self) -> str:
        """Build the next issue, and return its entity tag."""
        response = self.post()
        assert response.status_code == 201, response.text
        return response.headers["etag"]

    def tag(self) -> str:
        """Return the entity tag of issue 1 as it is."""
        return self.get("/1").headers["etag"]

    def refused(self, response: httpx2.Response) -> tuple[int, str]:
        return self.api.problem(response)


def editor_of(api: Api) -> Editor:
    with api.app.database.write() as session:
        for path in samples.comparisons()[:4]:
            store_draft(session, read_file(path), now=api.clock())
    return Editor(api, api.token(Scope.ISSUES_READ, Scope.ISSUES_WRITE, name="ann"))


@pytest.fixture
def everywhere(api: Api) -> Editor:
    """Comparisons and no issue yet, on each kind of database."""
    return editor_of(api)


@pytest.fixture(scope="module")
def built_once(
    empty_sqlite: Path,
    portal: anyio.from_thread.BlockingPortal,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Editor]:
    """A database with one issue, to be copied, and the program that built it."""
    path = tmp_path_factory.mktemp("built") / "digest.db"
    shutil.copyfile(empty_sqlite, path)
    editor = editor_of(api_of(Database(f"sqlite:///{path}"), portal))
    editor.built()
    editor.api.app.database.close()
    return path, editor


@pytest.fixture
def editor(built_once: tuple[Path, Editor], tmp_path: Path) -> Iterator[Editor]:
    """A program beside an installation that has built issue 1, and nothing else."""
    path, before = built_once
    shutil.copyfile(path, tmp_path / "digest.db")
    database = Database(f"sqlite:///{tmp_path / 'digest.db'}")
    clock = Clock()
    app = replace(before.api.app, database=database, clock=clock)
    yield Editor(replace(before.api, app=app, asgi=make_api(app), clock=clock), before.shown)
    database.close()


def test_an_issue_is_built_read_and_approved(everywhere: Editor) -> None:
    built = everywhere.post()
    assert built.status_code == 201
    assert built.headers["location"] == "/api/v1/newsletters/weekly/issues/1"
    read = everywhere.get("/1")
    assert read.headers["etag"] == built.headers["etag"]
    assert {**built.json(), "findings": []} == {**read.json(), "findings": []}
    order = {"accept_warnings": True}
    given = everywhere.post("/1/approve", order, built.headers["etag"])
    assert given.status_code == 200, given.text
    assert (given.json()["by"], given.json()["given"]) == ("ann", 1)
    with everywhere.api.app.database.read() as session:
        entry = session.exec(select(Approval)).one()
    assert (entry.channel, entry.by) == (ApprovalChannel.API, "ann")
    status = everywhere.get("/1/status").json()
    assert (status["approved"], status["approved_by"]) == (True, ["ann"])


def test_what_was_built_again_is_not_approved_by_an_older_tag(everywhere: Editor) -> None:
    tag = everywhere.built()
    with everywhere.api.app.database.write() as session:
        session.exec(select(Newsletter)).one().name = "Another name"
    again = everywhere.post("", {"period": NEXT, "again": True}, tag)
    assert (again.status_code, again.json()["revision"]) == (200, 2)
    stale = everywhere.post("/1/approve", {"accept_warnings": True}, tag)
    assert everywhere.refused(stale) == (412, "stale")
    with everywhere.api.app.database.read() as session:
        assert session.exec(select(Approval)).all() == []


def test_an_issue_is_built_again_only_by_its_tag(editor: Editor) -> None:
    order = {"period": NEXT, "again": True}
    assert editor.refused(editor.post("", order)) == (428, "unconditional")
    assert editor.refused(editor.post("", order, '"an old one"')) == (412, "stale")
    assert editor.refused(editor.post("", {"period": NEXT})) == (409, "conflict")
    assert editor.refused(editor.post("", {"period": "2026-W50"}, "*")) == (412, "stale")
    assert editor.post("", order, "*").json()["revision"] == 2


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("/1/approve", {}),
        ("/1/schedule", {"to": "2026-11-25T10:00"}),
        ("/1/send-back", {"note": "too long"}),
    ],
)
def test_a_judgement_names_the_version_that_was_judged(
    editor: Editor, path: str, order: dict[str, str]
) -> None:
    assert editor.refused(editor.post(path, order)) == (428, "unconditional")
    assert editor.refused(editor.post(path, order, '"of yesterday"')) == (412, "stale")


def test_an_approval_names_the_warnings_it_accepts(editor: Editor) -> None:
    tag = editor.tag()
    rules = {finding["rule"] for finding in editor.get("/1/check").json()["findings"]}
    assert rules
    refused = editor.post("/1/approve", {"despite": []}, tag)
    assert editor.refused(refused) == (409, "conflict")
    assert all(rule in refused.json()["detail"] for rule in rules)
    given = editor.post("/1/approve", {"despite": sorted(rules)}, tag)
    assert set(given.json()["accepted"]) == rules


def test_an_issue_that_is_sent_back_is_approved_no_more(editor: Editor) -> None:
    tag = editor.tag()
    editor.post("/1/approve", {"accept_warnings": True}, tag)
    back = editor.post("/1/send-back", {"note": " the opening  drags "}, tag)
    assert (back.json()["by"], back.json()["note"]) == ("ann", "the opening drags")
    assert editor.get("/1/status").json()["approved"] is False


def test_an_issue_moves_and_is_built_for_its_new_day(editor: Editor) -> None:
    tag = editor.tag()
    moved = editor.post("/1/schedule", {"to": "2026-11-26T10:00", "why": "a holiday"}, tag)
    assert moved.json()["at"] == "2026-11-26T10:00:00Z"
    assert moved.json()["next_steps"] == [f"digest build --period {NEXT} --again"]
    assert editor.get("/1/status").json()["leaves_at"] == "2026-11-26T10:00:00Z"
    for wrong in ("tomorrow", "2026-11-26T10:00+01:00"):
        refused = editor.post("/1/schedule", {"to": wrong}, tag)
        assert editor.refused(refused) == (422, "invalid")
        assert refused.json()["errors"][0]["pointer"] == "#/to"
    assert editor.refused(editor.post("/1/schedule", {"to": "2027-06-01T10:00"}, tag))[0] == 409


def test_a_cancelled_issue_stays_cancelled_and_its_week_gets_another(editor: Editor) -> None:
    gone = editor.post("/1/cancel", {"why": "a fault in it"})
    assert gone.json() == {"issue": 1, "state": "cancelled", "note": "a fault in it"}
    assert editor.refused(editor.post("/1/cancel")) == (409, "conflict")
    assert editor.post("", {"period": NEXT}).json()["issue"] == 2
    listed = editor.get("").json()["items"]
    assert [(row["issue"], row["state"]) for row in listed] == [(2, "built"), (1, "cancelled")]


def test_a_send_is_paused_and_resumed_without_a_tag(editor: Editor) -> None:
    assert editor.refused(editor.post("/1/pause")) == (409, "conflict")
    set_state(editor, IssueState.PREPARED)
    assert editor.refused(editor.post("/1/pause", {}, '"of yesterday"')) == (412, "stale")
    paused = editor.post("/1/pause")
    assert paused.json() == {"issue": 1, "state": "paused", "note": "paused by ann"}
    refused = editor.post("/1/resume")
    assert editor.refused(refused) == (409, "conflict")  # nobody has approved it
    assert "approve" in refused.json()["next_step"]
    assert editor.get("/1").json()["state"] == "paused"


def set_state(editor: Editor, state: IssueState) -> None:
    with editor.api.app.database.write() as session:
        issue = session.exec(select(Issue)).one()
        issue.state, issue.prepared_at = state, editor.api.clock()


def test_the_mail_is_read_in_both_parts_and_runs_nothing(editor: Editor) -> None:
    html, text = editor.get("/1/html"), editor.get("/1/text")
    assert html.headers["content-type"] == "text/html; charset=utf-8"
    assert html.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert html.text.startswith("<!doctype html>")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert editor.refused(editor.get("/1/html?reviewer=9")) == (404, "not-found")


def test_a_list_of_issues_comes_in_pages(editor: Editor) -> None:
    for number in (1, 2):
        editor.post(f"/{number}/cancel")
        assert editor.post("", {"period": NEXT}).json()["issue"] == number + 1
    first = editor.get("?limit=2").json()
    second = editor.get(f"?limit=2&after={first['next']}").json()
    assert [row["issue"] for row in (*first["items"], *second["items"])] == [3, 2, 1]
    assert second["next"] is None
    assert editor.refused(editor.get("?after=nonsense")) == (422, "invalid")


@pytest.mark.parametrize(
    "path",
    ["/2", "/2/html", "/2/check", "/2/status", "/999999999"],
)
def test_what_is_not_there_is_a_problem(editor: Editor, path: str) -> None:
    assert editor.refused(editor.get(path)) == (404, "not-found")


@pytest.mark.parametrize(
    "body",
    [
        {"period": "2026-W60"},
        {"period": "week"},
        {"priod": "2026-W49"},
        {"count": 0},
        {"count": 10_000},
    ],
)
def test_a_wrong_order_is_a_problem_and_builds_nothing(editor: Editor, body: Any) -> None:
    assert editor.refused(editor.post("", body)) == (422, "invalid")
    assert len(editor.get().json()["items"]) == 1


def test_no_reason_has_what_nobody_sees(editor: Editor) -> None:
    for why in ("a\0b", "a\u202eb"):
        assert editor.refused(editor.post("/1/cancel", {"why": why})) == (422, "invalid")
    assert editor.get("/1").json()["state"] == "built"


def test_reading_does_not_let_a_program_decide(editor: Editor) -> None:
    tag = editor.tag()
    editor.shown = editor.api.token(Scope.ISSUES_READ, name="reader")
    assert editor.refused(editor.post("/1/approve", {}, tag)) == (403, "forbidden")
    assert editor.refused(editor.post("/1/cancel")) == (403, "forbidden")
    assert editor.refused(editor.post()) == (403, "forbidden")
    assert editor.get("/1").json()["state"] == "built"


def test_a_repeated_build_builds_once(editor: Editor) -> None:
    editor.post("/1/cancel")
    key, order = {"Idempotency-Key": "a-key-of-mine"}, {"period": NEXT}
    first, second = (editor.post("", order, **key) for _ in range(2))
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert first.headers["etag"] == second.headers["etag"]
    assert len(editor.get().json()["items"]) == 2


def test_several_newsletters_count_their_own_issues(editor: Editor) -> None:
    with editor.api.app.database.write() as session:
        add_newsletter(session, ["daily"])
    shown = editor.shown
    assert editor.api.get("/newsletters/daily/issues", headers=shown).json()["items"] == []
    assert editor.api.get("/newsletters/daily/issues/1", headers=shown).status_code == 404
    assert editor.api.get("/newsletters/nightly/issues", headers=shown).status_code == 404


def test_of_an_approval_and_a_rebuild_at_once_no_other_mail_is_approved(
    everywhere: Editor,
) -> None:
    tag = everywhere.built()
    with everywhere.api.app.database.write() as session:
        session.exec(select(Newsletter)).one().name = "Another name"
    calls: list[tuple[str, Any]] = [
        ("/1/approve", {"accept_warnings": True}),
        ("", {"period": NEXT, "again": True}),
    ]
    with ThreadPoolExecutor() as pool:
        approved, built = pool.map(lambda call: everywhere.post(call[0], call[1], tag), calls)
    assert built.status_code == 200
    assert approved.status_code in {200, 412}  # whichever came first
    status = everywhere.get("/1/status").json()
    assert (status["approved"], everywhere.get("/1").json()["revision"]) == (False, 2)


def test_of_two_rebuilds_at_once_one_is_stale(everywhere: Editor) -> None:
    tag = everywhere.built()
    order = {"period": NEXT, "again": True}
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda _: everywhere.post("", order, tag), range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    assert everywhere.get("/1").json()["revision"] == 2


def test_few_issues_are_built_at_once(editor: Editor) -> None:
    builds = editor.api.asgi.state.builds
    with builds.one(), builds.one():
        refused = editor.post()
    assert editor.refused(refused) == (503, "unavailable")
    assert refused.headers["retry-after"] == "5"
    assert editor.refused(editor.post()) == (409, "conflict")  # it's built already
