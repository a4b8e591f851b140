"""What `digest setup` says in the end."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from digest.cli.context import CommandContext
from digest.cli.installation.setup_output import SetupPlan, tell_outcome


@pytest.mark.parametrize(
    ("answers", "page"),
    [({"smtp_host": "mail.mill-lane.example"}, "smtp"), ({"smtp_host": ""}, "first-send")],
)
def test_the_page_to_read_is_that_of_the_way_out(answers: dict[str, str], page: str) -> None:
    printed = StringIO()
    call = CommandContext()
    call.out = Console(file=printed, width=200)
    tell_outcome(
        call, SetupPlan(answers=answers, changes={}, checks=[]), None, [], [], as_json=False
    )
    assert printed.getvalue().splitlines()[-1].endswith(f"digest docs {page}")
