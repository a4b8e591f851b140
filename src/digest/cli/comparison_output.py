"""Comparisons as people read them in a terminal: both sides side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from digest.comparisons.store import Summary

NOTHING = "—"  # shown where nothing was published


def listing(found: Sequence[Summary]) -> Table:
    """Return the list of comparisons: title and slug, both panel shares, date, revision."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("Comparison", overflow="fold")
    table.add_column("Panel", no_wrap=True)
    table.add_column("Published", no_wrap=True)
    table.add_column("Rev.", no_wrap=True, justify="right")
    for one in found:
        table.add_row(
            Text.assemble(one.title, "\n", (one.slug, "dim")),
            Text(f"{_plain(one.left.panel_share)} : {_plain(one.right.panel_share)} %"),
            Text(str(one.published_on or NOTHING)),
            Text(str(one.revision)),
        )
    return table


def sheet(facts: Mapping[str, Any]) -> Group:
    """Return one comparison whole, from the facts of `digest.comparisons.serialize.facts_of`."""
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
    dated = f"published {facts['published_on']}" if facts["published_on"] else "no published date"
    parts = [
        dated,
        f"revision {facts['revision']} of {facts['revisions']}",
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
    for heading, one, other in (*_rows(left, right), *_verdict_rows(left, right)):
        table.add_row(Text(heading), Text(one), Text(other))
    return table


def _rows(left: Mapping[str, Any], right: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for heading, said in (
        ("Category", lambda side: side["category"]),
        ("In short", lambda side: side["tagline"]),
        ("Panel", _panel),
        ("Community", lambda side: _percent(side["community_share"])),
        ("Entry", lambda side: side["entry_text"]),
        ("About", lambda side: side["description"]),
        ("Link", lambda side: side["url"]),
    ):
        yield heading, said(left) or NOTHING, said(right) or NOTHING


def _verdict_rows(
    left: Mapping[str, Any], right: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    one, other = ({said["seat"]: said for said in side["verdicts"]} for side in (left, right))
    for seat in sorted(one.keys() | other.keys()):
        yield f"Seat {seat}", _verdict(one.get(seat)), _verdict(other.get(seat))


def _verdict(said: Mapping[str, Any] | None) -> str:
    if said is None:
        return NOTHING
    spoken = [part for part in (said["reviewer"], (said["call"] or "").upper()) if part]
    return "\n".join([*([", ".join(spoken)] if spoken else []), f"“{said['quote']}”"])


def _panel(side: Mapping[str, Any]) -> str:
    if side["ships"] is None:
        return _percent(side["panel_share"])
    return f"{_percent(side['panel_share'])}: {side['ships']} ship, {side['skips']} skip"


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{_plain(share)} %"


def _plain(share: float | None) -> str:
    return NOTHING if share is None else f"{share:g}"
