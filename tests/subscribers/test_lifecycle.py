"""The lifecycle of a subscription: confirm, leave, return, pause and erase."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from subscribers import address_change, consent, lifecycle, store, suppression
from subscribers.abuse_prevention.rate_limits import RateLimits
from subscribers.address.syntax import parse
from subscribers.lifecycle import ConfirmResult
from subscribers.models import ConsentAct, Standing, SuppressionReason
from subscribers.signup import processing, requests
from subscribers.signup.requests import SignupRequest
from subscribers.store import Evidence
from subscribers.tokens import DatedTarget, Hashes
from tests.subscribers.conftest import NEWSLETTER, MakeReader

PAGE = Evidence(channel="page", language="de")


def standing(session: Session, reader: int) -> Standing | None:
    place = store.standing_with(session, reader, NEWSLETTER)
    return place.standing if place else None


def acts(session: Session, reader: int) -> list[ConsentAct]:
    return [entry["act"] for entry in consent.entries(session, reader)]


def confirm(session: Session, reader: int, hashes: Hashes, asked_at: datetime) -> ConfirmResult:
    asked = DatedTarget(reader, NEWSLETTER, asked_at)
    return lifecycle.confirm(session, asked, PAGE, hashes, asked_at)


def test_pressing_the_button_makes_a_subscription(
    session: Session, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    reader = make_reader(session, standing=Standing.PENDING)
    assert confirm(session, reader, hashes, now) is ConfirmResult.DONE
    assert standing(session, reader) is Standing.CONFIRMED
    assert acts(session, reader) == [ConsentAct.ASKED, ConsentAct.CONFIRMED]


def test_G07_confirming_twice_writes_one_entry(
    session: Session, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    reader = make_reader(session, standing=Standing.PENDING)
    first, second = (confirm(session, reader, hashes, now) for _ in range(2))
    assert (first, second) == (ConfirmResult.DONE, ConfirmResult.ALREADY)
    assert len(acts(session, reader)) == 2


def test_G07_an_old_confirmation_brings_nobody_back(
    session: Session, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    reader = make_reader(session, standing=Standing.UNSUBSCRIBED)
    assert confirm(session, reader, hashes, now) is ConfirmResult.LEFT
    assert standing(session, reader) is Standing.UNSUBSCRIBED


def test_who_left_and_asked_again_may_confirm(
    session: Session, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    reader = make_reader(session, standing=Standing.UNSUBSCRIBED)
    assert confirm(session, reader, hashes, now + timedelta(hours=1)) is ConfirmResult.DONE


def test_a_purged_sign_up_cannot_be_confirmed(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    assert confirm(session, 77, hashes, now) is ConfirmResult.GONE


@pytest.mark.parametrize(
    ("reason", "still"),
    [
        (SuppressionReason.ERASED, False),
        (SuppressionReason.HARD_BOUNCE, False),
        (SuppressionReason.COMPLAINT, True),
        (SuppressionReason.MANUAL, True),
    ],
)
def test_a_confirmation_lifts_what_the_answer_disproves(
    session: Session,
    make_reader: MakeReader,
    hashes: Hashes,
    now: datetime,
    reason: SuppressionReason,
    still: bool,
) -> None:
    reader = make_reader(session, standing=Standing.PENDING)
    suppression.suppress(session, "reader@example.com", reason, hashes, now)
    confirm(session, reader, hashes, now)
    record = suppression.find(session, "reader@example.com", hashes)
    assert (record is not None) is still


def test_leaving_twice_writes_one_entry(
    session: Session, make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(session)
    assert lifecycle.leave(session, reader, NEWSLETTER, PAGE, now)
    assert not lifecycle.leave(session, reader, NEWSLETTER, PAGE, now)
    assert acts(session, reader).count(ConsentAct.WITHDRAWN) == 1


def test_who_left_may_come_back_from_the_same_page(
    session: Session, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    reader = make_reader(session)
    lifecycle.leave(session, reader, NEWSLETTER, PAGE, now)
    assert lifecycle.come_back(session, DatedTarget(reader, NEWSLETTER, now), PAGE, hashes, now)
    assert standing(session, reader) is Standing.CONFIRMED


def test_only_the_leaving_that_is_meant_is_taken_back(
    session: Session, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    reader, later = make_reader(session), now + timedelta(minutes=1)
    first = DatedTarget(reader, NEWSLETTER, now)
    lifecycle.leave(session, reader, NEWSLETTER, PAGE, now)
    lifecycle.come_back(session, first, PAGE, hashes, now)
    lifecycle.leave(session, reader, NEWSLETTER, PAGE, later)
    assert not lifecycle.come_back(session, first, PAGE, hashes, later)
    assert standing(session, reader) is Standing.UNSUBSCRIBED


def test_who_leaves_again_with_a_sign_up_under_way_has_left_for_good(
    session: Session, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    reader = make_reader(session)
    times = [now + timedelta(minutes=minute) for minute in range(4)]
    lifecycle.leave(session, reader, NEWSLETTER, PAGE, times[0])
    consent.record(session, reader, NEWSLETTER, ConsentAct.ASKED, PAGE, times[1])
    assert lifecycle.leave(session, reader, NEWSLETTER, PAGE, times[2])
    assert not lifecycle.leave(session, reader, NEWSLETTER, PAGE, times[3])
    asked = DatedTarget(reader, NEWSLETTER, times[1])
    assert lifecycle.confirm(session, asked, PAGE, hashes, times[3]) is ConfirmResult.LEFT
    assert acts(session, reader)[-1] is ConsentAct.WITHDRAWN


@pytest.mark.parametrize(
    "reason", [reason for reason in SuppressionReason if reason not in suppression.REJOINABLE]
)
def test_nobody_confirms_or_comes_back_at_an_address_that_must_not_be_mailed(
    session: Session,
    make_reader: MakeReader,
    hashes: Hashes,
    now: datetime,
    reason: SuppressionReason,
) -> None:
    pending = make_reader(session, "a@example.com", Standing.PENDING)
    left = make_reader(session, "b@example.com", Standing.UNSUBSCRIBED)
    for address in ("a@example.com", "b@example.com"):
        suppression.suppress(session, address, reason, hashes, now)
    asked = DatedTarget(pending, NEWSLETTER, now)
    assert lifecycle.confirm(session, asked, PAGE, hashes, now) is ConfirmResult.BARRED
    assert standing(session, pending) is Standing.PENDING
    assert not lifecycle.come_back(session, DatedTarget(left, NEWSLETTER, now), PAGE, hashes, now)
    assert standing(session, left) is Standing.UNSUBSCRIBED


def test_who_never_confirmed_does_not_come_back_as_a_reader(
    session: Session, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    reader = make_reader(session, standing=Standing.PENDING)
    lifecycle.leave(session, reader, NEWSLETTER, PAGE, now)
    assert not lifecycle.come_back(session, DatedTarget(reader, NEWSLETTER, now), PAGE, hashes, now)
    assert standing(session, reader) is Standing.UNSUBSCRIBED


def test_a_pause_may_be_ended_early(
    session: Session, make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(session)
    assert lifecycle.pause(session, reader, NEWSLETTER, now + timedelta(days=30), now)
    assert lifecycle.resume(session, reader, NEWSLETTER, now)
    assert standing(session, reader) is Standing.CONFIRMED


def test_who_left_cannot_be_paused_back_in(
    session: Session, make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(session, standing=Standing.UNSUBSCRIBED)
    assert not lifecycle.pause(session, reader, NEWSLETTER, now + timedelta(days=30), now)


def test_G03_erasing_leaves_the_consent_entries_and_a_hash_and_nothing_else(
    session: Session, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    key, network = "reader@example.com", "192.0.2.77"
    reader, friend = make_reader(session), make_reader(session, "friend@example.com")
    seen = Evidence(channel="page", network=network)
    consent.record(session, reader, NEWSLETTER, ConsentAct.ASKED, seen, now)
    address_change.request_change(session, friend, NEWSLETTER, parse(key), hashes, now)
    request = SignupRequest(
        address=parse(key),
        newsletter=NEWSLETTER,
        form="page",
        wording="Send me it.",
        language="en",
        network="192.0.2.0/24",
        seen_from=network,
    )
    requests.record_requests(session, [request], limits=RateLimits(), hashes=hashes, now=now)
    assert {key, network} <= everything(session)
    assert lifecycle.erase(session, reader, seen, hashes, now)
    assert not {key, network} & everything(session)
    assert processing.process_oldest(session, hashes).letters == 0
    record = suppression.find(session, key, hashes)
    assert store.find(session, key) is None
    assert acts(session, reader)[-1] is ConsentAct.ERASED
    assert record is not None
    assert record.reason is SuppressionReason.ERASED


def everything(session: Session) -> set[str]:
    """Return every value of every table, as text."""
    return {
        str(value)
        for name in SQLModel.metadata.tables
        for row in session.execute(text(f"SELECT * FROM {name}"))  # noqa: S608 - a table's name
        for value in row
    }


def test_erasing_twice_is_fine(
    session: Session, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    reader = make_reader(session)
    lifecycle.erase(session, reader, PAGE, hashes, now)
    assert not lifecycle.erase(session, reader, PAGE, hashes, now)


@pytest.mark.parametrize(
    ("standing", "hours", "foreseen"),
    [
        (Standing.PENDING, 48, ConfirmResult.DONE),
        (Standing.PENDING, 49, ConfirmResult.LATE),
        (Standing.CONFIRMED, 1, ConfirmResult.ALREADY),
        (Standing.PAUSED, 49, ConfirmResult.ALREADY),
        (Standing.UNSUBSCRIBED, 1, ConfirmResult.LEFT),
        (None, 1, ConfirmResult.GONE),
    ],
)
def test_what_confirming_would_come_to_is_foreseen(
    session: Session,
    make_reader: MakeReader,
    now: datetime,
    standing: Standing | None,
    hours: int,
    foreseen: ConfirmResult,
) -> None:
    number = make_reader(session, standing=standing) if standing else 99
    target = DatedTarget(number, NEWSLETTER, now)
    moment = now + timedelta(hours=hours)
    assert lifecycle.foresee(session, target, moment, hours=48) is foreseen
