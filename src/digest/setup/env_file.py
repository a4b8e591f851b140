"""Hides how `.env` is changed: other lines stay, values are quoted, the file is replaced whole."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from digest.errors import BadSetting

#: Text that a reader of .env takes as it stands, without quotation marks.
_PLAIN = re.compile(r"[\w@%+=:,./<>()&;!?*-]+(?: [\w@%+=:,./<>()&;!?*-]+)*")
_PRIVATE, _GROUP_MAY_READ = 0o600, 0o640


@dataclass(frozen=True)
class EnvFile:
    """The text of a file of settings, such as `.env`."""

    text: str = ""

    @classmethod
    def read(cls, path: Path) -> EnvFile:
        """Return what *path* holds; a file that isn't there is empty."""
        return cls(path.read_text("utf-8")) if path.exists() else cls()

    def with_values(self, values: Mapping[str, str]) -> EnvFile:
        """Return the file with *values* by variable: each in its old place, new ones at the end.

        Of several lines for one variable the last counts, so the others go. Raises `BadSetting` for
        a value that no such file can hold.
        """
        text = self.text
        for name, value in values.items():
            text = _with_value(text, name, _quoted(name, value))
        return EnvFile(text)

    def write(self, path: Path) -> None:
        """Replace *path*, or what it links to, at one stroke; only its owner may read it.

        A group that the file was given on purpose, such as a service's, may still read it.
        """
        target = path.resolve()
        before = target.stat() if target.exists() else None
        fresh = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
        number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
        try:
            with os.fdopen(number, "w", encoding="utf-8", newline="") as file:
                if before is not None and (before.st_uid, before.st_gid) != _own_ids():
                    os.fchown(number, before.st_uid, before.st_gid)
                    os.fchmod(number, before.st_mode & _GROUP_MAY_READ)
                file.write(self.text)
                file.flush()
                os.fsync(number)
            fresh.replace(target)
        finally:
            fresh.unlink(missing_ok=True)


def _own_ids() -> tuple[int, int]:
    return os.geteuid(), os.getegid()


def _with_value(text: str, name: str, quoted: str) -> str:
    line = f"{name}={quoted}\n"
    # A quoted value may run over several lines.
    rest = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|)[^\n]*(?:\n|\Z)"""
    lines = re.compile(rf"^[ \t]*(?:export[ \t]+)?{name}[ \t]*=[ \t]*{rest}", re.MULTILINE | re.I)
    found = list(lines.finditer(text))
    if not found:
        return text + ("\n" if text and not text.endswith("\n") else "") + line
    for match in reversed(found[:-1]):
        text = text[: match.start()] + text[match.end() :]
    return lines.sub(lambda _: line, text)


def _quoted(name: str, value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    if "${" in value or not all(char.isprintable() or char == "\n" for char in value):
        raise BadSetting(
            f"{name}: the value has characters that .env can't hold",
            next_step=f"put it into a file, and set {name}_FILE to the file's path",
        )
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'" if value else ""
