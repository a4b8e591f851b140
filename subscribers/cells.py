"""Cells of a CSV file, written so that no spreadsheet takes one for a formula, and read back."""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_GUARD = "'"


def neutral(text: str) -> str:
    """Return a text no spreadsheet takes for a formula: a quote before what could be one."""
    return f"{_GUARD}{text}" if text.startswith(_FORMULA) else text


def plain(cell: str) -> str:
    """Return what a cell said before `neutral` wrote it, or a spreadsheet did the same."""
    return cell[1:] if cell.startswith(_GUARD) and cell[1:].startswith(_FORMULA) else cell
