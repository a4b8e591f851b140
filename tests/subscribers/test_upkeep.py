from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from subscribers import ledger, letters, store, upkeep
from subscribers.models import ConsentAct, LetterKind, Standing
from subscribers.store import Evidence
from tests.subscribers.conftest import NEWSLETTER, MakeReader


def count(session: Session, table: str) -> int:
    found: int = session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608
    return found


def test_sign_ups_nobody_confirmed_are_forgotten_with_the_address(
    session: Session, make_reader: MakeReader, now: datetime
) -> None:
    make_reader(session, standing=Standing.PENDING)
    assert upkeep.purge(session, now + timedelta(days=8)).pending == 1
    assert store.find(session, "reader@example.com") is None


def test_a_sign_up_that_may_still_be_confirmed_stays(
    session: Session, make_reader: MakeReader, now: datetime
) -> None:
    make_reader(session, standing=Standing.PENDING)
    assert upkeep.purge(session, now + timedelta(days=6)).pending == 0


def test_one_that_was_asked_for_again_stays(
    session: Session, make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(session, standing=Standing.PENDING)
    later = now + timedelta(days=6)
    letters.ask(session, reader, NEWSLETTER, LetterKind.CONFIRM, later)
    assert upkeep.purge(session, now + timedelta(days=8)).pending == 0


def test_readers_and_those_who_left_stay(
    session: Session, make_reader: MakeReader, now: datetime
) -> None:
    make_reader(session, "a@example.com")
    make_reader(session, "b@example.com", Standing.UNSUBSCRIBED)
    upkeep.purge(session, now + timedelta(days=400))
    assert count(session, "subscriber") == 2


def test_network_addresses_go_and_the_ledger_stays(
    session: Session, make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(session)
    evidence = Evidence(channel="form", network="192.0.2.0/24")
    ledger.record(session, reader, NEWSLETTER, ConsentAct.ASKED, evidence, now)
    assert ledger.entries(session, reader)[-1]["network"] == "192.0.2.0/24"
    assert upkeep.purge(session, now + timedelta(days=91)).networks == 1
    assert ledger.entries(session, reader)[-1]["network"] is None
    assert count(session, "consent") == 3


def test_the_evidence_of_who_is_gone_is_kept_for_three_years(
    session: Session, make_reader: MakeReader, now: datetime
) -> None:
    make_reader(session, "left@example.com", Standing.UNSUBSCRIBED)
    assert upkeep.purge(session, now + timedelta(days=1_000)).evidence == 0
    assert upkeep.purge(session, now + timedelta(days=1_100)).evidence == 2


def test_the_evidence_of_a_reader_is_kept_for_good(
    session: Session, make_reader: MakeReader, now: datetime
) -> None:
    make_reader(session)
    assert upkeep.purge(session, now + timedelta(days=9_000)).evidence == 0
    assert count(session, "consent") == 2
