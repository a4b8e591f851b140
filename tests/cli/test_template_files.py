"""`digest templates`: the shipped templates come out, and nothing an editor changed is lost."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from digest.cli.context import CommandContext
from digest.cli.template_files import Changed, app, shipped
from digest.settings import load


@pytest.fixture
def call(tmp_path: Path) -> CommandContext:
    call = CommandContext()
    call.settings = load({}, templates=tmp_path / "templates")
    return call


def run(call: CommandContext, *arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), obj=call, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_copy_holds_every_template_and_says_how_it_is_used(
    call: CommandContext, tmp_path: Path
) -> None:
    told = run(call, "copy")
    copied = {path for path in call.settings.templates.rglob("*") if path.is_file()}
    assert copied == {call.settings.templates / name for name in shipped()}
    assert "Digest uses them from now on." in told
    assert f"DIGEST_TEMPLATES={tmp_path}/other" in run(call, "copy", f"{tmp_path}/other")


def test_a_changed_template_is_not_lost_unasked(call: CommandContext) -> None:
    run(call, "copy")
    mine = call.settings.templates / "email" / "issue.txt"
    mine.write_text("my own words", "utf-8")
    with pytest.raises(Changed, match=r"email/issue\.txt") as refused:
        run(call, "copy")
    assert mine.read_text("utf-8") == "my own words"
    assert "--force" in str(refused.value.next_step)
    assert orjson.loads(run(call, "copy", "--force", "--json"))["copied"] == ["email/issue.txt"]
    assert mine.read_bytes() == shipped()["email/issue.txt"].read_bytes()


def test_what_was_deleted_is_copied_again_and_the_rest_stays(call: CommandContext) -> None:
    run(call, "copy")
    (call.settings.templates / "web" / "page.html").unlink()
    assert orjson.loads(run(call, "copy", "--json"))["copied"] == ["web/page.html"]


def test_the_list_marks_the_templates_of_the_installation(call: CommandContext) -> None:
    own = call.settings.templates / "web" / "page.html"
    own.parent.mkdir(parents=True)
    own.write_text("mine", "utf-8")
    facts = orjson.loads(run(call, "list", "--json"))
    assert [fact["template"] for fact in facts if fact["own"]] == ["web/page.html"]
