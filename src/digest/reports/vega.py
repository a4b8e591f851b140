"""Charts as SVG: how a chart is specified in Vega-Lite and rendered without a browser.

The renderer, vl-convert, is the extra "charts": the library is large, and a service never needs it.
Colours are CSS variables of the page, so that a chart follows the page's dark theme. Each chart is
rendered at two widths, since the wide one shrunk to a phone would be unreadable.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from markupsafe import Markup

from digest.delivery.reporting import COMPLAINTS_BAD, COMPLAINTS_GOOD

VERSION = "5.21"  # of Vega-Lite; vl-convert carries several
WIDTHS = {"wide": 640, "narrow": 327}
MARK, PALE, BAD, SOFT, LINE, INK = (
    f"var(--{name})" for name in ("mark", "pale", "bad", "soft", "line", "ink")
)
SANS = "Segoe UI, -apple-system, Roboto, Helvetica, Arial, sans-serif"
_OPENING = re.compile(r"<svg\b[^>]*>")
_SIZE = re.compile(r'\bwidth="([\d.]+)" height="([\d.]+)"')
_SHORT = {"wide": 34, "narrow": 20}  # characters of a label
_ABOVE = 42  # characters of a name above its bar
_ROOM = {"wide": 1.3, "narrow": 1.7}  # the axis by the longest bar, for the text beside it
_FEW_WEEKS = 6
Spec = dict[str, Any]


def renderer() -> Callable[..., str] | None:
    """Return the function that renders SVG; ``None`` where the extra isn't installed."""
    try:
        from vl_convert import vegalite_to_svg
    except ModuleNotFoundError:
        return None
    return vegalite_to_svg


def render(spec: Spec, size: str, name: str, title: str, says: str) -> Markup:
    """Return the SVG of one specification, with title and description for screen readers.

    It is empty without the extra "charts". *size* is a key of `WIDTHS` (pixels).
    """
    to_svg = renderer()
    if to_svg is None:
        return Markup()
    whole = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": WIDTHS[size],
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": _CONFIG,
        **spec,
    }
    drawn = to_svg(whole, vl_version=VERSION)
    width, height = _SIZE.search(drawn).groups()  # type: ignore[union-attr]  # every SVG has one
    own = f"{name}-{size}"
    # vl-convert escapes numbers and labels; the title and the description are escaped here.
    opening = (
        f'<svg class="{size}" role="img" aria-labelledby="{own}-t {own}-d" viewBox="0 0 {width}'
        f' {height}" width="{width}" height="{height}" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="{own}-t">{escape(title)}</title><desc id="{own}-d">{escape(says)}</desc>'
    )
    inside = _OPENING.sub("", drawn, count=1)
    # What vl-convert didn't escape is escaped above.
    return Markup(opening + re.sub(r' (role|aria-\w+)="[^"]*"', "", inside))  # noqa: S704


_CONFIG: Spec = {
    "background": None,
    "font": SANS,
    "view": {"stroke": None},
    "axis": {
        "labelColor": SOFT, "titleColor": SOFT, "gridColor": LINE, "domainColor": LINE,
        "tickColor": LINE, "labelFontSize": 13, "titleFontSize": 13, "titleFontWeight": "normal",
        "labelPadding": 8, "ticks": False, "domain": False, "labelLimit": 230,
    },
    "text": {"color": INK, "fontSize": 13},
    "legend": {
        "orient": "top", "labelColor": SOFT, "labelFontSize": 13, "title": None, "symbolType":
        "square", "offset": 12, "symbolSize": 90,
    },
}  # fmt: skip


def _names(values: Sequence[str], most: int) -> dict[str, str]:
    """Return each name cut to *most* characters; the table shows names in full."""
    return {name: name if len(name) <= most else f"{name[: most - 1].rstrip()}…" for name in values}


def _bars(names: Sequence[str]) -> Spec:
    return {
        "field": "who", "type": "nominal", "sort": list(names), "title": None,
        "scale": {"paddingInner": 0.42, "paddingOuter": 0.2},
        "axis": {"grid": False, "labelColor": INK},
    }  # fmt: skip


def stacked(
    steps: Sequence[tuple[str, int, int]],
    size: str,
    kinds: tuple[str, str],
    *,
    spans: bool = True,
) -> Spec:
    """Return bars of two parts, (name, sure, perhaps), with their numbers beside them.

    *spans* writes the number as a range, otherwise as the sum.
    """
    phone = size == "narrow"  # names stand above their bars
    short = _names([name for name, _, _ in steps], _ABOVE if phone else _SHORT[size])
    values = [
        {"who": short[name], "kind": kind, "n": number, "order": order}
        for name, sure, perhaps in steps
        for order, (kind, number) in enumerate(zip(kinds, (sure, perhaps), strict=True))
    ]
    totals = [
        {"who": short[name], "n": a + b, "text": _span(a if spans else a + b, a + b)}
        for name, a, b in steps
    ]
    y = _bars([short[name] for name, _, _ in steps])
    if phone:
        y |= {"axis": None, "scale": {"paddingInner": 0.62, "paddingOuter": 0.5}}
    most = max((sure + perhaps for _, sure, perhaps in steps), default=1) or 1
    x = {"field": "n", "type": "quantitative", "axis": None}
    bars = {
        "data": {"values": values},
        "mark": {"type": "bar", "height": {"band": 1}},
        "encoding": {"y": y, "x": {**x, "stack": "zero"}, "order": {"field": "order"},
                     "color": _colour(kinds, [MARK, PALE])},
    }  # fmt: skip
    scale = {"domainMax": most * (1.45 if phone else 1.3)}
    text = {
        "data": {"values": totals},
        "mark": {"type": "text", "align": "left", "dx": 8},
        "encoding": {"y": y, "x": {**x, "scale": scale}, "text": {"field": "text"}},
    }
    names = {
        "data": {"values": totals},
        "mark": {"type": "text", "align": "left", "baseline": "bottom", "dy": -13},
        "encoding": {"y": y, "x": {"datum": 0}, "text": {"field": "who"}},
    }
    layers = [bars, text, names] if phone else [bars, text]
    return {"height": {"step": 52 if phone else 40}, "layer": layers}


def plain(steps: Sequence[tuple[str, int]], size: str) -> Spec:
    """Return bars of one colour, with their numbers beside them."""
    short = _names([name for name, _ in steps], _SHORT[size])
    values = [{"who": short[name], "n": n, "text": f"{n:,}"} for name, n in steps]
    most = max((n for _, n in steps), default=0) or 1
    x: Spec = {
        "field": "n", "type": "quantitative", "axis": None,
        "scale": {"domain": [0, most * _ROOM[size]]},
    }  # fmt: skip
    bars: Spec = {
        "data": {"values": values},
        "mark": {"type": "bar", "color": MARK, "height": {"band": 1}},
        "encoding": {"y": _bars([short[name] for name, _ in steps]), "x": x},
    }
    return {"height": {"step": 34}, "layer": [bars, _beside(values, x)]}


def _colour(kinds: Sequence[str], colours: Sequence[str], **legend: Any) -> Spec:
    scale = {"domain": list(kinds), "range": list(colours)}
    encoding: Spec = {"field": "kind", "type": "nominal", "sort": list(kinds), "scale": scale}
    return encoding | ({"legend": legend} if legend else {})


def _span(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def area(points: Sequence[tuple[int, float]], size: str) -> Spec:
    """Return an area of a growing share (0 to 1) over minutes."""
    values = [{"minute": minute, "share": share} for minute, share in points]
    x: Spec = {
        "field": "minute", "type": "quantitative", "title": "Minutes after the first",
        "axis": {"grid": False, "tickCount": 4 if size == "narrow" else 8, "format": ",d",
                 "tickMinStep": 1},
        "scale": {"nice": False},
    }  # fmt: skip
    y: Spec = {
        "field": "share", "type": "quantitative", "title": None, "scale": {"domain": [0, 1]},
        "axis": {"format": ".0%", "tickCount": 4},
    }  # fmt: skip
    return {
        "height": 220,
        "data": {"values": values},
        "mark": {
            "type": "area", "interpolate": "step-after", "color": PALE,
            "line": {"color": MARK, "strokeWidth": 2.5, "interpolate": "step-after"},
        },
        "encoding": {"x": x, "y": y},
    }  # fmt: skip


def shares(
    values: Sequence[Spec], size: str, kinds: Sequence[str], words: Mapping[str, str]
) -> Spec:
    """Return bars of shares stacked by kind, with the text of *words* beside each bar."""
    short = _names([value["who"] for value in values], _SHORT[size])
    shown = [{**value, "who": short[value["who"]]} for value in values]
    whole: Counter[str] = Counter()
    for value in shown:
        whole[value["who"]] += value["share"]
    x: Spec = {
        "field": "share", "type": "quantitative", "title": None, "stack": "zero", "axis": None,
        "scale": {"domain": [0, max([0.001, *whole.values()]) * _ROOM[size]]},
    }  # fmt: skip
    bars: Spec = {
        "data": {"values": shown},
        "mark": {"type": "bar", "height": {"band": 1}},
        "encoding": {
            "y": _bars(list(whole)),
            "x": x,
            "color": {
                "field": "kind", "type": "nominal", "sort": list(kinds),
                "scale": {"domain": list(kinds), "range": [LINE, PALE, MARK, SOFT]},
                "legend": {"columns": 2 if size == "narrow" else 4},
            },
        },
    }  # fmt: skip
    ends = [{"who": short[who], "share": whole[short[who]], "text": words[who]} for who in words]
    return {"height": {"step": 34}, "layer": [bars, _beside(ends, x)]}


def rates(values: Sequence[Spec], size: str, words: Mapping[str, str]) -> Spec:
    """Return bars of complaint rates with Gmail's two limits, and the text of *words*."""
    short = _names([value["who"] for value in values], _SHORT[size])
    shown = [{**value, "who": short[value["who"]], "text": words[value["who"]]} for value in values]
    top = max(
        [COMPLAINTS_BAD * _ROOM[size], *(float(value["rate"]) * _ROOM[size] for value in values)]
    )
    x: Spec = {
        "field": "rate", "type": "quantitative", "title": None, "axis": None,
        "scale": {"domain": [0, top], "nice": False},
    }  # fmt: skip
    names = ["0.1%: stay below", "0.3%: never reach"]
    legend: Spec = {"symbolType": "stroke", "symbolStrokeWidth": 2, "symbolSize": 300}
    legend |= {"columns": 1 if size == "narrow" else 2}
    kind: Spec = {"field": "kind", "type": "nominal", "sort": names, "legend": legend}
    lines: Spec = {
        "data": {"values": [
            {"rate": COMPLAINTS_GOOD, "kind": names[0]}, {"rate": COMPLAINTS_BAD, "kind": names[1]}
        ]},
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {
            "x": {**x, "stack": None},
            "color": {**kind, "scale": {"domain": names, "range": [SOFT, BAD]}},
            "strokeDash": {**kind, "scale": {"domain": names, "range": [[4, 3], [1, 0]]}},
        },
    }  # fmt: skip
    bars: Spec = {
        "data": {"values": shown},
        "mark": {"type": "bar", "color": MARK, "height": {"band": 1}},
        "encoding": {"y": _bars([value["who"] for value in shown]), "x": x},
    }
    # Text begins right of both lines, so that no line crosses it.
    ends = [{**value, "rate": max(float(value["rate"]), COMPLAINTS_BAD)} for value in shown]
    return {"height": {"step": 34}, "layer": [bars, lines, _beside(ends, x)]}


def _beside(ends: Sequence[Spec], x: Spec) -> Spec:
    """Return the layer that writes a text at the end of each bar."""
    return {
        "data": {"values": list(ends)},
        "mark": {"type": "text", "align": "left", "dx": 8},
        "encoding": {
            "y": _bars([value["who"] for value in ends]),
            "x": {**x, "stack": None},
            "text": {"field": "text"},
        },
    }


def against(rows: Sequence[tuple[str, Mapping[str, float], Sequence[float]]], size: str) -> Spec:
    """Return marks from 0 to 100 for each name: its shares by kind, over an interval or none."""
    phone = size == "narrow"  # names stand above their lines
    short = _names([name for name, _, _ in rows], _ABOVE if phone else _SHORT[size])
    names = [short[name] for name, _, _ in rows]
    kinds = sorted({kind for _, shares, _ in rows for kind in shares})
    y = _bars(names)
    if phone:
        y |= {"axis": None, "scale": {"paddingInner": 0.62, "paddingOuter": 0.5}}
    x: Spec = {
        "field": "share", "type": "quantitative", "title": None,
        "axis": {"values": [0, 25, 50, 75, 100], "labelExpr": "datum.value + '%'"},
        "scale": {"domain": [-3, 103]},  # room for half a mark
    }  # fmt: skip
    spans = [
        {"who": short[name], "share": between[0], "to": between[1]}
        for name, _, between in rows
        if between
    ]
    marks = [
        {"who": short[name], "kind": kind, "share": share}
        for name, shares, _ in rows
        for kind, share in shares.items()
    ]
    layers: list[Spec] = [
        {
            "data": {"values": spans},
            "mark": {"type": "bar", "color": PALE, "height": 10, "cornerRadius": 5},
            "encoding": {"y": y, "x": x, "x2": {"field": "to"}},
        },
        {
            "data": {"values": marks},
            "mark": {"type": "point", "size": 110, "strokeWidth": 2.5, "opacity": 1},
            "encoding": {
                "y": y,
                "x": x,
                "color": _colour(kinds, [INK, MARK], symbolType=None),
                "shape": {
                    "field": "kind", "type": "nominal", "sort": kinds,
                    "scale": {"domain": kinds, "range": ["diamond", "circle"]},
                },
            },
        },
    ]  # fmt: skip
    if phone:
        layers.append(
            {
                "data": {"values": [{"who": name} for name in names]},
                "mark": {"type": "text", "align": "left", "baseline": "bottom", "dy": -13},
                "encoding": {"y": y, "x": {"datum": 0}, "text": {"field": "who"}},
            }
        )
    return {"height": {"step": 52 if phone else 40}, "layer": layers}


def courses(
    title: str, lines: Sequence[tuple[str, Sequence[tuple[str, float]]]], size: str
) -> Spec:
    """Return shares (0 to 100) over days (ISO), a line for each of two names, below a title."""
    names = [name for name, _ in lines]
    values = [
        {"who": name, "day": day, "share": share} for name, points in lines for day, share in points
    ]
    days = sorted({day for _, points in lines for day, _ in points})
    every = -(-len(days) // (4 if size == "narrow" else 8))
    kind: Spec = {"field": "who", "type": "nominal", "sort": names}
    return {
        "title": {"text": title, "anchor": "start", "color": INK, "fontSize": 15, "offset": 8},
        "height": 180,
        "data": {"values": values},
        "mark": {"type": "line", "strokeWidth": 2.5, "interpolate": "step-after"},
        "encoding": {
            "x": {"field": "day", "type": "temporal", "timeUnit": "utcyearmonthdate", "title": None,
                  "axis": {"grid": False, "format": "%-d %b", "values": days[::every],
                           "labelFlush": True}},
            "y": {"field": "share", "type": "quantitative", "title": None,
                  "scale": {"domain": [0, 100]},
                  "axis": {"values": [0, 25, 50, 75, 100], "labelExpr": "datum.value + '%'"}},
            "color": {**kind, "scale": {"domain": names, "range": [MARK, SOFT]},
                      "legend": {"symbolType": "stroke", "symbolSize": 300,
                                 "symbolStrokeWidth": 2.5}},
            "strokeDash": {**kind, "scale": {"domain": names, "range": [[1, 0], [6, 4]]}},
        },
    }  # fmt: skip


def weeks(values: Sequence[Spec], size: str) -> Spec:
    """Return bars by week: upwards for readers who joined, downwards for readers who left."""
    weeks = list(dict.fromkeys(value["week"] for value in values))
    every = 1 if len(weeks) <= _FEW_WEEKS else 3 if size == "narrow" else 2
    x: Spec = {
        "field": "week", "type": "ordinal", "sort": weeks, "title": None,
        "axis": {"labelAngle": 0, "grid": False, "values": weeks[::-1][::every],
                 "labelExpr": "'W' + slice(datum.value, 6)"},
        "scale": {"paddingInner": 0.35},
    }  # fmt: skip
    return {
        "height": 200,
        "data": {"values": list(values)},
        "mark": {"type": "bar"},
        "encoding": {
            "x": x,
            "y": {"field": "n", "type": "quantitative", "title": None, "stack": "zero",
                  "axis": {"tickCount": 4, "tickMinStep": 1,
                           "labelExpr": "format(abs(datum.value), ',d')"}},
            "color": {"field": "kind", "type": "nominal", "sort": ["joined", "left"],
                      "scale": {"domain": ["joined", "left"], "range": [MARK, BAD]}},
        },
    }  # fmt: skip
