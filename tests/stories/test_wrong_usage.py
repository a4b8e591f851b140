"""Wrong usage: one line with a next step, and never a traceback."""

from __future__ import annotations

import re

import pytest

from tests.stories.conftest import PAGE, Installation
from tests.stories.warm_start import Warm

#: One line that says what is wrong, and one with the next step.
WRONG_CALL = re.compile(r"digest: .*\n  next: digest .*--help\n")


@pytest.fixture(scope="module")
def site(warmed: Warm, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    site = Installation(warmed, tmp_path_factory.mktemp("site"))
    (site.folder / "broken.txt").write_text(PAGE.replace("75%", "three quarters"), "utf-8")
    (site.folder / "folder").mkdir()
    site.done("init")
    return site


@pytest.mark.parametrize(
    "line",
    ["", "nonsense", "show", "show one", "send 1 2", "pick --period", "subscribers import a.csv"],
)
def test_wrong_usage_ends_with_2_and_shows_how_to_go_on(site: Installation, line: str) -> None:
    said = site.run(*line.split())
    assert said.code == 2
    assert said.out.startswith("Usage: ") or WRONG_CALL.fullmatch(said.err), said


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("show 9", "9"),
        ("status 9", "9"),
        ("pick --newsletter daily", "daily"),
        ("build", "comparison"),
        ("import nothing.txt", "nothing.txt"),
        ("import broken.txt", "broken.txt:7"),
        ("comparisons show nothing", "nothing"),
        ("--database sqlite:////no/such/folder/digest.db status", "digest init"),
        ("--database what://ever status", "sqlite:///digest.db"),
        ("--database sqlite:///other.db pick", "digest init"),
    ],
)
def test_what_cannot_be_done_ends_with_1_and_a_line(
    site: Installation, line: str, told: str
) -> None:
    said = site.run(*line.split())
    message, *more = said.err.splitlines()
    assert (said.code, message.startswith("digest: ")) == (1, True), said
    assert told in said.err
    assert [line for line in more if not line.startswith("  next: ")] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DIGEST_BATCH_SIZE", "0"),
        ("DIGEST_TRANSPORT", "pigeon"),
        ("DIGEST_BASE_URL", "news"),
        ("DIGEST_SECRET_FILE", "missing.txt"),
        ("DIGEST_FROM", "nobody"),
    ],
)
def test_a_wrong_setting_is_named(site: Installation, name: str, value: str) -> None:
    said = site.run("doctor", **{name: value})
    assert said.code == 1
    assert name in said.out + said.err
    assert "Traceback" not in said.err
