"""A next step is told to programs as the call that does it."""

from __future__ import annotations

import pytest

from digest.api.command_calls import as_calls

ISSUES = "/newsletters/weekly/issues"


@pytest.mark.parametrize(
    ("command", "call"),
    [
        ("digest approve 3", f"POST {ISSUES}/3/approve"),
        ("digest approve 3 --newsletter daily", "POST /newsletters/daily/issues/3/approve"),
        (
            "digest check 3; then digest approve 3 --despite panel-share --despite edited",
            f"GET {ISSUES}/3/check; then POST {ISSUES}/3/approve"
            ' with {"despite":["panel-share","edited"]}',
        ),
        (
            "digest build --period 2026-W49 --again; then digest approve 3",
            f'POST {ISSUES} with {{"period":"2026-W49","again":true}};'
            f" then POST {ISSUES}/3/approve",
        ),
        (
            "digest show 3, or digest build --period 2026-W49 --again to make it anew",
            f'GET {ISSUES}/3, or POST {ISSUES} with {{"period":"2026-W49","again":true}}'
            " to make it anew",
        ),
        (
            "digest build --period 2026-W49 --newsletter daily builds another issue",
            'POST /newsletters/daily/issues with {"period":"2026-W49"} builds another issue',
        ),
        ("digest build takes the next issue that is due", f"POST {ISSUES} takes the next issue"
         " that is due"),
        ("digest send 3, or digest cancel 3", f"digest send 3, or POST {ISSUES}/3/cancel"),
        ("digest resume 3", f"POST {ISSUES}/3/resume"),
        ("digest resume 3 --past-first-wave", "digest resume 3 --past-first-wave"),
        ("digest resume --after-restore --by NAME", "digest resume --after-restore --by NAME"),
        ("digest comparisons restore a-vs-b", "POST /comparisons/a-vs-b/restore"),
        ("digest comparisons list", "GET /comparisons"),
        ("digest sources show 2", "GET /sources/2"),
        ("digest sources proposals", "GET /proposals"),
        (
            "digest sources dismiss 7; its page proposes it again",
            "POST /proposals/7/dismiss; its page proposes it again",
        ),
        ("digest newsletters archive daily --undo", "digest newsletters archive daily --undo"),
    ],
)  # fmt: skip
def test_a_command_is_told_as_its_call(command: str, call: str) -> None:
    assert as_calls(command) == call
