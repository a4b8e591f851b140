"""A change is done once under its idempotency key, and only to the version that was read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import anyio.from_thread
import pytest
from sqlmodel import Session, select

from digest.access import AnswerKey, Caller, Scope, purge_answers
from digest.access.models import KeptAnswer
from digest.api.app import make_api
from digest.api.unit_of_change import ApiChange, ChangeAnswer, KeysUnderWay
from digest.app.installation import App
from digest.db import Database
from digest.issues.models import JobRun
from digest.settings import load
from subscribers import store
from subscribers.address import parse
from tests.api import notes
from tests.api.conftest import BASE, Api
from tests.api.notes import Note
from tests.web.conftest import SECRET, Clock

NOTE = {"name": "a", "result": "one"}


def writer(api: Api, key: str = "", name: str = "site") -> dict[str, str]:
    return {**api.token(Scope.COMPARISONS_WRITE, name=name), "Idempotency-Key": key or "k-1"}


def test_a_repeated_request_gets_the_first_answer_and_is_not_done_twice(api: Api) -> None:
    headers = writer(api)
    first = api.call("POST", "/notes", headers=headers, json=NOTE)
    again = api.call("POST", "/notes", headers=headers, json=NOTE)
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    assert again.headers["location"] == "/api/v1/notes/a"
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (
        False,
        "true",
    )


def test_another_body_under_the_same_key_is_refused(api: Api) -> None:
    headers = writer(api)
    api.call("POST", "/notes", headers=headers, json=NOTE)
    other = api.call("POST", "/notes", headers=headers, json={**NOTE, "name": "b"})
    assert api.problem(other) == (422, "key-reused")


def test_a_key_belongs_to_its_token_and_has_quotes_or_none(sqlite_api: Api) -> None:
    api = sqlite_api
    first, other = writer(api, '"k"'), writer(api, "k", name="other")
    assert api.call("POST", "/notes", headers=first, json=NOTE).status_code == 201
    unquoted = {**first, "Idempotency-Key": "k"}
    assert api.call("POST", "/notes", headers=unquoted, json=NOTE).status_code == 201
    refused = api.call("POST", "/notes", headers=other, json=NOTE)
    assert api.problem(refused) == (409, "conflict")


def test_a_refused_change_is_kept_under_no_key(api: Api) -> None:
    headers = writer(api)
    api.call("POST", "/notes", headers=writer(api, "first", name="first"), json=NOTE)
    assert api.call("POST", "/notes", headers=headers, json=NOTE).status_code == 409
    with api.app.database.write() as session:
        session.delete(session.get(JobRun, "a"))
    assert api.call("POST", "/notes", headers=headers, json=NOTE).status_code == 201


def test_a_request_whose_first_is_under_way_is_told_to_wait(sqlite_api: Api) -> None:
    headers = writer(sqlite_api)
    key = AnswerKey.of(1, "k-1", "whatever", sqlite_api.app.hashes)
    with sqlite_api.asgi.state.under_way.holding(key):
        response = sqlite_api.call("POST", "/notes", headers=headers, json=NOTE)
    assert sqlite_api.problem(response) == (409, "under-way")
    assert response.headers["retry-after"] == "1"
    assert sqlite_api.call("POST", "/notes", headers=headers, json=NOTE).status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, '""'])
def test_what_is_no_key_is_refused(sqlite_api: Api, key: str) -> None:
    headers = {**writer(sqlite_api), "Idempotency-Key": key}
    response = sqlite_api.call("POST", "/notes", headers=headers, json=NOTE)
    assert sqlite_api.problem(response) == (400, "bad-request")


def test_an_answer_is_kept_for_a_day(api: Api) -> None:
    headers = writer(api)
    api.call("POST", "/notes", headers=headers, json=NOTE)
    api.clock.advance(hours=23, minutes=59)
    assert api.call("POST", "/notes", headers=headers, json=NOTE).status_code == 201
    assert purge_answers(api.app.database, api.clock()) == 0
    api.clock.advance(minutes=1)
    assert api.call("POST", "/notes", headers=headers, json=NOTE).status_code == 409
    assert purge_answers(api.app.database, api.clock()) == 1


def test_the_answer_that_names_a_reader_is_erased_with_the_reader(api: Api) -> None:
    api.token(Scope.SUBSCRIBERS_WRITE)
    key = AnswerKey.of(1, "k", "POST /subscribers", api.app.hashes)
    change = ApiChange(
        app=api.app,
        caller=Caller(token_id=1, name="site", scopes=frozenset()),
        under_way=KeysUnderWay(),
        key=key,
    )

    def add(session: Session) -> ChangeAnswer:
        reader = store.add(session, parse("ada@example.org"), api.clock())
        shown = Note(name="a", result="ada@example.org")
        return ChangeAnswer(shown=shown, about_subscriber=reader)

    change.run(add)
    with api.app.database.write() as session:
        assert len(session.exec(select(KeptAnswer)).all()) == 1
        reader = store.find(session, "ada@example.org")
        assert reader is not None
        store.delete_reader(session, reader.id)
    with api.app.database.read() as session:
        assert session.exec(select(KeptAnswer)).all() == []


def test_only_the_version_that_was_read_is_changed(api: Api) -> None:
    shown = {**api.token(Scope.COMPARISONS_WRITE, Scope.STATUS_READ)}
    first = api.call("POST", "/notes", headers=shown, json=NOTE).headers["etag"]
    new = {**NOTE, "result": "two"}
    assert api.problem(api.call("PUT", "/notes/a", headers=shown, json=new)) == (
        428,
        "unconditional",
    )
    changed = api.call("PUT", "/notes/a", headers={**shown, "If-Match": first}, json=new)
    assert (changed.status_code, changed.json()["result"]) == (200, "two")
    stale = api.call("PUT", "/notes/a", headers={**shown, "If-Match": first}, json=NOTE)
    assert api.problem(stale) == (412, "stale")
    tags = f'"other", {changed.headers["etag"]}'
    assert api.call("PUT", "/notes/a", headers={**shown, "If-Match": tags}, json=NOTE).is_success
    assert api.call("PUT", "/notes/a", headers={**shown, "If-Match": "*"}, json=new).is_success


def test_of_several_processes_with_one_key_one_does_it_and_all_answer_alike(
    api: Api, portal: anyio.from_thread.BlockingPortal
) -> None:
    headers = writer(api)
    url = api.app.database.url.render_as_string(hide_password=False)
    apis = [another(url, portal) for _ in range(4)]
    try:
        with ThreadPoolExecutor(len(apis)) as pool:
            answers = list(
                pool.map(lambda each: each.call("POST", "/tallies", headers=headers), apis)
            )
    finally:
        for each in apis:
            each.app.database.close()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    with api.app.database.read() as session:
        assert len(session.exec(select(JobRun)).all()) == 1


def another(url: str, portal: anyio.from_thread.BlockingPortal) -> Api:
    """Return the API of another process on a database, which knows nothing of the first."""
    app = App(
        settings=load({}, base_url=BASE, secret=SECRET), database=Database(url), clock=Clock()
    )
    asgi = make_api(app)
    asgi.include_router(notes.router)
    return Api(app, asgi, Clock(), portal)
