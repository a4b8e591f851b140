"""Rhythm: how often a newsletter appears, in the reader's language."""

from __future__ import annotations

import pytest

from digest.issues.calendar.cadence import Cadence, Frequency, rhythm


@pytest.mark.parametrize(
    ("cadence", "language", "said"),
    [
        (Cadence(), "en", "every Tuesday"),
        (Cadence(), "de-AT", "jeden Dienstag"),
        (Cadence(every=Frequency.SECOND_WEEK, weekday=0), "en", "every other Monday"),
        (
            Cadence(every=Frequency.MONTH, nth=-1, weekday=4),
            "en",
            "on the last Friday of the month",
        ),
        (Cadence(every=Frequency.MONTH, nth=2, weekday=4), "de", "am zweiten Freitag im Monat"),
        (Cadence(), "xx", "every Tuesday"),
    ],
)
def test_how_often_is_said_in_the_reader_s_language(
    cadence: Cadence, language: str, said: str
) -> None:
    assert rhythm(cadence, language) == said
