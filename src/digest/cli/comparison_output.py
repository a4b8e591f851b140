"""Lay out comparisons for a terminal, both sides side by side.

Hides the tables, and how a missing fact is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from digest.comparisons.store import ComparisonSummary

MISSING = "—"  # shown where nothing was published


def comparison_table(summaries: Sequence[ComparisonSummary]) -> Table:
    """Return a table of comparisons: title and slug, panel shares, date, revision."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("Comparison", overflow="fold")
    table.add_column("Panel", no_wrap=True)
    table.add_column("Published", no_wrap=True)
    table.add_column("Rev.", no_wrap=True, justify="right")
    for row in summaries:
        table.add_row(
            Text.assemble(
                row.title,
                "\n",
                (row.slug, "dim"),
                ("\nwithdrawn" if row.withdrawn else "", "bold"),
            ),
            Text(f"{_plain(row.left.panel_share)} : {_plain(row.right.panel_share)}%"),
            Text(str(row.published_on or MISSING)),
            Text(str(row.revision)),
        )
    return table


def comparison_layout(facts: Mapping[str, Any]) -> Group:
    """Return one comparison laid out, from `digest.comparisons.serialize.facts_of`."""
    lead = " ".join(part for part in (facts["question"], facts["intro"]) if part)
    return Group(
        Text(facts["kicker"], style="dim"),
        Text(facts["title"], style="bold"),
        *([Text(lead)] if lead else []),
        Text(_about(facts), style="dim"),
        Text(),
        _sides(facts),
        *(Text(line, style="dim") for line in facts["closing"]),
    )


def _about(facts: Mapping[str, Any]) -> str:
    dated = f"published {facts['published_on']}" if facts["published_on"] else "no publication date"
    parts = [
        *([f"withdrawn: {facts['withdrawn_why']}"] if facts["withdrawn_at"] else []),
        dated,
        f"revision {facts['revision']} of {facts['revisions']}",
        *([f"edited by {facts['editor']}"] if facts["editor"] else []),
        f"weight {facts['weight']:g}",
        *facts["labels"],
        *([facts["url"]] if facts["url"] else []),
    ]
    return " · ".join(parts)


def _sides(facts: Mapping[str, Any]) -> Table:
    left, right = facts["contenders"]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 1, 0))
    table.add_column("", style="dim", min_width=9)
    table.add_column(Text(left["name"]), ratio=1, overflow="fold")
    table.add_column(Text(right["name"]), ratio=1, overflow="fold")
    for heading, first, second in (*_rows(left, right), *_verdict_rows(left, right)):
        table.add_row(Text(heading), Text(first), Text(second))
    return table


def _rows(left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for heading, text_of in (
        ("Category", lambda side: side["category"]),
        ("In short", lambda side: side["tagline"]),
        ("Panel", _panel),
        ("Community", lambda side: _percent(side["community_share"])),
        ("Entry", lambda side: side["entry_text"]),
        ("About", lambda side: side["description"]),
        ("Link", lambda side: side["url"]),
    ):
        yield heading, text_of(left) or MISSING, text_of(right) or MISSING


def _verdict_rows(
    left: Mapping[str, Any], right: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    first, second = (
        {verdict["seat"]: verdict for verdict in side["verdicts"]} for side in (left, right)
    )
    for seat in sorted(first.keys() | second.keys()):
        yield f"Seat {seat}", _verdict(first.get(seat)), _verdict(second.get(seat))


def _verdict(verdict: Mapping[str, Any] | None) -> str:
    if verdict is None:
        return MISSING
    speaker = [part for part in (verdict["reviewer"], (verdict["call"] or "").upper()) if part]
    return "\n".join([*([", ".join(speaker)] if speaker else []), f"“{verdict['quote']}”"])


def _panel(side: Mapping[str, Any]) -> str:
    if side["ships"] is None:
        return _percent(side["panel_share"])
    return f"{_percent(side['panel_share'])}: {side['ships']} ship, {side['skips']} skip"


def _percent(share: float | None) -> str:
    return MISSING if share is None else f"{_plain(share)}%"


def _plain(share: float | None) -> str:
    return MISSING if share is None else f"{share:g}"
