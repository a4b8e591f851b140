"""Which visits to a mail's links are surely a person's."""

from __future__ import annotations

import pytest

from digest.mail.link_visits import LinkVisit, human_clicks


@pytest.mark.parametrize(
    ("clicks", "delivered", "sure"),
    [
        ([LinkVisit(500, 1)], 100, [True]),
        ([LinkVisit(500, 1)], None, [True]),
        ([LinkVisit(105, 1)], 100, [False]),
        ([LinkVisit(109, 1), LinkVisit(110, 2)], 100, [False, True]),
        ([LinkVisit(500, 1, machine=True)], 100, [False]),
        ([LinkVisit(500, 1), LinkVisit(501, 2), LinkVisit(503, 3)], 100, [False, False, False]),
        ([LinkVisit(500, 1), LinkVisit(501, 1), LinkVisit(502, 1)], 100, [True, True, True]),
        ([LinkVisit(500, 1), LinkVisit(503, 2), LinkVisit(506, 3)], 100, [True, True, True]),
        (
            [LinkVisit(500, 1), LinkVisit(501, 2), LinkVisit(502, 3), LinkVisit(900, 1)],
            0,
            [False] * 3 + [True],
        ),
        ([], 100, []),
    ],
)
def test_C16_a_click_is_surely_a_persons_only_where_no_scanner_clicks_so(
    clicks: list[LinkVisit], delivered: int | None, sure: list[bool]
) -> None:
    assert human_clicks(clicks, delivered) == sure
