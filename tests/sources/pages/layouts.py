"""The same comparison as different sites would publish it in HTML."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from digest.comparisons.schema import ComparisonDraft, ContenderDraft

URL = "https://tools.example/compare/a-vs-b"

_AROUND = (
    '<!doctype html><html lang="en"><head><title>T | Site</title><style>p { color: red }</style>'
    "<script>var x = '<div>' + 1 < 2;</script></head><body>"
    '<header><a href="/">The Site</a><nav><ul><li><a href="/compare">Compare</a></ul></nav>'
    "</header>"
    '<div role="dialog" hidden>We use cookies.<button>Fine</button></div>'
    "{}<footer><p>Imprint</p></footer></body></html>"
)


def page(main: str) -> str:
    """A whole page around its main part."""
    return _AROUND.replace("{}", main)


def _share(share: float | None) -> str:
    return "—" if share is None else f"{share:g}%"


def _quotes(draft: ComparisonDraft) -> list[str]:
    left, right = (side.verdicts for side in draft.contenders)
    pairs = zip(left, right, strict=True)
    return [escape(verdict.quote) for pair in pairs for verdict in pair]


def _lead(draft: ComparisonDraft) -> str:
    return escape(f"{draft.question} {draft.intro}".strip())


def _paragraphs(text: str, tag: str = "p") -> str:
    return "".join(f"<{tag}>{escape(part)}</{tag}>" for part in text.split("\n\n"))


def plain(draft: ComparisonDraft) -> str:
    """A paragraph a line."""
    sides = "".join(
        "\n".join(
            f"<p>{line}</p>"
            for line in (
                escape(side.category),
                escape(side.name),
                escape(side.tagline),
                _share(side.panel_share),
                "Panel ship",
                _share(side.community_share),
                "Community",
                escape(side.entry_text) or "—",
                "Entry",
            )
        )
        + _paragraphs(side.description)
        for side in draft.contenders
    )
    quotes = "".join(f"<p>“{quote}”</p>" for quote in _quotes(draft))
    closing = "".join(f"<p>{escape(line)}</p>" for line in draft.closing)
    return page(
        f"<main><p>{escape(draft.kicker)}</p><h1>{escape(draft.title)}</h1><p>{_lead(draft)}</p>"
        f"{sides}<h2>Reviewer scorecard</h2>{quotes}{closing}</main>"
    )


def nested(draft: ComparisonDraft) -> str:
    """Components in components, words in spans, breadcrumbs, and words for screen readers."""

    def card(side: ContenderDraft) -> str:
        return (
            f'<div class="card"><div><div><span>{escape(side.category)}</span></div>'
            f"<h2><a href='/t'>{escape(side.name)}</a></h2><div>{escape(side.tagline)}</div></div>"
            f'<div class="grid"><div><span>{_share(side.panel_share).replace("%", "<!-- -->%")}'
            "</span><span>Panel ship</span></div>"
            f"<div><span>{_share(side.community_share)}</span>\n  <span>Community</span></div>"
            f"<div><b>{escape(side.entry_text) or '—'}</b><small>Entry</small></div></div>"
            f"<div>{_paragraphs(side.description, 'div')}</div>"
            '<p class="sr-only">End of the card</p><button>Vote ship</button></div>'
        )

    first, _, second = escape(draft.title).partition(" vs ")
    quotes = "".join(f"<blockquote><p>{quote}</p></blockquote>" for quote in _quotes(draft))
    closing = "".join(f"<p>{escape(line)}</p>" for line in draft.closing)
    return page(
        '<div id="app"><main><nav>Home / Compare</nav>'
        f"<div>{escape(draft.kicker)}</div><h1><span>{first}</span> <i>vs</i> <span>{second}</span>"
        f"</h1><p>{_lead(draft)}</p><div>{''.join(map(card, draft.contenders))}</div>"
        f"<section><h2>Reviewer&nbsp;scorecard</h2>{quotes}</section>{closing}"
        "<form><label>Email</label><input><button>Subscribe</button></form></main>"
        "<aside>Read next</aside></div>"
    )


def table(draft: ComparisonDraft) -> str:
    """A cell for each tool and each quote, with lines broken by hand; no main element."""

    def cell(side: ContenderDraft) -> str:
        return "<td>" + "<br>".join(
            (
                escape(side.category),
                f"<strong>{escape(side.name)}</strong>",
                f"<em>{escape(side.tagline)}</em>",
                _share(side.panel_share).replace("%", "&nbsp;%"),
                "PANEL SHIP",
                _share(side.community_share),
                "Community",
                escape(side.entry_text) or "&mdash;",
                "Entry",
                *(escape(part) for part in side.description.split("\n\n")),
            )
        )

    quotes = _quotes(draft)
    rows = "".join(
        f"<tr><td>&ldquo;{left}&rdquo;<td>&quot;{right}&quot;</tr>"
        for left, right in zip(quotes[::2], quotes[1::2], strict=True)
    )
    closing = "<br>".join(escape(line) for line in draft.closing)
    return page(
        f"<center>{escape(draft.kicker)}<h1>{escape(draft.title)}</h1>{_lead(draft)}</center>"
        f"<table><tr>{''.join(map(cell, draft.contenders))}</table>"
        f"<h3>Reviewer scorecard</h3><table>{rows}</table>{closing}"
    )


LAYOUTS: tuple[Callable[[ComparisonDraft], str], ...] = (plain, nested, table)
