"""Which visits to the links of a mail were surely a person's, and which a link scanner's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

SCANNER_SECONDS = 10  #: seconds after delivery in which link scanners click, and people hardly do
BURST_SECONDS = 5  #: seconds in which links count as followed at once
BURST_LINKS = 3  #: different links within `BURST_SECONDS` that show a scanner


class LinkVisit(NamedTuple):
    """One visit to a link in one copy of a mail."""

    moment: int  #: seconds since 1970
    link: int
    machine: bool = False  #: the user agent was no browser's


def human_clicks(clicks: Sequence[LinkVisit], delivered: int | None) -> list[bool]:
    """Return for each click on one copy of a mail whether it was surely human; pure.

    Not surely human are clicks by a user agent that is no browser, clicks within `SCANNER_SECONDS`
    of delivery, and clicks on `BURST_LINKS` or more links within `BURST_SECONDS`. *delivered* is in
    seconds since 1970, ``None`` if unknown.
    """
    return [
        not click.machine
        and not is_early(click.moment, delivered)
        and not is_in_burst(clicks, click.moment)
        for click in clicks
    ]


def is_early(moment: int, delivered: int | None) -> bool:
    """Return whether a moment is within `SCANNER_SECONDS` of delivery, or before it."""
    return delivered is not None and moment - delivered < SCANNER_SECONDS


def is_in_burst(visits: Sequence[LinkVisit], moment: int) -> bool:
    """Return whether `BURST_LINKS` links were followed within `BURST_SECONDS` around a moment."""
    starts = {v.moment for v in visits if moment - BURST_SECONDS <= v.moment <= moment}
    return any(_links_from(visits, start) >= BURST_LINKS for start in starts)


def _links_from(visits: Sequence[LinkVisit], start: int) -> int:
    end = start + BURST_SECONDS
    return len({visit.link for visit in visits if start <= visit.moment <= end})
