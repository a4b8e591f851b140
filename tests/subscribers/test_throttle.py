from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from subscribers import throttle
from subscribers.address import parse
from subscribers.throttle import Limit, Limits, Stop, Weighed
from subscribers.tokens import Hashes


def ask(word: str, network: str = "192.0.2.0/24") -> Weighed:
    return Weighed(parse(f"{word}@example.com"), network)


def weigh(
    session: Session, hashes: Hashes, now: datetime, *asks: Weighed, limits: Limits | None = None
) -> list[Stop | None]:
    return throttle.weigh(session, asks, limits or Limits(), hashes, now)


def test_an_address_rests_for_an_hour(session: Session, hashes: Hashes, now: datetime) -> None:
    assert weigh(session, hashes, now, ask("a")) == [None]
    almost = now + timedelta(minutes=59, seconds=59)
    assert weigh(session, hashes, almost, ask("a")) == [Stop.ADDRESS]
    assert weigh(session, hashes, now + timedelta(hours=1), ask("a")) == [None]


def test_an_address_gets_three_letters_a_day(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    hours = [now + timedelta(hours=n) for n in range(25)]
    stops = [weigh(session, hashes, hour, ask("a"))[0] for hour in hours]
    assert [n for n, stop in enumerate(stops) if stop is None] == [0, 1, 2, 24]


def test_two_of_one_address_in_one_go_are_told_apart(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    assert weigh(session, hashes, now, ask("a"), ask("a"), ask("b")) == [None, Stop.ADDRESS, None]


def test_a_network_that_asks_for_one_victim_again_and_again_is_stopped_itself(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    limits = Limits(network=Limit(5, 3600))
    stops = [weigh(session, hashes, now, ask("a"), limits=limits)[0] for _ in range(8)]
    assert Counter(stops) == {None: 1, Stop.ADDRESS: 4, Stop.NETWORK: 3}


def test_another_network_is_not_held_to_account(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    limits = Limits(network=Limit(1, 3600))
    found = weigh(session, hashes, now, ask("a"), ask("b", "198.51.100.0/24"), limits=limits)
    assert found == [None, None]


def test_what_is_kept_names_nobody(session: Session, hashes: Hashes, now: datetime) -> None:
    weigh(session, hashes, now, ask("reader"))
    rows = str(session.execute(text("SELECT * FROM throttle")).all())
    assert "reader" not in rows
    assert "192.0.2" not in rows


def test_counts_that_do_not_matter_any_more_are_forgotten(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    weigh(session, hashes, now, ask("a"))
    throttle.purge(session, now + timedelta(days=2))
    assert session.execute(text("SELECT count(*) FROM throttle")).scalar_one() == 0


def test_stops_are_counted_by_the_day(session: Session, now: datetime) -> None:
    throttle.note(session, Counter({Stop.TRAP: 2, None: 3}), now)
    throttle.note(session, Counter({Stop.TRAP: 1}), now)
    throttle.note(session, Counter({Stop.TRAP: 1}), now + timedelta(days=1))
    rows = session.execute(text("SELECT day, reason, count FROM stopped ORDER BY day, reason"))
    assert [tuple(row) for row in rows] == [
        ("2026-11-24", "let in", 3),
        ("2026-11-24", "trap", 3),
        ("2026-11-25", "trap", 1),
    ]
