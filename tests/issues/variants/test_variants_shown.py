"""What editors see of an edition's variants on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

import pytest
from typer.testing import CliRunner, Result

from digest.app.installation import App
from digest.cli.context import CommandContext
from digest.cli.issue import drafting
from digest.errors import NotFound
from digest.issues.build import IssueBuilder
from tests.issues.variants.conftest import build

Show = Callable[..., Result]


@pytest.fixture
def show(
    installation: App,
    issue_builder: IssueBuilder,
    week: str,
    now: datetime,
    readers: dict[int, int],
) -> Show:
    """Build an issue with variants for reviewers 2 and 3, and run `digest show` on it."""
    build(installation, issue_builder, week, now)
    call = CommandContext()
    vars(call)["app"] = installation
    return lambda *options: CliRunner().invoke(drafting.app, ["show", "1", *options], obj=call)


def test_show_says_what_each_variant_leads_with_and_how_to_see_it(show: Show) -> None:
    told = show().stdout
    assert "Readers who asked for it get the reviewer they agree with first:" in told
    assert "— The sceptic would" in " ".join(told.split())
    assert "--reviewer 2 --html" in told
    assert "--reviewer 3 --html" in told
    facts = json.loads(show("--json").stdout)
    assert [note["seat"] for note in facts["variants"]] == [2, 3]


@pytest.mark.parametrize("part", ["--html", "--text"])
def test_a_variant_is_shown_as_its_readers_get_it(show: Show, part: str) -> None:
    assert "The reviewer you agree with most" in show(part, "--reviewer", "2").stdout
    assert "The reviewer you agree with most" not in show(part).stdout


def test_a_variant_that_is_not_there_is_refused_with_those_that_are(show: Show) -> None:
    fault = show("--html", "--reviewer", "4").exception
    assert isinstance(fault, NotFound)
    assert "has no variant for reviewer 4; it has: 2, 3" in str(fault)
    assert fault.next_step == "digest show 1"
    assert show("--reviewer", "2").exit_code == 2
