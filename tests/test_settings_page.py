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

Settings are environment variables. They may also stand in a file called `.env` in the folder
where `digest` is called, one `NAME=value` a line; `digest init` starts one with a fresh secret.
The environment goes first.

Any of them may come from a file instead: put `_FILE` behind its name and the file's path in it,
as `DIGEST_SECRET_FILE=/run/secrets/digest`. That keeps secrets out of process listings.

A value that can't be right is refused at the start, by name, and so is a name that begins with
`DIGEST_` and is no setting. `digest setup` asks for the values a newsletter needs and writes them.
`digest doctor` says whether all of them together make an installation that is fit to send.

| Name | What it is for | Unless it is set |
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
