"""Outcomes of a mail: drawn by seed and address, at the shares asked for."""

from __future__ import annotations

import pytest

from digest.errors import BadSetting
from digest.fake_sendgrid.faults.outcomes import ENDS, MailOutcome, OutcomeOdds, named_outcome

ADDRESSES = [f"reader{n}@example.org" for n in range(5000)]


def test_the_same_seed_deals_the_same_fates() -> None:
    one, two = (OutcomeOdds.of(7, {"all": 0.3}) for _ in range(2))
    assert [one.outcomes_of(a) for a in ADDRESSES] == [two.outcomes_of(a) for a in ADDRESSES]


def test_another_seed_deals_others() -> None:
    one, two = OutcomeOdds.of(1, {"all": 0.3}), OutcomeOdds.of(2, {"all": 0.3})
    assert [one.outcomes_of(a) for a in ADDRESSES] != [two.outcomes_of(a) for a in ADDRESSES]


@pytest.mark.parametrize("fate", list(MailOutcome))
def test_a_share_is_dealt_about_as_often_as_asked(fate: MailOutcome) -> None:
    odds = OutcomeOdds.of(0, {"all": 0, fate: 0.2})
    dealt = sum(fate in odds.outcomes_of(address) for address in ADDRESSES)
    assert dealt / len(ADDRESSES) == pytest.approx(0.2, abs=0.03)


def test_a_mail_ends_in_one_way_only() -> None:
    odds = OutcomeOdds.of(0, {"all": 0.3})
    assert all(len(odds.outcomes_of(a) & set(ENDS)) <= 1 for a in ADDRESSES)
    assert all(len(odds.outcomes_of(a)) == 1 for a in ADDRESSES if odds.outcomes_of(a) & set(ENDS))


@pytest.mark.parametrize(
    ("address", "fate"),
    [
        ("bounce@example.org", MailOutcome.BOUNCE),
        ("Late-Bounce+7@example.org", MailOutcome.LATE_BOUNCE),
        ("click12@example.org", MailOutcome.CLICK),
        ("bouncer@example.org", None),
        ("a.bounce@example.org", None),
    ],
)
def test_an_address_may_be_named_after_its_fate(address: str, fate: MailOutcome | None) -> None:
    assert named_outcome(address) is fate


@pytest.mark.parametrize("shares", [{"bounces": 0.1}, {"bounce": 1.5}, {"bounce": -1}])
def test_shares_that_make_no_sense_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(BadSetting, match="from 0 to 1"):
        OutcomeOdds.of(0, shares)
