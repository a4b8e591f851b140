"""Dates as readers see them."""

from __future__ import annotations

from datetime import date

from subscribers.dates import long_date


def test_a_day_is_written_out() -> None:
    assert long_date(date(2026, 3, 1), "en") == "1 March 2026"
    assert long_date(date(2026, 3, 1), "de") == "1. März 2026"
