"""Readers over the API: added with evidence, shown, unsubscribed, erased; nobody brought back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select
from sqlmodel import SQLModel

from digest import webhooks
from digest.access import Scope
from subscribers import store, suppression
from subscribers.announcements.models import AnnouncementKind, WebhookMessage
from subscribers.models import LetterToSend, RecordedSignup, Subscriber, SuppressionReason
from tests.api.conftest import Api
from tests.conftest import NOW

ADA = "ada@example.org"
ASKED = {"form": "shop-checkout", "words": "Yes, send me the weekly verdicts."}
PROVED = {**ASKED, "confirmed": "Pressed the link in the shop's own letter."}


def order(address: str = ADA, **given: Any) -> dict[str, Any]:
    return {"address": address, "newsletters": ["weekly"], "consent": PROVED, **given}


def add(api: Api, address: str = ADA, **given: Any) -> httpx2.Response:
    writes = api.token(Scope.SUBSCRIBERS_WRITE, name=f"shop-{api.clock.now:%M-%S}")
    api.clock.advance(seconds=1)
    return api.call("POST", "/subscribers", json=order(address, **given), headers=writes)


def added(api: Api, address: str = ADA) -> int:
    number: int = add(api, address).json()["number"]
    return number


def both(api: Api) -> dict[str, str]:
    return api.token(Scope.SUBSCRIBERS_READ, Scope.SUBSCRIBERS_WRITE, name="both")


def count(api: Api, model: type[SQLModel]) -> int:
    with api.app.database.read() as session:
        return session.connection().execute(select(func.count()).select_from(model)).scalar_one()


def test_a_reader_who_confirmed_elsewhere_is_added_with_the_evidence(api: Api) -> None:
    asked_at = NOW - timedelta(days=3)
    response = add(api, consent={**PROVED, "asked_at": asked_at.isoformat()}, visitor="192.0.2.9")
    told = response.json()
    assert told["results"] == [
        {"newsletter": "weekly", "added": True, "asked": False, "reason": None}
    ]
    export = api.get(f"/subscribers/{told['number']}/export", headers=both(api)).json()
    entries = {entry["act"]: entry for entry in export["consent"]}
    assert entries["asked"]["wording"] == ASKED["words"]
    assert (entries["asked"]["form"], entries["asked"]["channel"]) == ("shop-checkout", "api")
    assert entries["asked"]["at"] == asked_at.isoformat().replace("+00:00", "Z")
    assert entries["imported"]["wording"] == PROVED["confirmed"]
    assert export["subscriptions"][0]["standing"] == "confirmed"


def test_the_same_reader_again_is_not_added_twice(api: Api) -> None:
    number = added(api)
    again = add(api)
    assert again.status_code == 200
    assert again.json()["number"] == number
    assert again.json()["results"][0]["reason"] == "is subscribed already"
    assert count(api, Subscriber) == 1


def test_without_a_proof_the_reader_is_asked_by_letter_and_the_answer_says_no_more(
    api: Api,
) -> None:
    known = added(api, "known@example.org")
    answers = [add(api, address, consent=ASKED).json() for address in ("known@example.org", ADA)]
    assert (
        answers[0]
        == answers[1]
        == {
            "number": None,
            "results": [{"newsletter": "weekly", "added": False, "asked": True, "reason": None}],
        }
    )
    assert count(api, RecordedSignup) == 0
    assert count(api, LetterToSend) == 2
    found = api.call("POST", "/subscribers/lookup", json={"address": ADA}, headers=both(api)).json()
    assert found["subscriptions"][0]["standing"] == "pending"
    assert found["number"] != known


@pytest.mark.parametrize("consent", [PROVED, ASKED])
def test_nobody_who_left_is_brought_back(api: Api, consent: dict[str, str]) -> None:
    number, shown = added(api), both(api)
    left = {"newsletter": "weekly"}
    response = api.call("POST", f"/subscribers/{number}/leave", json=left, headers=shown)
    assert response.json() == {"newsletter": "weekly", "unsubscribed": True}
    [result] = add(api, consent=consent).json()["results"]
    assert not result["added"]
    told = api.get(f"/subscribers/{number}", headers=shown).json()
    assert told["subscriptions"][0]["standing"] == "unsubscribed"


@pytest.mark.parametrize("reason", [*SuppressionReason])
def test_no_suppressed_address_is_added(sqlite_api: Api, reason: SuppressionReason) -> None:
    app = sqlite_api.app
    with app.database.write() as session:
        suppression.suppress(session, ADA, reason, app.hashes, NOW)
    told = add(sqlite_api).json()
    assert (told["number"], told["results"][0]["added"]) == (None, False)
    assert told["results"][0]["reason"]
    found = sqlite_api.call(
        "POST", "/subscribers/lookup", json={"address": ADA}, headers=both(sqlite_api)
    ).json()
    assert (found["number"], found["suppression"]["reason"]) == (None, reason.value)


def test_an_erased_reader_is_gone_with_the_answers_that_named_them(api: Api) -> None:
    number, shown = added(api), both(api)
    response = api.call("POST", f"/subscribers/{number}/erase", headers=shown)
    assert response.json() == {"erased": True}
    assert api.problem(api.get(f"/subscribers/{number}", headers=shown)) == (404, "not-found")
    assert count(api, Subscriber) == 0
    assert add(api).json()["results"][0]["reason"]


def test_a_list_has_everyone_who_ever_joined_in_pages(api: Api) -> None:
    numbers = [added(api, f"reader{number}@example.org") for number in range(3)]
    shown = both(api)
    first = api.get("/subscribers?newsletter=weekly&limit=2", headers=shown).json()
    rest = api.get(
        f"/subscribers?newsletter=weekly&limit=2&after={first['next']}", headers=shown
    ).json()
    assert [item["number"] for item in first["items"] + rest["items"]] == numbers
    assert (rest["next"], rest["items"][0]["address"]) == (None, "reader2@example.org")
    assert rest["items"][0]["standing"] == "confirmed"
    unknown = api.get("/subscribers?newsletter=daily", headers=shown)
    assert api.problem(unknown) == (404, "not-found")


def test_a_repeated_post_adds_once_and_answers_alike(api: Api) -> None:
    headers = {**both(api), "Idempotency-Key": "one"}
    first, again = (
        api.call("POST", "/subscribers", json=order(), headers=headers) for _ in range(2)
    )
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"consent": {**PROVED, "asked_at": "2026-12-24T00:00:00Z"}}, "#/consent/asked_at"),
        ({"consent": {**PROVED, "asked_at": "2026-11-01T00:00:00"}}, "#/consent/asked_at"),
        ({"consent": {**PROVED, "confirmed": "yes"}}, "#/consent/confirmed"),
        ({"consent": {"form": "x"}}, "#/consent/words"),
        ({"language": "xx"}, "#/language"),
        ({"newsletters": ["weekly", "weekly"]}, "#/newsletters"),
        ({"newsletters": []}, "#/newsletters"),
        ({"consent": {**PROVED, "asked_at": "0001-01-01T00:00:00+14:00"}}, "#/consent/asked_at"),
        ({"consent": {**PROVED, "words": "Yes, send me \x00 verdicts."}}, "#/consent/words"),
        ({"consent": {**PROVED, "confirmed": "Pressed \u202e a link."}}, "#/consent/confirmed"),
        ({"visitor": "nowhere"}, "#/visitor"),
        ({"visitor": "fe80::1%eth0"}, "#/visitor"),
        ({"visitor": 7}, "#/visitor"),
        ({"address": 'ada"@example.org'}, "#/address"),
        ({"extra": 1}, "#/extra"),
    ],
)
def test_what_makes_no_sense_is_refused_without_the_address(
    sqlite_api: Api, given: dict[str, Any], pointer: str
) -> None:
    response = add(sqlite_api, **{"address": ADA, **given})
    assert sqlite_api.problem(response) == (422, "invalid")
    assert pointer in [fault["pointer"] for fault in response.json()["errors"]]
    assert "ada" not in response.text
    assert count(sqlite_api, Subscriber) == 0


def test_an_unknown_newsletter_adds_nobody(sqlite_api: Api) -> None:
    response = add(sqlite_api, newsletters=["weekly", "daily"])
    assert sqlite_api.problem(response) == (404, "not-found")
    assert count(sqlite_api, Subscriber) == 0


def test_a_flood_of_sign_ups_is_told_to_come_later(sqlite_api: Api) -> None:
    headers = both(sqlite_api)
    one = order(consent=ASKED)
    statuses = [
        sqlite_api.call(
            "POST",
            "/subscribers",
            json={**one, "address": f"r{n}@d{n}.example.org"},
            headers=headers,
        ).status_code
        for n in range(21)
    ]
    assert statuses == [200] * 20 + [429]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/subscribers?newsletter=weekly", None),
        ("GET", "/subscribers/1", None),
        ("GET", "/subscribers/1/export", None),
        ("POST", "/subscribers/lookup", {"address": ADA}),
    ],
)
def test_one_who_may_add_readers_may_not_read_them(
    sqlite_api: Api, method: str, path: str, body: dict[str, str] | None
) -> None:
    writes = sqlite_api.token(Scope.SUBSCRIBERS_WRITE)
    response = sqlite_api.call(method, path, json=body, headers=writes)
    assert sqlite_api.problem(response) == (403, "forbidden")


def test_an_address_nobody_knows_is_not_found_and_not_quoted(sqlite_api: Api) -> None:
    response = sqlite_api.call(
        "POST", "/subscribers/lookup", json={"address": ADA}, headers=both(sqlite_api)
    )
    assert sqlite_api.problem(response) == (404, "not-found")
    assert ADA not in response.text
    with sqlite_api.app.database.read() as session:
        assert store.find(session, ADA) is None


def test_a_reader_who_is_added_is_announced_as_one_who_confirmed(sqlite_api: Api) -> None:
    with sqlite_api.app.database.write() as session:
        kinds = [AnnouncementKind.SUBSCRIBER_CONFIRMED]
        webhooks.add(session, "https://hooks.example/in", kinds, now=NOW)
    number = added(sqlite_api)
    add(sqlite_api)  # who is there already isn't added again
    with sqlite_api.app.database.read() as session:
        [message] = session.scalars(select(WebhookMessage))
    assert json.loads(message.data) == {
        "subscriber": number,
        "newsletter": "weekly",
        "channel": "api",
    }
