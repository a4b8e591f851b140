"""Which clicks a person surely made: those that no scanner of links would have made that way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

NEAR = 10  #: seconds after delivery within which scanners follow links, and hardly a person does
AT_ONCE = 5  #: seconds
MANY = 3  #: links within that time


class Click(NamedTuple):
    """One link followed in one copy of a mail."""

    moment: int  #: seconds since 1970
    link: int
    machine: bool = False  #: what followed it had no browser's traits


def surely_human(clicks: Sequence[Click], delivered: int | None) -> list[bool]:
    """Judge the clicks on one copy of a mail, each in its place; pure.

    Not surely a person's are those without a browser's traits, those within seconds of delivery,
    and those among many links followed at once.
    """
    return [
        not click.machine
        and not (delivered is not None and click.moment - delivered < NEAR)
        and _links_around(clicks, click) < MANY
        for click in clicks
    ]


def _links_around(clicks: Sequence[Click], one: Click) -> int:
    """Count the links followed in the fullest span of `AT_ONCE` seconds that holds *one*."""
    most = 0
    for first in clicks:
        if one.moment - AT_ONCE <= first.moment <= one.moment:
            end = first.moment + AT_ONCE
            most = max(most, len({c.link for c in clicks if first.moment <= c.moment <= end}))
    return most
