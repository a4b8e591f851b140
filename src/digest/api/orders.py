"""What the body of a change may say at all.

This module hides what is refused in every body: a key that isn't known, since a misspelt wish would
be ignored; and a character that nobody sees, since a text that is kept is read by people later, and
not every database stores a NUL.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

from digest.comparisons.schema import forbidden


class Order(BaseModel):
    """The body of a change."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*")
    @classmethod
    def _printable(cls, value: Any) -> Any:
        if isinstance(value, str) and (fault := forbidden(value.replace("\r\n", "\n"))):
            raise ValueError(f"has {fault}")
        return value
