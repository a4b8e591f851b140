"""The rules that tell programs from readers: how links were followed, and what was pressed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from digest.comparisons.models import Call
from digest.votes.models import ScanSign
from digest.votes.scan_rules import Look, Press, link_number, look_of, sign_of
from digest.votes.terms import DeliveredState

SHIP, SKIP = Call.SHIP, Call.SKIP
DELIVERED = DeliveredState(moment=1_000)
FIRST, SECOND = 1, 2  # tools


def every_choice(comparison: int, *moments: int) -> list[Look]:
    choices = [(tool, call) for tool in (FIRST, SECOND) for call in (SHIP, SKIP)]
    return [
        Look(moment, comparison, *choice) for moment, choice in zip(moments, choices, strict=False)
    ]


def shown(comparisons: Sequence[int], *moments: int) -> list[Look]:
    return [Look(moment, n, FIRST, SHIP) for n, moment in zip(comparisons, moments, strict=True)]


@pytest.mark.parametrize(
    ("moment", "looks", "presses", "sign"),
    [
        pytest.param(5_000, shown([1], 4_990), [], None, id="reads one page, and presses"),
        pytest.param(1_009, shown([1], 1_008), [], ScanSign.EARLY, id="within ten seconds"),
        pytest.param(1_010, shown([1], 1_009), [], None, id="ten seconds after delivery"),
        pytest.param(900, shown([1], 899), [], ScanSign.EARLY, id="before delivery"),
        pytest.param(
            5_006, every_choice(1, 5_000, 5_001, 5_002, 5_003), [], ScanSign.BURST, id="at once"
        ),
        pytest.param(
            5_060,
            every_choice(1, 5_000, 5_020, 5_040, 5_059),
            [],
            ScanSign.SWEEP,
            id="every choice",
        ),
        pytest.param(
            5_119, every_choice(1, 5_000, 5_020, 5_040, 5_059), [], ScanSign.SWEEP, id="just after"
        ),
        pytest.param(
            5_120, every_choice(1, 5_000, 5_020, 5_040, 5_059), [], None, id="a minute after"
        ),
        pytest.param(
            4_999,
            every_choice(1, 5_000, 5_020, 5_040, 5_059),
            [],
            None,
            id="voted before the sweep",
        ),
        pytest.param(
            5_090, every_choice(1, 5_000, 5_030, 5_060, 5_090), [], None, id="slower than a minute"
        ),
        pytest.param(
            5_040, shown([1, 2, 3], 5_000, 5_020, 5_039), [], ScanSign.SWEEP, id="left one by one"
        ),
        pytest.param(
            5_050,
            shown([1, 2, 3], 5_000, 5_020, 5_040),
            [Press(5_010, 1), Press(5_030, 2), Press(5_050, 3)],
            None,
            id="votes on one after another",
        ),
        pytest.param(
            5_004,
            [*shown([1, 2], 5_000, 5_003), Look(5_002, 1)],
            [Press(5_001, 1), Press(5_004, 2)],
            None,
            id="votes quickly on two, and sees the page again",
        ),
        pytest.param(
            5_002,
            [],
            [Press(5_000, 1), Press(5_001, 2), Press(5_002, 3)],
            ScanSign.BURST,
            id="presses without a look",
        ),
        pytest.param(
            5_100, shown([1] * 61, *range(5_000, 5_061)), [], ScanSign.BURST, id="without an end"
        ),
    ],
)
def test_a_press_is_a_program_s_where_no_reader_follows_links_so(
    moment: int, looks: list[Look], presses: list[Press], sign: ScanSign | None
) -> None:
    assert sign_of(moment, looks, presses, DELIVERED) is sign


def test_what_the_client_and_its_network_say_decides_at_once() -> None:
    assert sign_of(5_000, [], [], DELIVERED, machine=True) is ScanSign.MACHINE
    assert sign_of(5_000, [], [], DELIVERED, known=True) is ScanSign.NETWORK


def test_the_links_of_a_copy_that_was_never_delivered_are_no_reader_s() -> None:
    assert sign_of(5_000, [], [], DeliveredState(failed=True)) is ScanSign.EARLY


def test_a_copy_of_which_nothing_is_known_may_be_read_at_once() -> None:
    assert sign_of(5_000, shown([1], 5_000), [], DeliveredState()) is None


@pytest.mark.parametrize("look", [Look(5, 3), Look(5, 2**29 - 1, 2**31 - 1, SKIP)])
def test_a_link_is_kept_as_a_number(look: Look) -> None:
    number = link_number(look)
    assert number < 2**63
    assert look_of(5, number) == look
