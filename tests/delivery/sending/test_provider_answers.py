"""Provider answers over real sockets, from accepted to garbage (fault matrix, B)."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from digest.db import Database
from digest.delivery.counts import DeliveryCounts
from digest.delivery.events.event_handler import handle_events
from digest.delivery.models import Attempt, Batch, Delivery, DeliveryOutcome
from digest.delivery.reporting.status import issue_status
from digest.delivery.sending import control
from digest.delivery.sending.batch_worker import EditionSend
from digest.delivery.sending.dispatcher import dispatch
from digest.delivery.sending.settlement import RetryPolicy
from digest.delivery.sending.worker_processes import StopSignal
from digest.fake_sendgrid import RunningFake, running_fake
from digest.issues.models import Edition, Issue, IssueState
from digest.mail.sendgrid.sendgrid_transport import SendGrid
from digest.mail.sendgrid.webhook import parse
from subscribers import lifecycle, store
from subscribers.address.syntax import parse as parse_address
from subscribers.models import Standing, Subscriber
from subscribers.store import Evidence
from subscribers.tokens import Hashes
from tests.conftest import NOW
from tests.delivery.conftest import SECRET, MakeReaders, MakeSending
from tests.delivery.fake_sleep import InstantWaits
from tests.delivery.sending.test_dispatcher import state
from tests.delivery.untrusted_server import serving_tls
from tests.fake_sendgrid.webhook_receiver import running_webhook

READERS = 6
BATCHES = 2
KEY = "a-key-that-must-not-be-shown"


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


@pytest.fixture(scope="module")
def shared_fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFake]:
    with running_fake(
        tmp_path_factory.mktemp("fake"), hold_events=True, shares={"all": 0.0}
    ) as fake:
        yield fake


@pytest.fixture
def fake(shared_fake: RunningFake) -> RunningFake:
    """The fake SendGrid, reset and without faults."""
    shared_fake.reset()
    return shared_fake


@dataclass
class FakeSend:
    """A send to the fake SendGrid."""

    fake: RunningFake
    database: Database
    sending: EditionSend
    stop_event: InstantWaits = field(default_factory=InstantWaits)
    ahead: timedelta = timedelta(0)

    def send(self, *faults: dict[str, Any], **more: Any) -> DeliveryCounts:
        """Send with these faults, with one sender; the clock advances with each wait."""
        if faults:
            self.fake.set_faults(list(faults))
        self.sending = replace(self.sending, clock=self.clock, **more)
        counts = dispatch(
            self.sending, concurrency=1, stop_signal=StopSignal(stopping=self.stop_event)
        )
        assert counts.balances
        assert self.fake.counts()["duplicates"] == 0
        return counts

    def clock(self) -> datetime:
        return NOW + self.ahead + timedelta(seconds=sum(self.stop_event.waits))

    def problems(self) -> list[str]:
        """Return the problems of the status, with the next steps."""
        with self.database.read() as session:
            issue, edition = session.exec(select(Issue)).one(), session.exec(select(Edition)).one()
            return [
                f"{p.what} -> {p.next_step}"
                for p in issue_status(session, issue, edition, self.clock()).problems
            ]

    def state(self) -> IssueState:
        return state(self.database, self.sending.edition_id)

    def sends(self) -> int:
        count: int = self.fake.arrived()["sends"]
        return count

    def reasons(self) -> list[str | None]:
        with self.database.read() as session:
            rows = session.exec(
                select(Delivery.reason).where(Delivery.outcome == DeliveryOutcome.REFUSED)
            )
            return list(rows)


MakeLine = Callable[..., FakeSend]


@pytest.fixture
def make_send(
    database: Database, fake: RunningFake, make_readers: MakeReaders, make_sending: MakeSending
) -> MakeLine:
    """Return a function that prepares a send to the fake SendGrid for some readers."""

    def make(
        readers: int = READERS, *, batch_size: int = 3, seconds: float = 20.0, url: str = ""
    ) -> FakeSend:
        if readers:
            make_readers(readers)
        transport = SendGrid(api_key=KEY, url=url or fake.url, seconds=seconds)
        return FakeSend(fake, database, make_sending(transport, batch_size=batch_size))

    return make


def parts(counts: DeliveryCounts) -> tuple[int, int, int, int]:
    return counts.accepted, counts.refused, counts.pending, counts.in_doubt


@pytest.mark.parametrize(
    "fault", [{"do": "twice"}, {"do": "no-id"}, {"do": "with-body"}, {"do": "cut-body"}],
    ids=lambda fault: fault["do"],
)  # fmt: skip
def test_B01_a_202_is_accepted_whatever_comes_with_it(
    make_send: MakeLine, fault: dict[str, Any]
) -> None:
    fake_send = make_send()
    assert parts(fake_send.send(fault)) == (READERS, 0, 0, 0)
    assert fake_send.fake.counts()["addresses"] == READERS


def test_B02_sandbox_mode_stops_the_issue_and_says_so(make_send: MakeLine) -> None:
    fake_send = make_send()
    assert parts(fake_send.send({"do": "status", "status": 200})) == (0, 0, READERS, 0)
    assert (fake_send.sends(), fake_send.state()) == (1, IssueState.PAUSED)
    [problem] = fake_send.problems()
    assert "sandbox mode" in problem
    assert "digest resume 1" in problem


def test_B03_one_named_among_a_thousand_is_set_aside_and_the_rest_go_once(
    make_send: MakeLine,
) -> None:
    fake_send = make_send(1000, batch_size=1000)
    bad = "confirmed-free-437@example.org"
    fake_send.fake.set_faults({"addresses": {"listed": [bad]}})
    assert parts(fake_send.send()) == (999, 1, 0, 0)
    assert fake_send.sends() == 2
    assert fake_send.reasons() == ["Does not contain a valid address."]
    assert bad not in str(fake_send.problems())


def test_B03_many_named_one_at_a_time_are_bounded(make_send: MakeLine) -> None:
    fake_send = make_send(60, batch_size=60)
    fake_send.fake.set_faults({"addresses": {"containing": "free", "named": "first"}})
    counts = fake_send.send()
    bound = RetryPolicy().most_rounds
    assert (fake_send.sends(), counts.refused, counts.parked) == (bound, bound, 60 - bound)
    assert "digest resume 1" in fake_send.problems()[0]


@pytest.mark.parametrize(
    "shape", [{}, {"html": True}, {"size": 2_000_000}], ids=["nothing", "html", "2 MB"]
)
def test_B04_a_refusal_that_names_nobody_costs_a_bounded_number_of_requests(
    make_send: MakeLine, shape: dict[str, Any]
) -> None:
    fake_send = make_send(64, batch_size=64)
    counts = fake_send.send({"do": "refuse", **shape})
    assert (parts(counts), fake_send.state()) == ((0, 0, 64, 0), IssueState.PAUSED)
    assert fake_send.sends() <= 2 * RetryPolicy().most_splits + 1
    assert fake_send.fake.counts()["messages"] == 0


def test_B04_one_unnamed_refusal_refuses_nobody_else(make_send: MakeLine) -> None:
    fake_send = make_send(16, batch_size=16)
    assert parts(fake_send.send({"do": "refuse", "on": 1})) == (16, 0, 0, 0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Reader@Example.org", "reader@example.org"),
        ("reader@münchen.example.org", "reader@xn--mnchen-3ya.example.org"),
        ("reader@example.org.", "reader@example.org"),
    ],
    ids=["case", "IDN", "dot"],
)
def test_B05_two_spellings_of_an_address_are_one_delivery(
    database: Database, make_send: MakeLine, one: str, other: str
) -> None:
    with database.write() as session:
        for address in (one, other):
            reader = store.add(session, parse_address(address), NOW)
            store.join(session, reader, "weekly", Standing.CONFIRMED, NOW, source="")
    fake_send = make_send(0)
    assert parts(fake_send.send()) == (1, 0, 0, 0)
    assert fake_send.fake.counts()["messages"] == 1


@pytest.mark.parametrize("status_code", [401, 403, 404, 451])
@pytest.mark.parametrize("on", [1, 2])
def test_B06_a_refused_key_stops_everything_at_once(
    make_send: MakeLine, status_code: int, on: int, caplog: pytest.LogCaptureFixture
) -> None:
    fake_send = make_send(9)
    counts = fake_send.send({"do": "status", "status": status_code, "first": on})
    before = 3 * (on - 1)
    assert parts(counts) == (before, 0, 9 - before, 0)
    assert (fake_send.sends(), fake_send.state()) == (on, IssueState.PAUSED)
    [problem] = fake_send.problems()
    assert KEY not in problem + caplog.text


def test_B06_after_the_key_is_mended_the_issue_goes_on(make_send: MakeLine) -> None:
    fake_send = make_send()
    fake_send.send({"do": "status", "status": 401, "on": 2})
    resume(fake_send)
    assert parts(fake_send.send()) == (READERS, 0, 0, 0)
    assert fake_send.fake.counts()["addresses"] == READERS


def resume(fake_send: FakeSend) -> None:
    with fake_send.database.write() as session:
        control.resume(session, session.exec(select(Issue)).one(), NOW)


def test_B07_a_request_over_the_cap_is_split_until_it_fits(
    tmp_path: Path, make_send: MakeLine
) -> None:
    with running_fake(tmp_path, body_cap=8_000, hold_events=True) as small:
        fake_send = replace(make_send(40, batch_size=40, url=small.url), fake=small)
        assert parts(fake_send.send()) == (40, 0, 0, 0)
        assert small.arrived()["answers"]["413"] > 1


def test_B07_a_mail_over_the_cap_for_one_reader_stops_the_issue_and_refuses_nobody(
    tmp_path: Path, make_send: MakeLine
) -> None:
    with running_fake(tmp_path, body_cap=100, hold_events=True) as tiny:
        fake_send = replace(make_send(4, batch_size=4, url=tiny.url), fake=tiny)
        assert parts(fake_send.send()) == (0, 0, 4, 0)
        assert fake_send.state() is IssueState.PAUSED
        [problem] = fake_send.problems()
        assert "the mail is too large even for one reader" in problem


@pytest.mark.parametrize("reset", ["soon", "past", "2100", "negative", "text", "missing"])
def test_B08_a_rate_limit_is_waited_out_within_a_bound(make_send: MakeLine, reset: str) -> None:
    fake_send = make_send(3)
    retry_policy = RetryPolicy(jitter=lambda: 1.0)
    counts = fake_send.send(
        {"do": "rate-limit", "reset": reset, "on": [1, 2]}, retry_policy=retry_policy
    )
    assert parts(counts) == (3, 0, 0, 0)
    assert 0 < max(fake_send.stop_event.waits) <= retry_policy.longest_wait * 1.1
    with fake_send.database.read() as session:
        assert session.exec(select(Batch.tries)).one() == 0  # it was no failure


def test_B08_who_leaves_while_the_engine_waits_is_not_mailed(make_send: MakeLine) -> None:
    fake_send = make_send(3)
    with fake_send.database.read() as session:
        first = session.exec(select(Subscriber.id)).first() or 0

    def leave() -> None:
        with fake_send.database.write() as session:
            lifecycle.leave(session, first, "weekly", Evidence(channel="page"), NOW)

    fake_send.stop_event.meanwhile = leave
    counts = fake_send.send({"do": "rate-limit", "on": 1})
    assert (counts.accepted, counts.excluded) == (2, 1)


@pytest.mark.parametrize("accept", [True, False], ids=["taken", "not taken"])
@pytest.mark.parametrize("status_code", [500, 502, 503, 504])
def test_B09_a_5xx_leaves_doubt_and_is_never_sent_again(
    make_send: MakeLine, status_code: int, accept: bool
) -> None:
    fake_send = make_send()
    fault = {"do": "status", "status": status_code, "accept": accept, "html": True, "on": 1}
    assert parts(fake_send.send(fault)) == (3, 0, 0, 3)
    assert parts(fake_send.send()) == (3, 0, 0, 3)
    assert fake_send.sends() == BATCHES
    assert "digest resolve" in fake_send.problems()[0]


ODD: list[tuple[dict[str, Any], str]] = [
    ({"do": "continue"}, "doubt"),
    ({"do": "status", "status": 201}, "doubt"),
    ({"do": "status", "status": 204}, "doubt"),
    ({"do": "status", "status": 301}, "doubt"),
    ({"do": "status", "status": 307}, "doubt"),
    ({"do": "status", "status": 599}, "doubt"),
    ({"do": "http-0.9"}, "doubt"),
    ({"do": "garbage"}, "doubt"),
    ({"do": "status", "status": 404}, "stop"),
    ({"do": "status", "status": 415}, "stop"),
    ({"do": "status", "status": 451}, "stop"),
]


@pytest.mark.parametrize(
    ("fault", "expected"), ODD, ids=[f"{f['do']} {f.get('status', '')}" for f, _ in ODD]
)
def test_B10_other_answers_are_refusals_or_doubts(
    make_send: MakeLine, fault: dict[str, Any], expected: str
) -> None:
    fake_send = make_send(seconds=2.0)
    counts = fake_send.send({**fault, "on": 1})
    assert parts(counts) == ((3, 0, 0, 3) if expected == "doubt" else (0, 0, 6, 0))


@pytest.mark.parametrize("status_code", [301, 302, 303, 307, 308])
def test_B10_a_redirect_is_not_followed_and_takes_no_key_along(
    make_send: MakeLine, status_code: int
) -> None:
    fake_send = make_send(3)
    with running_webhook() as elsewhere:
        headers = {"Location": elsewhere.url}
        counts = fake_send.send({"do": "status", "status": status_code, "headers": headers})
        assert elsewhere.bodies == []
    assert parts(counts) == (0, 0, 0, 3)


def closed_port() -> str:
    with closing(socket.create_server(("127.0.0.1", 0))) as sock:
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


@pytest.mark.parametrize(
    "url", [closed_port(), "http://nowhere.invalid"], ids=["closed port", "no such name"]
)
def test_B11_no_connection_is_tried_again_up_to_a_ceiling_then_parked(
    make_send: MakeLine, url: str
) -> None:
    fake_send = make_send(3, url=url)
    counts = fake_send.send(
        retry_policy=RetryPolicy(first_wait=1.0, most_tries=5, jitter=lambda: 1.0)
    )
    assert (parts(counts), counts.parked) == ((0, 0, 3, 0), 3)
    assert sum(fake_send.stop_event.waits) > 2 + 4 + 8 + 16  # longer each time
    assert "no connection" in fake_send.problems()[0]


def test_B11_a_parked_batch_goes_out_once_the_provider_is_back(
    fake: RunningFake, make_send: MakeLine
) -> None:
    fake_send = make_send(3, url=closed_port())
    fake_send.send(retry_policy=RetryPolicy(most_tries=2, first_wait=0.0))
    fake_send.sending = replace(
        fake_send.sending, transport=SendGrid(api_key=KEY, url=fake.url, seconds=20)
    )
    with fake_send.database.write() as session:
        issue = session.exec(select(Issue)).one()
        assert issue.state is IssueState.PREPARED
    resume(fake_send)
    assert parts(fake_send.send()) == (3, 0, 0, 0)


def test_B11_a_connection_that_is_never_made_ends_in_time(make_send: MakeLine) -> None:
    # A full queue of connections leaves the next one unanswered.
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as full:
        address = full.getsockname()[:2]
        queue = [socket.socket() for _ in range(4)]
        for one in queue:
            one.setblocking(False)
            one.connect_ex(address)
        fake_send = make_send(3, url=f"http://127.0.0.1:{address[1]}", seconds=0.3)
        counts = fake_send.send(retry_policy=RetryPolicy(most_tries=2, first_wait=0.0))
        for one in queue:
            one.close()
    assert (counts.parked, counts.in_doubt) == (3, 0)


def test_B11_a_certificate_that_is_not_trusted_is_no_connection(
    tmp_path: Path, make_send: MakeLine
) -> None:
    with serving_tls(tmp_path, until=datetime.now(UTC) - timedelta(days=1)) as (url, got):
        fake_send = make_send(3, url=url)
        counts = fake_send.send(retry_policy=RetryPolicy(most_tries=2, first_wait=0.0))
    assert (counts.parked, counts.in_doubt) == (3, 0)
    assert got == [b"", b""]  # the key never left
    assert "ertificate" in fake_send.problems()[0]


def test_B12_a_long_request_cut_before_its_end_is_sent_again(make_send: MakeLine) -> None:
    fake_send = make_send(3)
    content = replace(fake_send.sending.content, html="x" * 20_000_000)
    counts = fake_send.send({"do": "cut-request", "at": 100_000, "on": 1}, content=content)
    assert parts(counts) == (3, 0, 0, 0)
    assert fake_send.sends() == 2


def test_B12_a_short_request_that_was_written_whole_leaves_doubt(make_send: MakeLine) -> None:
    fake_send = make_send(3)
    assert parts(fake_send.send({"do": "cut-request", "at": 300})) == (0, 0, 0, 3)
    assert fake_send.fake.counts()["messages"] == 0


@pytest.mark.parametrize(
    "fault",
    [
        {"do": "hang"},
        {"do": "hang", "accept": False},
        {"do": "cut"},
        {"do": "cut", "accept": False},
        {"do": "cut", "reset": True},
        {"do": "cut-answer", "at": 5},
    ],
    ids=["silence", "silence, not taken", "close", "close, not taken", "reset", "half a status"],
)
def test_B13_no_answer_leaves_doubt(make_send: MakeLine, fault: dict[str, Any]) -> None:
    fake_send = make_send(seconds=0.5)
    assert parts(fake_send.send({**fault, "on": 1})) == (3, 0, 0, 3)
    assert parts(fake_send.send()) == (3, 0, 0, 3)


def test_B14_a_dripping_answer_is_ended_by_the_total_deadline(make_send: MakeLine) -> None:
    fake_send = make_send(3, seconds=1.0)
    began = time.monotonic()
    counts = fake_send.send({"do": "drip", "seconds": 0.3})
    assert time.monotonic() - began < 3
    assert parts(counts) == (0, 0, 0, 3)


@pytest.mark.parametrize("fault", ["endless", "many-headers"])
def test_B15_an_answer_without_end_is_read_up_to_a_bound(make_send: MakeLine, fault: str) -> None:
    fake_send = make_send(3)
    began = time.monotonic()
    assert parts(fake_send.send({"do": fault})) == (3, 0, 0, 0)
    assert time.monotonic() - began < 10


def test_B16_B17_each_batch_has_a_fresh_connection(make_send: MakeLine) -> None:
    fake_send = make_send(30)
    assert parts(fake_send.send({"do": "twice"})) == (30, 0, 0, 0)
    arrived = fake_send.fake.arrived()
    assert arrived["connections"] >= arrived["sends"] == 10
    with fake_send.database.read() as session:
        ids = session.exec(select(Attempt.provider_id)).all()
    assert len(set(ids)) == 10  # a stale answer was taken for nobody's


def report_events(fake_send: FakeSend, **shares: float) -> None:
    """Post the events of the fake SendGrid and apply them."""
    with running_webhook() as webhook:
        fake_send.fake.flush_events(to=webhook.url, shares=shares)
        for body in webhook.bodies:
            with fake_send.database.write() as session:
                handle_events(session, parse(body).events, hashes=Hashes([SECRET]), now=NOW)


def test_B18_what_the_provider_drops_is_reported_and_not_sent_again(make_send: MakeLine) -> None:
    fake_send = make_send()
    fake_send.send()
    report_events(fake_send, dropped=1.0)
    counts = fake_send.send()
    assert (counts.accepted, counts.dropped, fake_send.sends()) == (READERS, READERS, BATCHES)


def test_B19_an_accepted_batch_of_which_no_event_comes_is_not_sent_again(
    make_send: MakeLine,
) -> None:
    fake_send = make_send()
    fake_send.send()
    fake_send.ahead = timedelta(days=3)
    counts = fake_send.send()
    assert (counts.accepted, counts.delivered, fake_send.sends()) == (READERS, 0, BATCHES)
