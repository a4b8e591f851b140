"""A whole issue over the API alone: content in, approved, sent by the service, reported."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import anyio.from_thread
import pytest
from sqlmodel import Session

from digest import samples
from digest.access import Scope
from digest.client import ApiProblem
from digest.db import Database
from digest.delivery.sending import StopSignal
from digest.service import jobs_of
from subscribers.models import Standing, Subscriber, Subscription
from tests.api.conftest import Api, api_of
from tests.client.in_process import opened

ISSUE = "/newsletters/weekly/issues"
DUE = datetime.fromisoformat("2026-12-01T09:00:30+00:00")


@pytest.fixture
def outbox_api(
    sqlite_database: Database, portal: anyio.from_thread.BlockingPortal, tmp_path: Path
) -> Api:
    """An installation whose mail goes to a folder, with two readers."""
    api = api_of(
        sqlite_database,
        portal,
        outbox=tmp_path / "outbox",
        epoch_file=tmp_path / "digest.epoch",
        sender="Verdicts <verdicts@news.example.com>",
        postal_address="12 Example Street\n10115 Berlin",
    )
    with sqlite_database.write() as session:
        for address in ("ada@example.org", "bo@example.org"):
            add_reader(session, address, api.clock())
    return api


def add_reader(session: Session, address: str, now: datetime) -> None:
    reader = Subscriber(address=address, address_key=address, created_at=now)
    session.add(reader)
    session.flush()
    session.add(
        Subscription(
            subscriber_id=reader.id or 0,
            newsletter="weekly",
            standing=Standing.CONFIRMED,
            since=now,
        )
    )


def work(api: Api) -> None:
    """Let the service do once what it does each minute for issues."""
    jobs = {job.name: job for job in jobs_of(api.app, StopSignal())}
    for name in ("issues", "send"):
        jobs[name].run(api.clock())


def test_an_issue_goes_from_content_to_report_over_the_api(outbox_api: Api) -> None:
    api = outbox_api
    program = opened(
        api, Scope.COMPARISONS_WRITE, Scope.ISSUES_READ, Scope.ISSUES_WRITE, Scope.REPORTS_READ
    )
    work(api)  # from now on, the service takes what is due
    for path in [each for each in samples.comparisons() if each.suffix == ".json"]:
        content = json.loads(path.read_text("utf-8"))
        program.put_comparison(content.get("slug") or path.stem, content)

    number = program.build_issue("weekly", {"period": "2026-W49"})["issue"]
    built = program.etag
    found = program.check_issue("weekly", number)["findings"]
    assert {each["severity"] for each in found} <= {"warning"}
    assert "vs" in program.issue_text("weekly", number)
    despite = sorted({each["rule"] for each in found})
    program.approve_issue("weekly", number, {"despite": despite}, if_match=built)
    status = program.issue_status("weekly", number)
    assert (status["approved_by"], status["would_get"]) == (["site"], 2)

    api.clock.now = DUE
    work(api)
    status = program.issue_status("weekly", number)
    assert (status["state"], status["accepted"], status["candidates"]) == ("sent", 2, 2)
    told = program.report("weekly", number)
    assert (told["numbers"]["accepted"], told["in_folder"]) == (2, True)
    with pytest.raises(ApiProblem) as late:
        program.send_issue_back("weekly", number, {"note": "x"}, if_match="*")
    assert late.value.status == 409


def test_a_report_before_a_send_is_a_problem(outbox_api: Api) -> None:
    shown = outbox_api.token(Scope.REPORTS_READ)
    refused = outbox_api.get(f"{ISSUE}/1/report", headers=shown)
    assert outbox_api.problem(refused) == (404, "not-found")
