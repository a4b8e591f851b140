"""Known secrets: a missing secret is noticed before anything is sent or hashed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlmodel import col, select

from digest.db import Database
from digest.delivery.known_secrets import SecretGone, give_up, missing_secrets, require_all
from digest.delivery.models import KnownSecret
from subscribers.tokens import mark_of

FIRST, SECOND, THIRD = (mark_of(f"{name} secret, long enough for tests") for name in "abc")


def known(database: Database) -> set[str]:
    with database.read() as session:
        return set(session.exec(select(KnownSecret.mark)).all())


def message(database: Database, *marks: str) -> str | None:
    with database.read() as session:
        return missing_secrets(session, marks)


def test_the_first_start_notes_every_secret_at_hand(database: Database, now: datetime) -> None:
    require_all(database, [SECOND, FIRST], now)
    assert known(database) == {FIRST, SECOND}


def test_asking_again_changes_nothing(database: Database, now: datetime) -> None:
    require_all(database, [FIRST], now)
    require_all(database, [FIRST], now + timedelta(days=9))
    with database.read() as session:
        assert session.exec(select(KnownSecret.since)).all() == [now]


def test_a_secret_that_was_replaced_and_dropped_is_noticed(
    database: Database, now: datetime
) -> None:
    require_all(database, [FIRST], now)
    with pytest.raises(SecretGone, match="used since 2026-11-24") as refused:
        require_all(database, [SECOND], now)
    assert "DIGEST_OLD_SECRETS" in (refused.value.next_step or "")
    assert "DIGEST_LEAKED_SECRETS" in (refused.value.next_step or "")
    assert known(database) == {FIRST}, "what is refused is not taken for known"


def test_every_secret_there_ever_was_has_to_stay(database: Database, now: datetime) -> None:
    for marks in ([FIRST], [SECOND, FIRST], [THIRD, SECOND, FIRST]):
        require_all(database, marks, now)
    assert message(database, THIRD, FIRST) is not None
    assert message(database, THIRD, FIRST, SECOND) is None


def test_a_secret_listed_by_mistake_may_go_again(database: Database, now: datetime) -> None:
    require_all(database, [FIRST], now)
    require_all(database, [FIRST, THIRD], now)
    assert message(database, FIRST) is None


def test_a_person_may_give_up_what_is_gone_for_good(database: Database, now: datetime) -> None:
    require_all(database, [FIRST], now)
    assert give_up(database, [SECOND], by="Ann", why="the disk is dead", now=now) == 1
    require_all(database, [SECOND], now)
    with database.read() as session:
        row = session.exec(select(KnownSecret).where(col(KnownSecret.mark) == FIRST)).one()
    assert (row.given_up_by, row.given_up_why, row.given_up_at) == ("Ann", "the disk is dead", now)


def test_a_secret_that_was_given_up_and_is_used_again_counts_again(
    database: Database, now: datetime
) -> None:
    require_all(database, [FIRST], now)
    give_up(database, [SECOND], by="Ann", why="lost", now=now)
    require_all(database, [FIRST, SECOND], now)
    assert message(database, SECOND) is not None


def test_I10_a_mark_tells_nothing_of_its_secret() -> None:
    secret = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    assert len(mark_of(secret)) == 32
    assert mark_of(secret) != secret
    assert mark_of(secret) != mark_of(secret + "1")
