"""The settings page of the documentation, generated from the settings.

After an intended change: ``DIGEST_UPDATE_GOLDEN=1 pytest tests/test_settings_page.py``
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from digest.settings import Settings, variable_of

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
HEAD = """\
# Settings

Settings are environment variables. You can also put them into a file called `.env` in the folder
where you run `digest`, one `NAME=value` per line. `digest init` creates one with a new secret. If
a setting is in both, the environment wins.

To read a setting from a file, add `_FILE` to its name and give the file's path, such as
`DIGEST_SECRET_FILE=/run/secrets/digest`. That keeps secrets out of process listings.

Digest refuses to start with an invalid value, and names the setting. It also refuses names that
start with `DIGEST_` and aren't settings. `digest setup` asks for the values that a newsletter needs
and saves them. `digest doctor` checks that all of them together are ready to send.

| Name | Purpose | Default |
|---|---|---|
"""


def page() -> str:
    return HEAD + "".join(row(name, field) for name, field in Settings.model_fields.items())


def row(name: str, field: FieldInfo) -> str:
    meaning = " ".join(filter(None, [field.description, limits(field), choices(field)]))
    return f"| `{variable_of(name)}` | {meaning} | {usual(field.default)} |\n"


def usual(value: Any) -> str:
    return "" if value in (None, "") else f"`{str(value).lower() if value is False else value}`"


def limits(field: FieldInfo) -> str:
    """Say what a number may be, as "1 to 1000"."""
    bounds = {type(each).__name__: each for each in field.metadata}
    low = next((str(getattr(bounds[b], b.lower())) for b in ("Ge", "Gt") if b in bounds), "")
    high = str(bounds["Le"].le) if "Le" in bounds else ""
    above = "more than " if "Gt" in bounds else ""
    return f"({above}{low}{f' to {high}' if high else ' or more'})" if low else ""


def choices(field: FieldInfo) -> str:
    kind = field.annotation
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return "(" + ", ".join(f"`{each}`" for each in kind) + ")"
    if get_origin(kind) is Literal:
        return "(" + ", ".join(f"`{each}`" for each in get_args(kind)) + ")"
    return "**Secret.**" if SecretStr in (kind, *get_args(kind)) else ""


def test_the_page_tells_every_setting_as_it_is() -> None:
    if os.environ.get("DIGEST_UPDATE_GOLDEN"):
        PAGE.write_text(page(), "utf-8")
    assert PAGE.read_text("utf-8") == page()
