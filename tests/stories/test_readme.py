"""The README and the manual: the commands run as written, and the links lead somewhere."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from digest.samples import comparisons as samples
from tests.stories.conftest import Installation

ROOT = Path(__file__).parents[2]
START = (ROOT / "docs" / "start.md").read_text("utf-8")
PAPERS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def first_issue() -> list[str]:
    """The commands that lead to a first issue, one a line."""
    block = START.partition("command by command:\n\n```sh\n")[2].partition("```")[0]
    return block.splitlines()


def do(line: str, site: Installation) -> None:
    """Do one line as a shell would, as far as these lines need one."""
    command, append, file = line.partition(" >> ") if " >> " in line else line.partition(" > ")
    words = shlex.split(command)
    done = {
        "digest": lambda: site.done(*words[1:]).out,
        "echo": lambda: words[1] + "\n",
        "printf": lambda: words[1].replace("\\n", "\n"),
    }[words[0]]()
    if file:
        with (site.folder / file).open("a" if append == " >> " else "w", encoding="utf-8") as out:
            out.write(done)


def test_the_first_issue_is_made_by_the_commands_that_stand_there(
    empty: Installation, tmp_path: Path
) -> None:
    (tmp_path / "src" / "digest").mkdir(parents=True)
    (tmp_path / "src" / "digest" / "samples").symlink_to(samples()[0].parents[1])
    lines = first_issue()
    for line in lines:
        do(line, empty)
    assert {"digest build", "digest send 1"} <= set(lines)
    assert (empty.folder / "issue.html").read_text("utf-8").startswith("<!doctype html>")
    assert len(list((empty.folder / "outbox").rglob("*.eml"))) == 2
    assert empty.status()["state"] == "sent"


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_what_a_paper_links_to_is_there(paper: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#\s]+)", paper.read_text("utf-8"))
    assert [target for target in targets if not (paper.parent / target).exists()] == []


def test_the_readme_leads_to_the_manual_and_the_manual_to_every_page() -> None:
    assert "](docs/index.md)" in (ROOT / "README.md").read_text("utf-8")
    front = (ROOT / "docs" / "index.md").read_text("utf-8")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert [page for page in sorted(pages) if f"]({page})" not in front] == []


def test_the_site_s_navigation_holds_every_page_once() -> None:
    project = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]
    held = [page for part in project["nav"] for pages in part.values() for page in pages]
    assert sorted(held) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))
