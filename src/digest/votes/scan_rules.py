"""What shows that a program, not a reader, followed the links of a copy or pressed its button.

The rules of honest clicks hold for votes as well, and two for programs that take their time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from digest.comparisons.models import Call
from digest.mail.link_visits import LinkVisit, is_early, is_in_burst
from digest.votes.models import ScanSign
from digest.votes.terms import DeliveredState

SWEEP_SECONDS = 60  #: seconds that a program may take, and after which a press counts again
REACH_SECONDS = 2 * SWEEP_SECONDS  #: how far from a visit others matter
ALL_CHOICES = 4  #: the links of one comparison: two tools, ship or skip
MANY_COMPARISONS = 3  #: comparisons that a reader doesn't leave one by one without a vote
TOO_MANY = 60  #: visits around a moment that no reader makes


class Look(NamedTuple):
    """One look at the page of a vote link."""

    moment: int  #: seconds since 1970
    comparison_id: int
    tool_id: int = 0  #: 0 for the page without a preset choice
    call: Call | None = None


class Press(NamedTuple):
    """One press of the button."""

    moment: int  #: seconds since 1970
    comparison_id: int


def sign_of(
    moment: int,
    looks: Sequence[Look],
    presses: Sequence[Press],
    delivered: DeliveredState,
    *,
    machine: bool = False,
    known: bool = False,
) -> ScanSign | None:
    """Return what shows that a visit at *moment* was a program's, ``None`` for nothing; pure.

    *looks* and *presses* are those of the copy, the visit's own among them. *machine* is whether
    the client said that it is no browser, *known* whether it came from a known scanner's network.
    """
    if known:
        return ScanSign.NETWORK
    if machine:
        return ScanSign.MACHINE
    if delivered.failed or is_early(moment, delivered.moment):
        return ScanSign.EARLY
    near = [look for look in looks if abs(look.moment - moment) <= REACH_SECONDS]
    pressed = [press for press in presses if abs(press.moment - moment) <= REACH_SECONDS]
    if len(near) > TOO_MANY or is_in_burst(_links(near, pressed), moment):
        return ScanSign.BURST
    choices = sorted(look for look in near if look.tool_id)
    swept = any(
        first <= moment <= last + SWEEP_SECONDS for first, last in _sweeps(choices, pressed)
    )
    return ScanSign.SWEEP if swept else None


def _links(looks: Sequence[Look], presses: Sequence[Press]) -> list[LinkVisit]:
    """Return the visits as links; the page without a preset counts with the one that led to it."""
    first = {look.comparison_id: look for look in reversed(looks) if look.tool_id}
    visits: list[Look | Press] = [*looks, *presses]
    return [LinkVisit(visit.moment, _link_of(visit, first)) for visit in visits]


def _link_of(visit: Look | Press, first: dict[int, Look]) -> int:
    if isinstance(visit, Look) and visit.tool_id:
        return link_number(visit)
    return link_number(first.get(visit.comparison_id) or Look(0, visit.comparison_id))


def _sweeps(looks: Sequence[Look], presses: Sequence[Press]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last moment of each sweep; *looks* are sorted."""
    for at, last in enumerate(looks):
        for first in range(at, -1, -1):
            window = looks[first : at + 1]
            if last.moment - window[0].moment > SWEEP_SECONDS:
                break
            if _is_sweep(window, presses):
                yield window[0].moment, last.moment
                break


def _is_sweep(looks: Sequence[Look], presses: Sequence[Press]) -> bool:
    """Return whether a program made these looks: at every choice, or leaving one by one."""
    of_choices = Counter(comparison for comparison, *_ in {look[1:] for look in looks})
    if max(of_choices.values()) >= ALL_CHOICES:
        return True
    first, last = looks[0].moment, looks[-1].moment
    between = [press for press in presses if first <= press.moment <= last]
    return len(_left_without_vote(looks, between)) >= MANY_COMPARISONS


def _left_without_vote(looks: Sequence[Look], presses: Sequence[Press]) -> set[int]:
    """Return the comparisons looked at, without those where a vote followed before the next."""
    visits: list[Look | Press] = [*looks, *presses]
    visits.sort(key=lambda visit: (visit.moment, isinstance(visit, Press)))
    left: set[int] = set()
    last = 0
    for visit in visits:
        if isinstance(visit, Look):
            last = visit.comparison_id
            left.add(last)
        elif visit.comparison_id == last:
            left.discard(last)
    return left


#: A link in one number: the comparison, the tool in 32 bits, the call in the last two.
_OF_TOOL, _OF_COMPARISON = 2, 34
_CALLS = (None, Call.SHIP, Call.SKIP)


def link_number(look: Look) -> int:
    """Return the number that `vote_visit` keeps of a link; below 2^63 for 2^29 comparisons."""
    tool = look.tool_id << _OF_TOOL
    return (look.comparison_id << _OF_COMPARISON) | tool | _CALLS.index(look.call)


def look_of(moment: int, link: int) -> Look:
    """Return a look as it was before `link_number`."""
    tool = (link & ((1 << _OF_COMPARISON) - 1)) >> _OF_TOOL
    return Look(moment, link >> _OF_COMPARISON, tool, _CALLS[link & 3])
