"""`digest pick --count` and `digest build --count`: the number of comparisons in one issue."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from digest.app.installation import App
from digest.cli.context import CommandContext
from digest.cli.issue import drafting
from digest.issues import draft_history, store

Run = Callable[..., Result]


@pytest.fixture
def run(installation: App, week: str) -> Run:
    """Run one command about the issue of the tests' week."""

    def run(command: str, *arguments: str) -> Result:
        call = CommandContext()
        vars(call)["app"] = installation
        return CliRunner().invoke(drafting.app, [command, "--period", week, *arguments], obj=call)

    return run


def facts(result: Result) -> Any:
    return json.loads(result.stdout)


def steps(installation: App, week: str) -> list[str]:
    with installation.database.read() as session:
        newsletter = store.newsletter(session, "weekly")
        return [step.what for step in draft_history.steps(session, newsletter, week)]


def test_pick_shows_the_issue_with_that_number_and_changes_nothing(
    installation: App, run: Run, week: str
) -> None:
    picked = facts(run("pick", "--count", "3", "--json"))

    assert (picked["count"], len(picked["chosen"])) == (3, 3)
    assert steps(installation, week) == []
    assert facts(run("pick", "--json"))["count"] is None


def test_build_keeps_the_number_as_a_step_that_can_be_undone(
    installation: App, run: Run, week: str
) -> None:
    built = run("build", "--count", "2")

    assert "2 comparisons," in built.stdout
    assert steps(installation, week) == ["asked for 2 comparisons"]
    assert facts(run("pick", "--json"))["count"] == 2


def test_the_number_has_bounds(run: Run) -> None:
    assert run("pick", "--count", "0").exit_code == 2
    assert run("pick", "--count", "13").exit_code == 2


def test_an_issue_that_is_built_already_keeps_its_number(
    installation: App, run: Run, week: str
) -> None:
    run("build", "--count", "2")

    assert run("build", "--count", "3").exit_code == 1
    assert steps(installation, week) == ["asked for 2 comparisons"]
