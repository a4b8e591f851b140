"""docs/json.md: what its examples show is what the commands print, key by key.

After an intended change: ``DIGEST_UPDATE_GOLDEN=1 pytest tests/stories/test_json_page.py``
"""

from __future__ import annotations

import json
import os
import re
import shlex
from contextlib import closing
from pathlib import Path
from typing import Any

from digest import samples
from digest.comparisons import store
from digest.comparisons.models import Call
from digest.db import Database
from digest.votes.models import DailyCount, Vote
from tests.conftest import NOW
from tests.stories.conftest import ENOUGH, Installation

PAGE = Path(__file__).parents[2] / "docs" / "json.md"
EXAMPLE = re.compile(r"```sh\ndigest ([^|\n]+)\n```\n\n```json\n(.*?)\n```", re.DOTALL)
VOTED = "tidepool-notes-vs-marginalia-loop"
THREE = {"marrow-search", "greenroom-video", "tidepool-notes"}


def cut(value: Any) -> Any:
    """Return a document with the first item of each list, as the page shows it."""
    if isinstance(value, dict):
        return {name: cut(each) for name, each in value.items()}
    return [cut(each) for each in value[:1]] if isinstance(value, list) else value


def keys(value: Any) -> Any:
    """Return every key of a document."""
    if isinstance(value, dict):
        return {name: keys(each) for name, each in value.items()}
    return [keys(each) for each in value] if isinstance(value, list) else None


def cast(site: Installation) -> None:
    """Let the first reader vote on the tool on the left of `VOTED`."""
    with (
        closing(Database(f"sqlite:///{site.folder / 'digest.db'}")) as database,
        database.write() as session,
    ):
        row = store.latest(session, store.by_slug(session, VOTED))
        on, tool = row.comparison_id, row.contenders[0].tool_id
        session.add(
            Vote(
                comparison_id=on,
                tool_id=tool,
                subscriber_id=1,
                call=Call.SHIP,
                edition_id=1,
                at=NOW,
                mailbox_hash="h" * 32,
            )
        )
        session.add(DailyCount(comparison_id=on, tool_id=tool, day=NOW.date(), ships=1))


def test_each_example_has_the_keys_that_its_command_prints(empty: Installation) -> None:
    examples: dict[str, str] = dict(EXAMPLE.findall(PAGE.read_text("utf-8")))
    site = Installation(empty.warm, empty.folder, ENOUGH)
    (site.folder / "readers.csv").write_text("email\nann@example.org\nben@example.org\n")
    three = [path for path in samples.comparisons() if path.name.split("-vs-")[0] in THREE]

    def told(command: str) -> Any:
        return cut(site.done(*shlex.split(command)).facts)

    site.done("init")
    site.done("import", *three)
    site.done("subscribers", "import", "readers.csv", "--consent", "They ticked the box.")
    printed = {command: told(command) for command in examples if command.startswith("pick")}
    site.done("build")
    site.done("approve", "1", "--by", "ann@example.org")
    site.done("send", "1")
    cast(site)
    printed |= {command: told(command) for command in examples if command not in printed}

    if os.environ.get("DIGEST_UPDATE_GOLDEN"):
        page = PAGE.read_text("utf-8")
        for command, text in examples.items():
            fresh = json.dumps(printed[command], indent=2, ensure_ascii=False)
            page = page.replace(f"```json\n{text}\n```", f"```json\n{fresh}\n```")
        PAGE.write_text(page, "utf-8")
        examples = dict(EXAMPLE.findall(page))
    assert {command.split()[0] for command in printed} == {
        "status",
        "pick",
        "report",
        "votes",
        "newsletters",
    }
    assert {command: keys(facts) for command, facts in printed.items()} == {
        command: keys(json.loads(text)) for command, text in examples.items()
    }
