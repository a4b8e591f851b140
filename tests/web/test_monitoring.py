"""Monitoring: liveness, readiness, metrics, and who may read them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from digest.app.installation import App, open_app
from digest.delivery.models import Installation
from digest.issues.models import JobRun, Newsletter
from digest.migrations.upgrade import upgrade
from digest.settings import load
from digest.web import monitoring
from digest.web.provider_webhook import RejectedPosts, RejectionReason
from subscribers import store
from subscribers.abuse_prevention import LET_IN
from subscribers.address import parse
from subscribers.models import Standing, StoppedSignups

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778"


@contextmanager
def installed(folder: Path, **settings: Any) -> Iterator[App]:
    url = f"sqlite:///{folder / 'digest.db'}"
    app = open_app(load({}, database_url=url, secret=SECRET, **settings), clock=lambda: NOW)
    with app.database.write() as session:
        upgrade(session.connection())
        session.add(Newsletter(slug="weekly", name="Weekly"))
    yield app
    app.database.close()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with installed(tmp_path) as made:
        yield made


def ask(
    app: App,
    path: str,
    *,
    ticking: bool = False,
    peer: str = "127.0.0.1",
    headers: dict[str, str] | None = None,
    rejected: RejectedPosts | None = None,
) -> httpx2.Response:
    """Ask without a server, as if from that address."""
    counted = rejected or RejectedPosts()
    routes = monitoring.routes(app, counted, ticking=ticking, steady=lambda: 0.0)
    site = Starlette(routes=routes)

    async def get() -> httpx2.Response:
        way = httpx2.ASGITransport(app=site, client=(peer, 1234))
        async with httpx2.AsyncClient(transport=way, base_url="http://digest") as client:
            return await client.get(path, headers=headers or {})

    return asyncio.run(get())


def numbers(answer: httpx2.Response) -> dict[str, float]:
    """Return each sample's value, by its name with its labels."""
    samples = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in samples)}


def ticked(app: App, at: datetime) -> None:
    with app.database.write() as session:
        session.add(JobRun(name="issues", every=60, started_at=at, next_at=at))


def test_a_process_that_answers_is_alive_whatever_its_database(app: App) -> None:
    with app.database.write() as session:
        session.connection().exec_driver_sql("DROP TABLE alembic_version")
    assert ask(app, "/healthz").status_code == 200


def test_a_site_is_ready_when_its_database_is(app: App) -> None:
    assert (ask(app, "/readyz").status_code, ask(app, "/readyz").text) == (200, "ready\n")


def test_a_database_behind_the_version_is_not_ready(app: App) -> None:
    with app.database.write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '0'")
    answer = ask(app, "/readyz")
    assert answer.status_code == 503
    assert "revision" in answer.text


def test_a_service_is_ready_while_its_schedule_runs(app: App) -> None:
    assert ask(app, "/readyz", ticking=True).status_code == 503
    ticked(app, NOW - timedelta(minutes=1))
    assert ask(app, "/readyz", ticking=True).status_code == 200


def test_a_schedule_that_stands_still_is_not_ready(app: App) -> None:
    ticked(app, NOW - timedelta(minutes=6))
    answer = ask(app, "/readyz", ticking=True)
    assert (answer.status_code, answer.text) == (503, "the schedule hasn't run lately\n")


def test_metrics_show_ticks_holds_and_the_process(app: App) -> None:
    ticked(app, NOW - timedelta(seconds=30))
    read = numbers(ask(app, "/metrics"))
    assert read['digest_tick_age_seconds{name="issues"}'] == 30
    assert read["digest_hold"] == 0
    assert read["digest_queue_readers"] == 0
    assert "process_open_fds" in read


def test_rejected_posts_are_a_metric(app: App) -> None:
    rejected = RejectedPosts()
    rejected.note(RejectionReason.UNSIGNED, NOW)
    read = numbers(ask(app, "/metrics", rejected=rejected))
    assert read['digest_webhook_turned_away{reason="unsigned"}'] == 1
    assert read['digest_webhook_rejected_total{reason="unsigned"}'] == 1
    assert read['digest_webhook_rejected_total{reason="full"}'] == 0


def test_a_hold_is_a_metric(app: App) -> None:
    with app.database.write() as session:
        session.add(Installation(id=1, key="k", copied_at=NOW))
    assert numbers(ask(app, "/metrics"))["digest_hold"] == 1


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("::ffff:203.0.113.9", {}, 404),
        ("203.0.113.9", {}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 404),
        ("127.0.0.1", {"Forwarded": "for=203.0.113.9"}, 404),
    ],
)
def test_without_a_token_only_this_machine_gets_numbers(
    app: App, peer: str, headers: dict[str, str], status: int
) -> None:
    assert ask(app, "/metrics", peer=peer, headers=headers).status_code == status


def test_with_a_token_whoever_has_it_gets_numbers(tmp_path: Path) -> None:
    with installed(tmp_path, metrics_token="a-token") as app:
        right = {"Authorization": "Bearer a-token"}
        assert ask(app, "/metrics", peer="203.0.113.9", headers=right).status_code == 200
        wrong = {"Authorization": "Bearer another"}
        assert ask(app, "/metrics", headers=wrong).status_code == 404
        assert ask(app, "/metrics").status_code == 404


def test_label_values_are_written_as_prometheus_reads_them(app: App) -> None:
    with app.database.write() as session:
        session.add(JobRun(name='a"b\\c\nd', every=60, started_at=NOW, next_at=NOW, ok=True))
    assert numbers(ask(app, "/metrics"))['digest_tick_ok{name="a\\"b\\\\c\\nd"}'] == 1


def test_the_names_kinds_and_words_of_metrics_are_those_alarms_were_written_for(app: App) -> None:
    lines = ask(app, "/metrics").text.splitlines()
    assert [line.removeprefix("# TYPE ") for line in lines if line.startswith("# TYPE ")] == [
        "digest_issues gauge",
        "digest_turns gauge",
        "digest_batches gauge",
        "digest_batch_readers gauge",
        "digest_attempts_total counter",
        "digest_queue_readers gauge",
        "digest_in_doubt_readers gauge",
        "digest_events gauge",
        "digest_events_set_aside gauge",
        "digest_subscriptions gauge",
        "digest_consents_total counter",
        "digest_signups_stopped_total counter",
        "digest_signups_let_in_total counter",
        "digest_signups_waiting gauge",
        "digest_letters gauge",
        "digest_tick_age_seconds gauge",
        "digest_tick_ok gauge",
        "digest_webhook_messages gauge",
        "digest_hold gauge",
        "digest_spool_bytes gauge",
        "digest_webhook_turned_away gauge",
        "digest_webhook_rejected_total counter",
        "process_cpu_seconds_total counter",
        "process_resident_memory_bytes gauge",
        "process_open_fds gauge",
    ]
    assert "# HELP digest_attempts_total Requests to the provider by outcome." in lines
    assert [line for line in lines if "_created" in line] == []


def test_subscriptions_are_counted_by_standing_whatever_their_newsletter(app: App) -> None:
    with app.database.write() as session:
        for name in ("ana", "bo"):
            reader = store.add(session, parse(f"{name}@example.com"), now=NOW)
            for newsletter in ("weekly", "monthly"):
                store.join(session, reader, newsletter, Standing.CONFIRMED, NOW, source="form")
        store.join(session, reader, "daily", Standing.PENDING, NOW, source="form")
    counted = numbers(ask(app, "/metrics"))
    assert counted['digest_subscriptions{standing="confirmed"}'] == 4
    assert counted['digest_subscriptions{standing="pending"}'] == 1


def test_a_sign_up_that_was_let_in_is_not_counted_among_those_stopped(app: App) -> None:
    with app.database.write() as session:
        for reason, count in ((LET_IN, 5), ("network", 2)):
            session.add(StoppedSignups(day="2026-11-24", reason=reason, count=count))
    lines = ask(app, "/metrics").text.splitlines()
    stopped = [line for line in lines if line.startswith("digest_signups_stopped_total{")]
    assert stopped == ['digest_signups_stopped_total{reason="network"} 2.0']
    assert "digest_signups_let_in_total 5.0" in lines
