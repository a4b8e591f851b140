"""Processing of sign-up requests: rows, letters, repeated requests and suppressions."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from sqlmodel import col

from digest.db import Database
from subscribers import consent, lifecycle, store, suppression
from subscribers.abuse_prevention.rate_limits import RateLimits
from subscribers.address.syntax import parse
from subscribers.models import (
    ConsentNetwork,
    RecordedSignup,
    Standing,
    SuppressionReason,
    Wording,
)
from subscribers.signup import processing
from subscribers.signup.processing import ProcessedSignups
from subscribers.signup.requests import SignupRequest, record_requests
from subscribers.tokens import Hashes
from tests.subscribers.conftest import NEWSLETTER, MakeReader

WORDING = "Send me the weekly mail."


def asks(address: str, **parts: Any) -> SignupRequest:
    given: dict[str, Any] = {
        "address": parse(address),
        "newsletter": NEWSLETTER,
        "form": "page",
        "wording": WORDING,
        "language": "en",
        "network": "192.0.2.0/24",
        **parts,
    }
    return SignupRequest(**given)


def sign_up(
    session: Session, hashes: Hashes, now: datetime, *wishes: SignupRequest
) -> ProcessedSignups:
    record_requests(session, wishes, limits=RateLimits(), hashes=hashes, now=now)
    return processing.process_oldest(session, hashes)


def letters(session: Session) -> list[tuple[str, str, str, str]]:
    rows = session.execute(
        text(
            "SELECT s.address, l.newsletter, l.kind, l.state FROM letter_to_send l"
            " JOIN subscriber s ON s.id = l.subscriber_id ORDER BY l.id"
        )
    )
    return [tuple(row) for row in rows]


def test_a_recorded_moment_is_stored_as_every_other(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    """The driver writes it without the toolkit's types; SQLite compares moments as texts."""
    record_requests(session, [asks("a@example.com")], limits=RateLimits(), hashes=hashes, now=now)
    same = select(col(RecordedSignup.id)).where(col(RecordedSignup.at) == now)

    assert session.execute(same).scalar_one()


def test_everything_a_sign_up_says_is_written(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    request = asks("Ann@Example.com", form="frame", language="de", seen_from="192.0.2.0/24")
    assert sign_up(session, hashes, now, request) == ProcessedSignups(processed=1, letters=1)
    reader = store.find(session, "ann@example.com")
    assert reader is not None
    assert (reader.address, reader.language) == ("Ann@Example.com", "de")
    assert (reader.suppressed, reader.created_at) == (None, now)
    place = store.standing_with(session, reader.id, NEWSLETTER)
    assert place is not None
    assert (place.standing, place.source, place.since) == (Standing.PENDING, "frame", now)
    (entry,) = consent.entries(session, reader.id)
    assert entry["wording"] == WORDING
    assert (entry["act"], entry["channel"], entry["form"]) == ("asked", "form", "frame")
    assert (entry["language"], entry["at"]) == ("de", now)
    assert entry["network"] == "192.0.2.0/24"
    assert letters(session) == [("Ann@Example.com", NEWSLETTER, "confirm", "waiting")]


def test_those_that_come_together_are_kept_apart(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    wishes = [
        asks("ann@example.com"),
        asks("bob@example.com", wording="Schickt mir die Mail.", language="de"),
        asks("cid@example.com", newsletter="monthly", wording="Another promise."),
    ]
    assert sign_up(session, hashes, now, *wishes) == ProcessedSignups(processed=3, letters=3)
    consents = {}
    for address in ("ann", "bob", "cid"):
        reader = store.find(session, f"{address}@example.com")
        assert reader is not None
        (entry,) = consent.entries(session, reader.id)
        consents[address] = (entry["newsletter"], entry["wording"], entry["network"])
    assert consents == {
        "ann": (NEWSLETTER, WORDING, None),
        "bob": (NEWSLETTER, "Schickt mir die Mail.", None),
        "cid": ("monthly", "Another promise.", None),
    }


def test_one_who_asks_for_two_newsletters_is_one_reader(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    sign_up(session, hashes, now, asks("Ann@example.com"))
    later = now + timedelta(hours=2)
    sign_up(session, hashes, later, asks("ann@example.com", newsletter="monthly"))
    queued = [(address, newsletter) for address, newsletter, _, _ in letters(session)]
    assert queued == [("Ann@example.com", NEWSLETTER), ("Ann@example.com", "monthly")]


def test_one_who_asks_too_soon_again_gets_nothing_more(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    wishes = [asks("ann@example.com"), asks("ANN@example.com")]
    record_requests(session, wishes, limits=RateLimits(), hashes=hashes, now=now)
    assert processing.process_oldest(session, hashes) == ProcessedSignups(processed=2, letters=1)
    assert processing.process_oldest(session, hashes) == ProcessedSignups(processed=0, letters=0)
    assert len(letters(session)) == 1


@pytest.mark.parametrize(
    ("standing", "kind"),
    [
        (Standing.PENDING, "confirm"),
        (Standing.CONFIRMED, "already"),
        (Standing.PAUSED, "already"),
        (Standing.UNSUBSCRIBED, "confirm"),
    ],
)
def test_a_known_reader_keeps_the_standing_and_gets_the_letter_for_it(
    session: Session,
    hashes: Hashes,
    make_reader: MakeReader,
    now: datetime,
    standing: Standing,
    kind: str,
) -> None:
    number = make_reader(session, "ann@example.com", standing)
    sign_up(session, hashes, now, asks("ann@example.com"))
    place = store.standing_with(session, number, NEWSLETTER)
    assert place is not None
    assert (place.standing, place.source) == (standing, "form")
    assert letters(session) == [("ann@example.com", NEWSLETTER, kind, "waiting")]


@pytest.mark.parametrize(
    ("reason", "days", "state"),
    [
        (SuppressionReason.COMPLAINT, 900, "withheld"),
        (SuppressionReason.MANUAL, 900, "withheld"),
        (SuppressionReason.HARD_BOUNCE, 29, "withheld"),
        (SuppressionReason.HARD_BOUNCE, 31, "waiting"),
        (SuppressionReason.ERASED, 0, "waiting"),
    ],
)
def test_a_suppressed_address_is_known_again_and_the_others_are_none_the_worse(
    session: Session,
    hashes: Hashes,
    now: datetime,
    reason: SuppressionReason,
    days: int,
    state: str,
) -> None:
    before = now - timedelta(days=days)
    suppression.suppress(session, "ann@example.com", reason, hashes, before)
    taken = sign_up(session, hashes, now, asks("bob@example.com"), asks("ann@example.com"))
    assert taken == ProcessedSignups(processed=2, letters=2 if state == "waiting" else 1)
    queued = {address: held for address, _, _, held in letters(session)}
    assert queued == {"bob@example.com": "waiting", "ann@example.com": state}
    reader, other = (store.find(session, f"{name}@example.com") for name in ("ann", "bob"))
    assert reader is not None
    assert other is not None
    assert (reader.suppressed, other.suppressed) == (reason.value, None)


def test_more_than_fit_a_transaction_are_processed_in_order(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    many = processing.MAX_SIGNUPS + 3
    for part in range(0, many, 50):
        wishes = [
            asks(f"reader{n}@example{n}.com", network=f"10.0.{n}.0/24")
            for n in range(part, min(part + 50, many))
        ]
        record_requests(session, wishes, limits=RateLimits(), hashes=hashes, now=now)
    first, rest = (
        processing.process_oldest(session, hashes),
        processing.process_oldest(session, hashes),
    )
    assert (first, rest) == (
        ProcessedSignups(processing.MAX_SIGNUPS, processing.MAX_SIGNUPS),
        ProcessedSignups(3, 3),
    )
    assert [address for address, *_ in letters(session)] == [
        f"reader{n}@example{n}.com" for n in range(many)
    ]


def test_one_erased_comes_back_as_somebody_new(
    session: Session, hashes: Hashes, make_reader: MakeReader, now: datetime
) -> None:
    old = make_reader(session, "ann@example.com")
    lifecycle.erase(session, old, store.Evidence(channel="page"), hashes, now)
    sign_up(session, hashes, now, asks("ann@example.com"))
    reader = store.find(session, "ann@example.com")
    assert reader is not None
    assert reader.id > old
    assert [entry["act"] for entry in consent.entries(session, reader.id)] == ["asked"]


ASKED = "12 3=ship"


def only_asks(address: str, **parts: Any) -> SignupRequest:
    return asks(address, wording="", asks_for=ASKED, joins=False, **parts)


def asked_letters(session: Session) -> list[tuple[str, str]]:
    rows = session.execute(text("SELECT kind, asks_for FROM letter_to_send ORDER BY id"))
    return [tuple(row) for row in rows]


def test_one_who_asks_for_a_link_alone_joins_nothing(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    request = only_asks("ann@example.com", seen_from="192.0.2.0/24")
    assert sign_up(session, hashes, now, request) == ProcessedSignups(processed=1, letters=1)
    reader = store.find(session, "ann@example.com")
    assert reader is not None
    assert store.all_standings(session, reader.id) == []
    assert consent.entries(session, reader.id) == []
    assert asked_letters(session) == [("vote", ASKED)]
    for model in (ConsentNetwork, Wording, RecordedSignup):
        assert session.execute(select(model)).all() == []


def test_one_who_asks_for_a_link_and_the_newsletter_gets_one_letter_for_both(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    request = asks("ann@example.com", asks_for=ASKED)
    assert sign_up(session, hashes, now, request) == ProcessedSignups(processed=1, letters=1)
    reader = store.find(session, "ann@example.com")
    assert reader is not None
    place = store.standing_with(session, reader.id, NEWSLETTER)
    assert place is not None
    assert place.standing is Standing.PENDING
    (entry,) = consent.entries(session, reader.id)
    assert (entry["act"], entry["wording"]) == ("asked", WORDING)
    assert asked_letters(session) == [("vote", ASKED)]


@pytest.mark.parametrize("joins", [True, False])
@pytest.mark.parametrize("standing", list(Standing))
def test_a_known_reader_who_asks_for_a_link_keeps_the_standing(
    session: Session,
    hashes: Hashes,
    make_reader: MakeReader,
    now: datetime,
    standing: Standing,
    joins: bool,
) -> None:
    number = make_reader(session, "ann@example.com", standing)
    sign_up(session, hashes, now, asks("ann@example.com", asks_for=ASKED, joins=joins))
    place = store.standing_with(session, number, NEWSLETTER)
    assert place is not None
    assert place.standing is standing
    assert asked_letters(session) == [("vote", ASKED)]


def test_letters_with_a_link_count_with_those_that_confirm(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    for hours in range(0, 8, 2):
        request = asks if hours % 4 else only_asks
        sign_up(session, hashes, now + timedelta(hours=hours), request("ann@example.com"))
    assert [kind for kind, _ in asked_letters(session)] == ["vote", "confirm", "vote"]


def test_an_address_that_must_not_be_mailed_is_not_asked_to_vote_either(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    suppression.suppress(session, "ann@example.com", SuppressionReason.COMPLAINT, hashes, now)
    assert sign_up(session, hashes, now, only_asks("ann@example.com")).letters == 0
    assert [state for *_, state in letters(session)] == ["withheld"]


@pytest.mark.parametrize("parts", [{"joins": False}, {"asks_for": "x" * 401}])
def test_a_request_that_no_letter_can_answer_is_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="asks for"):
        asks("ann@example.com", **parts)


def waits_for_a_lock(session: Session) -> bool:
    count = session.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
    return bool(count.scalar_one())


@pytest.mark.postgres
def test_two_processes_at_once_write_no_letter_more(
    postgres_database: Database, hashes: Hashes, now: datetime
) -> None:
    def request() -> None:
        with postgres_database.write() as asking:
            record_requests(
                asking, [asks("ann@example.com")], limits=RateLimits(), hashes=hashes, now=now
            )

    request()
    with ThreadPoolExecutor(1) as pool:
        with postgres_database.write() as first:
            assert processing.process_oldest(first, hashes) == ProcessedSignups(
                processed=1, letters=1
            )
            request()
            second = pool.submit(processing.process_all, postgres_database, hashes)
            with postgres_database.read() as watching:
                deadline = time.monotonic() + 10
                while not waits_for_a_lock(watching) and time.monotonic() < deadline:
                    watching.rollback()
        assert second.result(10) == 1
    with postgres_database.read() as session:
        assert len(letters(session)) == 1
