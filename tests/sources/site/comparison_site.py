"""Make a site of comparison pages from the samples: what each address shows, and since when.

The pages look as such pages do: a menu, a footer, a list of others, and between them the lines of
the comparison. Every second one has JSON-LD as well.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from html import escape
from urllib.parse import quote

import orjson

from digest.comparisons.loader import read_file
from digest.comparisons.page_parser import parse_page
from digest.comparisons.schema import ComparisonDraft, ContenderDraft
from digest.comparisons.slug import slugify
from digest.errors import ComparisonUnreadable
from digest.samples import comparisons

SINCE = datetime(2026, 10, 1, tzinfo=UTC)
NEWEST = 50  #: pages in the feeds
#: Pages in the large sitemap that are no comparison, or should never be asked for.
HOSTILE = (
    "bomb",
    "announced",
    "unannounced",
    "chunks",
    "drip",
    "silent",
    "long-head",
    "chatter",
    "cut",
    "loop",
    "to-loopback",
    "to-metadata",
    "to-file",
)
_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
_STYLE = ".share { font-size: 2rem } nav a { padding: .5rem }"
_FRAME = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title} | Side by Side</title>
<meta name="description" content="{title}: what a panel says"><style>{style}</style>{data}
<script>window.shown = "{title}";</script></head><body>
<div class="banner" role="dialog"><p>We use cookies.</p><button>Accept all</button></div>
<header><a href="/">Side by Side</a><nav><ul><li><a href="/comparisons/">Comparisons</a></li>
<li><a href="/about">About us</a></li><li><a href="/login">Log in</a></li></ul></nav></header>
<main>{main}</main>
<aside><h2>More comparisons</h2><ul>{others}</ul></aside>
<footer><p>Made for people who choose tools.</p><a href="/privacy">Privacy</a></footer>
</body></html>
"""


@dataclass(frozen=True, kw_only=True)
class SitePage:
    """One comparison as the site shows it now."""

    number: int
    draft: ComparisonDraft
    changed_at: datetime
    data: bool  #: whether it has JSON-LD
    broken: bool = False  #: whether its scorecard is missing

    @property
    def slug(self) -> str:
        return slugify(self.draft.title)

    @property
    def path(self) -> str:
        """The path as people write it; in a sitemap and a feed it is quoted."""
        return f"/comparisons/{self.slug}"

    @property
    def quoted(self) -> str:
        return quote(self.path)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What an address answers with."""

    body: bytes
    media_type: str = "text/html; charset=utf-8"
    changed_at: datetime = SINCE

    @property
    def tag(self) -> str:
        return f'"{sha256(self.body).hexdigest()[:16]}"'


@dataclass
class ComparisonSite:
    """A site at *url*, whose pages can be changed, removed, broken and added."""

    url: str
    pages: dict[str, SitePage] = field(default_factory=dict)
    crawl_delay: float = 0
    clock: datetime = SINCE

    def add(self, count: int) -> list[str]:
        """Publish *count* more pages; return their slugs."""
        samples = _samples()
        added = []
        for number in range(len(self.pages), len(self.pages) + count):
            draft = _numbered(samples[number % len(samples)], number // len(samples))
            page = SitePage(
                number=number, draft=draft, changed_at=self._later(), data=number % 2 == 0
            )
            self.pages[page.slug] = page
            added.append(page.slug)
        return added

    def change(self, slug: str) -> None:
        """Let the left tool of a page cost something else, and say so."""
        page = self.pages[slug]
        left, right = page.draft.contenders
        words = f"{left.description}\n\nChanged for the {self.clock.isoformat()} edition."
        left = left.model_copy(update={"description": words, "entry_text": "Freemium"})
        draft = page.draft.model_copy(update={"contenders": (left, right)})
        self.pages[slug] = replace(page, draft=draft, changed_at=self._later())

    def remove(self, slug: str) -> None:
        """Take a page down: it is not found from now on."""
        del self.pages[slug]

    def damage(self, slug: str) -> None:
        """Let a page lose its scorecard."""
        self.pages[slug] = replace(self.pages[slug], broken=True, changed_at=self._later())

    def shown(self, path: str) -> Shown | None:
        """Return what is at *path*; ``None`` where nothing is."""
        page = self.pages.get(path.removeprefix("/comparisons/").removesuffix(".json"))
        if page is not None and path.startswith("/comparisons/"):
            return self._json(page) if path.endswith(".json") else self._html(page)
        makers = {
            "/robots.txt": self._robots,
            "/comparisons/": self._list,
            "/private/page": lambda: Shown(body=b"<p>Nobody was asked to read this.</p>"),
            "/sitemap.xml": lambda: self._sitemap([]),
            "/sitemap-all.xml": lambda: self._sitemap(
                ["/private/page", *(f"/hostile/{name}" for name in HOSTILE)]
            ),
            "/sitemap-index.xml": self._index,
            "/sitemap.xml.gz": self._packed_sitemap,
            "/feed.atom": self._atom,
            "/feed.rss": self._rss,
            "/feed.json": self._json_feed,
        }
        return makers[path]() if path in makers else None

    def _later(self) -> datetime:
        self.clock += timedelta(hours=1)
        return self.clock

    def _newest(self) -> list[SitePage]:
        by_change = sorted(self.pages.values(), key=lambda page: page.changed_at, reverse=True)
        return by_change[:NEWEST]

    def _robots(self) -> Shown:
        delay = f"Crawl-delay: {self.crawl_delay:g}\n" if self.crawl_delay else ""
        text = f"User-agent: *\nDisallow: /private/\n{delay}\nSitemap: {self.url}/sitemap.xml\n"
        return Shown(body=text.encode(), media_type="text/plain")

    def _html(self, page: SitePage) -> Shown:
        lines = [line for line in _markup(page.draft) if not (page.broken and "scorecard" in line)]
        others = [self.pages[slug] for slug in list(self.pages)[page.number + 1 :][:3]]
        body = _FRAME.format(
            title=escape(page.draft.title),
            style=_STYLE,
            data=_json_ld(page, self.url) if page.data and not page.broken else "",
            main="\n".join(lines),
            others="".join(_link(other) for other in others),
        )
        return Shown(body=body.encode(), changed_at=page.changed_at)

    def _json(self, page: SitePage) -> Shown:
        content = page.draft.model_dump(mode="json", exclude_none=True, exclude={"form", "source"})
        for contender in content["contenders"]:
            contender["entry"] = contender.pop("entry_text")
        body = orjson.dumps({"format": 1, **content})
        return Shown(body=body, media_type="application/json", changed_at=page.changed_at)

    def _list(self) -> Shown:
        links = "".join(_link(page) for page in self.pages.values())
        title = "All comparisons"
        main = f"<h1>{title}</h1><ul>{links}</ul>"
        text = _FRAME.format(title=title, style=_STYLE, data="", main=main, others="")
        return Shown(body=text.encode(), changed_at=self.clock)

    def _sitemap(self, more: list[str]) -> Shown:
        dated = [(page.path, page.changed_at) for page in self.pages.values()]
        urls = "".join(
            f"<url><loc>{self.url}{quote(path)}</loc><lastmod>{at.isoformat()}</lastmod></url>"
            for path, at in [*dated, *((path, SINCE) for path in more)]
        )
        return _xml(f'<urlset xmlns="{_SITEMAP}">{urls}</urlset>', self.clock)

    def _packed_sitemap(self) -> Shown:
        body = gzip.compress(self._sitemap([]).body, mtime=0)
        return Shown(body=body, media_type="application/gzip", changed_at=self.clock)

    def _index(self) -> Shown:
        at = self.clock.date().isoformat()
        entry = f"<sitemap><loc>{self.url}/sitemap.xml.gz</loc><lastmod>{at}</lastmod></sitemap>"
        return _xml(f'<sitemapindex xmlns="{_SITEMAP}">{entry}</sitemapindex>', self.clock)

    def _atom(self) -> Shown:
        entries = "".join(
            f"<entry><title>{escape(page.draft.title)}</title><id>{self.url}{page.quoted}</id>"
            f'<link href="{page.quoted}"/><updated>{page.changed_at.isoformat()}</updated></entry>'
            for page in self._newest()
        )
        head = f"<title>Side by Side</title><id>{self.url}/</id>"
        feed = f'<feed xmlns="http://www.w3.org/2005/Atom">{head}{entries}</feed>'
        return _xml(feed, self.clock, "application/atom+xml")

    def _rss(self) -> Shown:
        items = "".join(
            f"<item><title>{escape(page.draft.title)}</title><link>{self.url}{page.quoted}</link>"
            f"<pubDate>{format_datetime(page.changed_at)}</pubDate></item>"
            for page in self._newest()
        )
        head = f"<title>Side by Side</title><link>{self.url}/</link><description/>"
        feed = f'<rss version="2.0"><channel>{head}{items}</channel></rss>'
        return _xml(feed, self.clock, "application/rss+xml")

    def _json_feed(self) -> Shown:
        items = [
            {
                "id": page.slug,
                "url": f"{self.url}{page.quoted}",
                "title": page.draft.title,
                "date_modified": page.changed_at.isoformat(),
            }
            for page in self._newest()
        ]
        feed = {"version": "https://jsonfeed.org/version/1.1", "title": "Side by Side"}
        body = orjson.dumps({**feed, "items": items})
        return Shown(body=body, media_type="application/feed+json", changed_at=self.clock)


def _samples() -> list[ComparisonDraft]:
    """Return the samples that a page can say whole, which has no calls and four reviewers."""
    drafts = (read_file(path) for path in comparisons())
    return [draft for draft in drafts if _fits_page(draft)]


def _fits_page(draft: ComparisonDraft) -> bool:
    try:
        parse_page("\n".join(lines(draft)))
    except ComparisonUnreadable:
        return False
    return True


def _numbered(draft: ComparisonDraft, edition: int) -> ComparisonDraft:
    """Return a sample whose tools are of another edition, so that it is another comparison."""
    suffix = f" {edition + 1}" if edition else ""
    left, right = (
        side.model_copy(update={"name": side.name + suffix, "url": None})
        for side in draft.contenders
    )
    title = f"{left.name} vs {right.name}"
    update = {"title": title, "contenders": (left, right), "slug": None, "url": None}
    return draft.model_copy(update=update)


def lines(draft: ComparisonDraft) -> Iterator[str]:
    """Yield the lines of a page, in the order that the text parser knows."""
    yield draft.kicker or "AI tools side by side"
    yield draft.title
    yield " ".join(filter(None, (draft.question, draft.intro)))
    for side in draft.contenders:
        yield from (side.category, side.name, side.tagline)
        yield from (_share(side.panel_share), "Panel ship")
        yield from (_share(side.community_share), "Community")
        yield from (side.entry_text or "—", "Entry")
        yield from side.description.split("\n\n")
    yield "Reviewer scorecard"
    yield from (f"“{quote}”" for quote in _quotes(draft))
    yield from draft.closing


def _quotes(draft: ComparisonDraft) -> Iterator[str]:
    left, right = draft.contenders
    for said, answered in zip(left.verdicts, right.verdicts, strict=False):
        yield said.quote
        yield answered.quote


def _share(share: float | None) -> str:
    return "—" if share is None else f"{share:g}%"


def _markup(draft: ComparisonDraft) -> Iterator[str]:
    """Yield the elements that show what `lines` says."""
    kicker, title, lead = list(lines(draft))[:3]
    yield f'<article><p class="kicker">{escape(kicker)}</p><h1>{escape(title)}</h1>'
    yield f"<p>{escape(lead)}</p>"
    for side in draft.contenders:
        yield from _contender(side)
    yield "<section><h2>Reviewer scorecard</h2>"
    for said in _quotes(draft):
        paragraphs = "</p><p>".join(escape(f"“{said}”", quote=False).split("\n\n"))
        yield f"<blockquote><p>{paragraphs}</p></blockquote>"
    yield "</section>"
    yield from (f"<p>{escape(line)}</p>" for line in draft.closing)
    yield "</article>"


def _contender(side: ContenderDraft) -> Iterator[str]:
    yield f'<section class="tool"><p class="category">{escape(side.category)}</p>'
    yield f"<h2>{escape(side.name)}</h2><p>{escape(side.tagline)}</p>"
    for value, label in (
        (_share(side.panel_share), "Panel ship"),
        (_share(side.community_share), "Community"),
        (side.entry_text or "—", "Entry"),
    ):
        yield f'<div><div class="share">{escape(value)}</div><div>{label}</div></div>'
    yield "".join(f"<p>{escape(part)}</p>" for part in side.description.split("\n\n"))
    yield "</section>"


def _json_ld(page: SitePage, url: str) -> str:
    """Return the page as schema.org says it: a list of tools, with a review from each seat."""
    tools = [
        {
            "@type": "SoftwareApplication",
            "name": side.name,
            "description": side.tagline,
            "applicationCategory": side.category,
            "review": [
                {
                    "@type": "Review",
                    "author": {"@type": "Person", "name": f"Reviewer {verdict.seat}"},
                    "reviewBody": verdict.quote,
                }
                for verdict in side.verdicts
            ],
        }
        for side in page.draft.contenders
    ]
    told = {
        "@context": "https://schema.org",
        "@type": "ItemList",
        "name": page.draft.title,
        "url": url + page.quoted,
        "itemListElement": tools,
    }
    text = orjson.dumps(told).decode().replace("<", "\\u003c")
    return f'<script type="application/ld+json">{text}</script>'


def _link(page: SitePage) -> str:
    return f'<li><a href="{page.path}">{escape(page.draft.title)}</a></li>'


def _xml(text: str, changed_at: datetime, media_type: str = "application/xml") -> Shown:
    body = f'<?xml version="1.0" encoding="utf-8"?>\n{text}'.encode()
    return Shown(body=body, media_type=media_type, changed_at=changed_at)
