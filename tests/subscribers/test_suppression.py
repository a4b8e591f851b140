"""Suppression: hashed addresses, rotated secrets, reasons, and lifting."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from subscribers import store, suppression
from subscribers.models import SuppressionReason
from subscribers.suppression import REJOINABLE
from subscribers.tokens import Hashes
from tests.subscribers.conftest import SECRET, MakeReader

KEY = "reader@example.com"


def reason(session: Session, hashes: Hashes) -> SuppressionReason | None:
    record = suppression.find(session, KEY, hashes)
    return record.reason if record else None


def test_a_suppressed_address_is_known_and_its_reader_marked(
    session: Session, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    reader = make_reader(session)
    suppression.suppress(session, KEY, SuppressionReason.HARD_BOUNCE, hashes, now)
    row = store.find_by_id(session, reader)
    assert reason(session, hashes) is SuppressionReason.HARD_BOUNCE
    assert row is not None
    assert row.suppressed == "hard-bounce"


def test_no_address_is_readable_in_the_table(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    suppression.suppress(session, KEY, SuppressionReason.MANUAL, hashes, now)
    row = session.execute(text("SELECT * FROM suppression")).one()
    assert "reader" not in str(tuple(row))


def test_a_new_secret_does_not_forget_whom_the_old_one_knew(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    suppression.suppress(session, KEY, SuppressionReason.ERASED, hashes, now)
    rotated = Hashes(["a newer secret that is long enough", SECRET])
    assert reason(session, rotated) is SuppressionReason.ERASED


def test_a_suppression_renewed_after_rotation_outlives_the_old_secret(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    suppression.suppress(session, KEY, SuppressionReason.COMPLAINT, hashes, now)
    newer = "a newer secret that is long enough"
    both, only = Hashes([newer, SECRET]), Hashes([newer])
    suppression.suppress(session, KEY, SuppressionReason.ERASED, both, now)
    assert reason(session, only) is SuppressionReason.COMPLAINT


def test_a_mailbox_that_bounces_again_rests_anew_whatever_comes_late(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    for day in (0, 31, 2):
        moment = now + timedelta(days=day)
        suppression.suppress(session, KEY, SuppressionReason.HARD_BOUNCE, hashes, moment)
    record = suppression.find(session, KEY, hashes)
    assert record is not None
    assert record.at == now + timedelta(days=31)


def test_only_what_may_be_lifted_is_lifted(
    session: Session, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    reader = make_reader(session)
    suppression.suppress(session, KEY, SuppressionReason.COMPLAINT, hashes, now)
    assert not suppression.lift(session, KEY, hashes, among=REJOINABLE)
    row = store.find_by_id(session, reader)
    assert row is not None
    assert row.suppressed == "complaint"


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(
    "other", [SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT, SuppressionReason.MANUAL]
)
def test_who_asked_to_be_forgotten_stays_so_when_another_reason_is_lifted(
    session: Session, hashes: Hashes, now: datetime, other: SuppressionReason, later: bool
) -> None:
    both = [SuppressionReason.ERASED, other] if later else [other, SuppressionReason.ERASED]
    for given in both:
        suppression.suppress(session, KEY, given, hashes, now)
    assert reason(session, hashes) is other
    liftable = [member for member in SuppressionReason if member is not SuppressionReason.ERASED]
    assert suppression.lift(session, KEY, hashes, among=liftable)
    assert reason(session, hashes) is SuppressionReason.ERASED
    assert suppression.lift(session, KEY, hashes, among=REJOINABLE)
    assert reason(session, hashes) is None


def test_a_stricter_reason_is_kept_with_its_date(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    suppression.suppress(session, KEY, SuppressionReason.COMPLAINT, hashes, now)
    later = now + timedelta(days=1)
    suppression.suppress(session, KEY, SuppressionReason.HARD_BOUNCE, hashes, later)
    record = suppression.find(session, KEY, hashes)
    assert record is not None
    assert record[:2] == (SuppressionReason.COMPLAINT, now)


def test_thousands_are_suppressed_in_one_call(
    session: Session, hashes: Hashes, now: datetime
) -> None:
    many = {f"reader{n}@example.com": SuppressionReason.COMPLAINT for n in range(1500)}
    suppression.suppress_all(session, many, hashes, now)
    assert len(suppression.find_all(session, list(many), hashes)) == 1500


def test_a_lifted_suppression_is_gone_under_every_secret(
    session: Session, make_reader: MakeReader, hashes: Hashes, now: datetime
) -> None:
    reader = make_reader(session)
    suppression.suppress(session, KEY, SuppressionReason.HARD_BOUNCE, hashes, now)
    assert suppression.lift(session, KEY, Hashes(["a newer secret that is long enough", SECRET]))
    row = store.find_by_id(session, reader)
    assert reason(session, hashes) is None
    assert row is not None
    assert row.suppressed is None
