"""Settlement while the database is away, as in a restart or failover of PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import URL, create_engine, text

from digest.db import Database
from digest.delivery.sending.dispatcher import dispatch
from digest.delivery.sending.worker_processes import StopSignal
from digest.mail.mailing import Mailing
from digest.mail.memory import MemoryTransport
from digest.mail.transport import Accepted, Answer
from digest.migrations.all_tables import METADATA
from tests.delivery.conftest import MakeReaders, MakeSending
from tests.delivery.fake_sleep import InstantWaits
from tests.postgres import own_database

READERS = 9
TRIES = 12  #: of writing an answer down, before the database is back

pytestmark = pytest.mark.postgres


@pytest.fixture
def url(postgres: URL) -> Iterator[URL]:
    with own_database(postgres) as found:
        yield found


@pytest.fixture
def database(url: URL) -> Iterator[Database]:
    """A store whose server can be told to refuse it."""
    found = Database(url.render_as_string(hide_password=False))
    METADATA.create_all(found.engine)
    yield found
    found.close()


@pytest.fixture
def let_in(postgres: URL, url: URL) -> Callable[[bool], None]:
    """Return a function that ends every connection and refuses new ones, or lets them in again."""

    def act(welcome: bool) -> None:
        engine = create_engine(postgres, isolation_level="AUTOCOMMIT")
        with engine.connect() as other:
            other.execute(text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS {welcome}"))
            ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
            other.execute(text(ending), {"name": url.database})
        engine.dispose()

    return act


@pytest.mark.parametrize("at", [1, 3])
def test_D05_an_answer_read_while_the_database_was_away_is_written_when_it_is_back(
    make_readers: MakeReaders,
    make_sending: MakeSending,
    let_in: Callable[[bool], None],
    at: int,
) -> None:
    make_readers(READERS)
    stop_event = InstantWaits()

    def go_away(_mailing: Mailing) -> Answer:
        if len(transport.accepted) == at - 1:
            let_in(False)
        return Accepted()

    def come_back() -> None:
        if len(stop_event.waits) == TRIES:
            let_in(True)

    transport = MemoryTransport(answer=go_away)
    stop_event.meanwhile = come_back
    counts = dispatch(
        make_sending(transport), concurrency=1, stop_signal=StopSignal(stopping=stop_event)
    )
    assert (counts.accepted, counts.in_doubt, counts.pending) == (READERS, 0, 0)
    assert len(transport.addresses()) == len(set(transport.addresses())) == READERS


def test_D05_a_start_the_database_went_away_in_is_unsent(
    make_readers: MakeReaders, make_sending: MakeSending, let_in: Callable[[bool], None]
) -> None:
    make_readers(READERS)
    stop_event, transport, gone = InstantWaits(), MemoryTransport(), list[str]()

    def come_back() -> None:
        if len(stop_event.waits) == TRIES:
            let_in(True)

    def go_away(name: str) -> None:
        if name == "claimed" and not gone:
            gone.append(name)
            let_in(False)

    stop_event.meanwhile = come_back
    sending = replace(make_sending(transport), step=go_away)
    counts = dispatch(sending, concurrency=1, stop_signal=StopSignal(stopping=stop_event))
    assert (counts.accepted, counts.in_doubt, counts.pending) == (READERS, 0, 0)
    assert len(transport.addresses()) == len(set(transport.addresses())) == READERS
