"""docs/json.md: what its examples show is what the commands print, key by key."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

from digest import samples
from tests.stories.conftest import ENOUGH, Installation

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text("utf-8")
EXAMPLES = dict(re.findall(r"```sh\ndigest ([^|\n]+)\n```\n\n```json\n(.*?)\n```", PAGE, re.DOTALL))
THREE = {"marrow-search", "greenroom-video", "tidepool-notes"}


def keys(value: Any) -> Any:
    """Return every key of a document; of a list, those of its first item."""
    if isinstance(value, dict):
        return {name: keys(each) for name, each in value.items()}
    if isinstance(value, list):
        return [keys(each) for each in value[:1]]
    return None


def test_each_example_has_the_keys_that_its_command_prints(empty: Installation) -> None:
    site = Installation(empty.warm, empty.folder, ENOUGH)
    (site.folder / "readers.csv").write_text("email\nann@example.org\nben@example.org\n")
    site.done("init")
    site.done(
        "import", *(path for path in samples.comparisons() if path.name.split("-vs-")[0] in THREE)
    )
    site.done("subscribers", "import", "readers.csv", "--consent", "They ticked the box.")

    def told(command: str) -> Any:
        return keys(site.done(*shlex.split(command)).facts)

    printed = {command: told(command) for command in EXAMPLES if command.startswith("pick")}
    site.done("build")
    site.done("approve", "1")
    site.done("send", "1")
    printed |= {command: told(command) for command in EXAMPLES if command not in printed}
    assert {command.split()[0] for command in printed} == {
        "status",
        "pick",
        "report",
        "newsletters",
    }
    assert printed == {command: keys(json.loads(text)) for command, text in EXAMPLES.items()}
