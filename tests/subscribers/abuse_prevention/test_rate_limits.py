"""Rate limits on sign-ups: by address, mailbox and network."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from subscribers.abuse_prevention import rate_limits
from subscribers.abuse_prevention.rate_limits import (
    LimitReason,
    RateLimit,
    RateLimits,
    RequestOrigin,
)
from subscribers.address.syntax import parse
from subscribers.tokens import Hashes


def ask(word: str, network: str = "192.0.2.0/24") -> RequestOrigin:
    return RequestOrigin(parse(f"{word}@example.com"), network)


def check(
    session: Session,
    hashes: Hashes,
    now: datetime,
    *asks: RequestOrigin,
    limits: RateLimits | None = None,
) -> list[LimitReason | None]:
    return rate_limits.check_requests(session, asks, limits or RateLimits(), hashes, now)


def check_addresses(
    session: Session, hashes: Hashes, *asks: tuple[str, datetime], newsletter: str = "weekly"
) -> list[LimitReason | None]:
    asked = [(key, newsletter, moment) for key, moment in asks]
    return rate_limits.check_addresses(session, asked, RateLimits().address, hashes)


def counted(session: Session) -> dict[str, int]:
    return {row[0]: row[1] for row in session.execute(text("SELECT key, count FROM throttle"))}


def test_an_address_rests_for_an_hour(session: Session, hashes: Hashes, now: datetime) -> None:
    assert check_addresses(session, hashes, ("a", now)) == [None]
    almost = now + timedelta(minutes=59, seconds=59)
    assert check_addresses(session, hashes, ("a", almost)) == [LimitReason.ADDRESS]
    assert check_addresses(session, hashes, ("a", now + timedelta(hours=1))) == [None]


def test_an_address_gets_three_letters_a_day(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    asks = [("a", now + timedelta(hours=n)) for n in range(25)]
    stops = check_addresses(session, hashes, *asks)
    assert [n for n, stop in enumerate(stops) if stop is None] == [0, 1, 2, 24]


def test_a_mailbox_gets_eight_letters_in_thirty_days_however_they_are_asked_for(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    let_in = []
    for n in range(34 * 24):
        moment = now + timedelta(hours=n)
        asked = check_addresses(session, hashes, ("a", moment), newsletter=f"n{n % 3}")
        let_in += [n // 24 for stop in asked if stop is None]
        rate_limits.purge(session, moment)
    assert let_in == [0, 0, 0, 1, 1, 1, 2, 2, 30, 30, 30, 31, 31, 31, 32, 32]


def test_each_newsletter_has_a_rest_of_its_own_and_all_share_the_day(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    stops = [
        check_addresses(session, hashes, ("a", now), newsletter=name)[0]
        for name in ("weekly", "weekly", "monthly", "daily", "yearly")
    ]
    assert stops == [None, LimitReason.ADDRESS, None, None, LimitReason.ADDRESS]


def test_a_mailboxs_counts_stand_side_by_side_in_the_index(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    check_addresses(session, hashes, ("a", now))
    check_addresses(session, hashes, ("a", now), newsletter="monthly")
    keys = list(counted(session))
    assert len(keys) == 4
    assert len({key[:32] for key in keys}) == 1


def test_who_has_answered_may_ask_again_within_the_day(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    stops = []
    for _ in range(4):
        stops += check_addresses(session, hashes, ("a", now))
        rate_limits.reset_address(session, "a", "weekly", hashes)
    assert stops == [None, None, None, LimitReason.ADDRESS]


def test_every_spelling_of_a_mailbox_counts_as_that_mailbox(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    spellings = ["ann@gmail.com", "ann+1@gmail.com", "a.n.n@googlemail.com"]
    assert check_addresses(session, hashes, *((spelling, now) for spelling in spellings)) == [
        None,
        LimitReason.ADDRESS,
        LimitReason.ADDRESS,
    ]
    rate_limits.reset_address(session, "a.nn+2@gmail.com", "weekly", hashes)
    assert check_addresses(session, hashes, ("ann@gmail.com", now)) == [None]


def test_two_of_one_address_in_one_go_are_told_apart(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    stops = check_addresses(session, hashes, ("a", now), ("a", now), ("b", now))
    assert stops == [None, LimitReason.ADDRESS, None]


def test_a_network_that_asks_for_one_victim_again_and_again_is_stopped(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    limits = RateLimits(network=RateLimit(5, 3600))
    stops = [check(session, hashes, now, ask("a"), limits=limits)[0] for _ in range(8)]
    assert Counter(stops) == {None: 5, LimitReason.NETWORK: 3}


def test_whether_an_address_was_asked_for_before_changes_nothing_of_an_answer(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    """Neither what is written, row by row, nor what is returned."""
    check_addresses(session, hashes, ("a@example.com", now))
    before = counted(session)
    stops = [check(session, hashes, now, ask(word))[0] for word in ("a", "b", "a")]
    assert stops == [None] * 3
    new = {key: count for key, count in counted(session).items() if key not in before}
    assert sorted(new.values()) == [3, 3, 3]  # the network, all together, the domain
    assert before.items() <= counted(session).items()


def test_another_network_is_not_held_to_account(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    limits = RateLimits(network=RateLimit(1, 3600))
    stops = check(session, hashes, now, ask("a"), ask("b", "198.51.100.0/24"), limits=limits)
    assert stops == [None, None]


def test_what_is_kept_names_nobody(session: Session, hashes: Hashes, now: datetime) -> None:
    check(session, hashes, now, ask("reader"))
    rows = str(session.execute(text("SELECT * FROM throttle")).all())
    assert "reader" not in rows
    assert "192.0.2" not in rows


def test_counts_that_do_not_matter_any_more_are_forgotten(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    check(session, hashes, now, ask("a"))
    rate_limits.purge(session, now + timedelta(days=2))
    assert session.execute(text("SELECT count(*) FROM throttle")).scalar_one() == 0


def test_stops_are_counted_by_the_day(session: Session, now: datetime) -> None:
    rate_limits.note(session, Counter({LimitReason.TRAP: 2, None: 3}), now)
    rate_limits.note(session, Counter({LimitReason.TRAP: 1}), now)
    rate_limits.note(session, Counter({LimitReason.TRAP: 1}), now + timedelta(days=1))
    rows = session.execute(text("SELECT day, reason, count FROM stopped ORDER BY day, reason"))
    assert [tuple(row) for row in rows] == [
        ("2026-11-24", "let in", 3),
        ("2026-11-24", "trap", 3),
        ("2026-11-25", "trap", 1),
    ]
