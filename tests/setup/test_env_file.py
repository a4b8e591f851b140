"""`.env`: what is changed of it, and what stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.errors import BadSetting
from digest.settings import load
from digest.setup import EnvFile

NAME = "DIGEST_POSTAL_ADDRESS"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".env"


@pytest.mark.parametrize(
    "value",
    [
        "1 Mill Lane, Anytown",
        "O'Neil & Sons \\ #3",
        "line one\nline two",
        " a blank at each end ",
        '"Verdicts, weekly" <a@example.com>',
        "Straße 1, Überall",
        "$HOME `x` =a= \\n",
        "",
    ],
)
def test_what_is_written_is_read_back_as_it_was(here: Path, value: str) -> None:
    EnvFile("DIGEST_LOG=text\n").with_values({NAME: value}).write(here)
    assert load({}).postal_address == value


def test_comments_and_lines_of_others_stay_where_they_are() -> None:
    before = EnvFile("# ours\nOTHER = 1\nDIGEST_LOG=json\n\n# the end")
    after = before.with_values({"DIGEST_LOG": "text", NAME: "1 Mill Lane"})
    assert after.text == f"# ours\nOTHER = 1\nDIGEST_LOG=text\n\n# the end\n{NAME}=1 Mill Lane\n"


def test_a_value_over_several_lines_is_replaced_whole_and_of_two_lines_one_stays() -> None:
    before = EnvFile(f"{NAME}=old\nA=1\nexport {NAME}=\"one\ntwo # 'x'\"\nB=2\n")
    assert before.with_values({NAME: "new"}).text == f"A=1\n{NAME}=new\nB=2\n"


def test_a_name_that_begins_alike_is_another_one() -> None:
    before = EnvFile(f"{NAME}_FILE=there\n")
    assert before.with_values({NAME: "new"}).text == f"{NAME}_FILE=there\n{NAME}=new\n"


@pytest.mark.parametrize("value", ["a ${HOME}", "a\x07bell"])
def test_what_no_such_file_can_hold_is_refused(value: str) -> None:
    with pytest.raises(BadSetting, match=NAME):
        EnvFile().with_values({NAME: value})


def test_only_its_owner_may_read_it_and_nothing_else_is_left(here: Path) -> None:
    here.write_text("A=1\n", "utf-8")
    here.chmod(0o644)
    EnvFile("A=2\n").write(here)
    assert (here.read_text("utf-8"), here.stat().st_mode & 0o777) == ("A=2\n", 0o600)
    assert list(here.parent.iterdir()) == [here]


def test_a_link_stays_a_link(here: Path) -> None:
    target = here.with_name("elsewhere.env")
    target.write_text("A=1\n", "utf-8")
    here.symlink_to(target)
    EnvFile("A=2\n").write(here)
    assert (here.is_symlink(), target.read_text("utf-8")) == (True, "A=2\n")
