"""`digest comparisons withdraw|restore|set`, and what becomes of issues that carry one."""

from __future__ import annotations

from digest.errors import MailUnfit
from tests.cli.conftest import Commands


def test_a_withdrawn_comparison_is_picked_no_more_and_can_come_back(commands: Commands) -> None:
    slug = commands.facts("pick")["chosen"][0]["slug"]
    said = commands.done("comparisons", "withdraw", slug, "--why", "a wrong quote")
    assert f"digest comparisons restore {slug}" in said
    picked = commands.facts("pick")
    assert slug not in [each["slug"] for each in picked["chosen"]]
    assert next(each["why"] for each in picked["left_out"] if each["slug"] == slug) == "withdrawn"
    assert "withdrawn: a wrong quote" in commands.done("comparisons", "show", slug)
    assert commands.facts("comparisons", "restore", slug) == {"slug": slug, "withdrawn": False}
    assert slug in [each["slug"] for each in commands.facts("pick")["chosen"]]


def test_a_withdrawn_comparison_bars_a_built_issue_until_it_is_built_again(
    commands: Commands,
) -> None:
    commands.done("build")
    slug = commands.facts("show", "1")["pick"]["chosen"][0]["slug"]
    commands.done("approve", "1", "--accept-warnings")
    said = commands.done("comparisons", "withdraw", slug, "--why", "a wrong quote")
    assert "digest build --period 2026-W48 --again" in said
    checked = commands.run("check", "1")
    assert checked.exit_code == 1
    assert f"it carries {slug}, which was withdrawn" in checked.stdout
    refused = commands.run("send", "1").exception
    assert isinstance(refused, MailUnfit)
    assert str(refused) == f"issue 1 can't go out: it carries {slug}, which was withdrawn"
    commands.done("build", "--again")
    assert "withdrawn" not in commands.run("check", "1").stdout


def test_a_sent_issue_keeps_a_comparison_that_is_withdrawn_later(commands: Commands) -> None:
    commands.done("build")
    slug = commands.facts("show", "1")["pick"]["chosen"][0]["slug"]
    commands.done("approve", "1", "--accept-warnings")
    commands.done("send", "1")
    said = commands.done("comparisons", "withdraw", slug, "--why", "a wrong quote")
    assert "Issue 1 of weekly was sent with it, and keeps it." in said
    assert slug in [each["slug"] for each in commands.facts("show", "1")["pick"]["chosen"]]


def test_weight_date_and_category_can_be_set(commands: Commands) -> None:
    last = commands.facts("pick")["left_out"][0]["slug"]
    facts = commands.facts(
        "comparisons", "set", last, "--weight", "9", "--date", "2026-11-20", "--category", "Search"
    )
    assert facts["set_by_editors"] == {
        "weight": 9.0,
        "published_on": "2026-11-20",
        "category": "Search",
    }
    assert commands.facts("pick")["chosen"][0]["slug"] == last
    assert "nothing changed" in commands.done("comparisons", "set", last, "--weight", "9")
    assert commands.run("comparisons", "set", last).exit_code == 2
