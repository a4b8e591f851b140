"""Dates, shares and lists as readers see them."""

from __future__ import annotations

from datetime import date

import pytest

from subscribers.locale import listed, long_date, percentage, short_date

DAY = date(2026, 3, 1)


def test_a_day_is_written_out() -> None:
    assert (long_date(DAY, "en"), short_date(DAY, "en")) == ("1 March 2026", "1 Mar 2026")
    assert (long_date(DAY, "de"), short_date(DAY, "de")) == ("1. März 2026", "01.03.2026")
    assert long_date(DAY, "xx") == long_date(DAY, "en")


@pytest.mark.parametrize(
    ("share", "english", "german"),
    [(75, "75%", "75\u00a0%"), (33.33, "33.3%", "33,3\u00a0%"), (0.04, "0.1%", "0,1\u00a0%")],
)
def test_a_share_is_written_as_the_language_writes_it(
    share: float, english: str, german: str
) -> None:
    assert (percentage(share, "en"), percentage(share, "de-AT")) == (english, german)


def test_names_are_listed() -> None:
    assert listed(["Marlow", "Oriel", "Brook"], "en") == "Marlow, Oriel and Brook"
    assert listed(["Marlow", "Oriel"], "de") == "Marlow und Oriel"
