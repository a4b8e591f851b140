"""What templates may read of an issue, all of it finished, and how a contender's fields get there.

A mail reads an `IssueView`; the page of one comparison reads its `ComparisonView` and more.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from digest.comparisons.models import Call, Contender
from digest.comparisons.score import split
from digest.issues.content.mail_texts import EN, MailTexts, mail_texts
from digest.render.accent import OWN, Accent
from digest.render.escaping import one_line, strip_unprintable
from digest.render.filters import is_web_link, link
from digest.render.graphemes import truncate

_NAME, _TAGLINE, WORD = 80, 160, 40  #: characters the design has room for
_LINK = 700  # bytes; a longer one can't be kept on one line of the mail


@dataclass(frozen=True, kw_only=True)
class QuoteView:
    """The passage of one reviewer's verdict on one tool that the mail shows."""

    text: str  #: whole sentences, or one cut short with an ellipsis
    seat: int
    reviewer: str | None  #: a name, where one is published
    about: str  #: the tool's name
    call: str | None  #: "ship", "skip", or ``None`` when it isn't published
    dissent: bool = False  #: the one call against all others on this tool


@dataclass(frozen=True, kw_only=True)
class ContenderView:
    """One side of a comparison."""

    name: str
    category: str
    tagline: str
    description: tuple[str, ...]  #: by paragraph
    panel_share: float | None  #: percent
    ships: int | None  #: reviewers who would ship; ``None`` when it isn't known
    skips: int | None
    seats: int
    entry: str  #: "Free", "Paid", the published word, or empty
    community_share: float | None  #: percent; ``None`` is shown as a dash, never as 0
    url: str | None
    words: MailTexts = EN  #: of the newsletter's language

    @property
    def split(self) -> str:
        """Return the split in words: "3 ship, 1 skip", "All 4 ship", or empty."""
        if self.ships is None or self.skips is None:
            return ""
        if self.skips == 0:
            return self.words.all_ship % self.seats
        if self.ships == 0:
            return self.words.all_skip % self.seats
        return self.words.split % (self.ships, self.skips)


def contender_view(contender: Contender, *, seats: int, words: MailTexts = EN) -> ContenderView:
    """Return the view of one contender; *seats* is the size of the panel."""
    panel_share = _share(contender.panel_share)
    ships = _ships(contender, panel_share, seats)
    return ContenderView(
        name=short(contender.name, _NAME) or "An unnamed tool",
        category=short(contender.category, WORD),
        tagline=short(contender.tagline, _TAGLINE),
        description=paragraphs(contender.description),
        panel_share=panel_share,
        ships=ships,
        skips=None if ships is None else seats - ships,
        seats=seats,
        entry=_entry(contender, words),
        community_share=_share(contender.community_share),
        url=web_link(contender.url),
        words=words,
    )


def _share(value: float | None) -> float | None:
    """Return *value* when it is a share in percent, else ``None``, also for NaN."""
    return value if value is not None and isfinite(value) and 0 <= value <= 100 else None  # noqa: PLR2004


def _ships(contender: Contender, panel_share: float | None, seats: int) -> int | None:
    """Count the reviewers who would ship: by the share, else by the calls when all are known."""
    if panel_share is not None:
        seat_split = split(panel_share, seats)
        return seat_split.ships if seat_split else None
    calls = [verdict.call for verdict in contender.verdicts if verdict.call]
    return calls.count(Call.SHIP) if len(calls) == seats else None


def _entry(contender: Contender, words: MailTexts) -> str:
    published = short(contender.entry_text, WORD)
    return words.entries.get(contender.entry, published) if contender.entry else published


def short(text: str, limit: int) -> str:
    """Return stored text as one line of at most *limit* characters."""
    return truncate(one_line(text), limit)


def paragraphs(text: str) -> tuple[str, ...]:
    """Return the lines of stored text that aren't blank, as printable text."""
    lines = (" ".join(line.split()) for line in strip_unprintable(text).split("\n"))
    return tuple(line for line in lines if line)


def web_link(url: str | None) -> str | None:
    """Return *url* when a mail can link to it, else ``None``."""
    return url if url and is_web_link(url) and len(link(url)) <= _LINK else None


@dataclass(frozen=True, kw_only=True)
class ComparisonView:
    """One comparison as the mail shows it."""

    title: str
    slug: str
    url: str  #: of the full comparison
    category: str  #: both contenders', once where they share it
    labels: tuple[str, ...]
    headline: str  #: one sentence on how the panel leans
    contenders: tuple[ContenderView, ...]  #: two; fewer where a side is gone
    quotes: tuple[QuoteView, ...]  #: the sharpest for and against; any dissent among them
    quoted: int  #: how many quotes the full comparison has
    note: str = ""  #: a sentence on what wasn't published, or empty


@dataclass(frozen=True, kw_only=True)
class SponsorView:
    """A sponsored block, labelled as one; without a text it isn't shown."""

    name: str = ""
    text: str = ""
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class ChangeView:
    """One thing that was wrong, in words: "Panel share of Modal" was "75 %", and is "100 %"."""

    what: str
    comparison: str  #: its title
    was: str
    now: str


@dataclass(frozen=True, kw_only=True)
class CorrectionView:
    """What a correction says of the issue that was wrong."""

    number: int  #: of the weekly issue that was wrong
    why: str  #: the editor's own words, or empty
    changes: tuple[ChangeView, ...]


@dataclass(frozen=True, kw_only=True)
class IssueView:
    """One issue as the mail shows it."""

    newsletter: str
    description: str
    number: int
    period: str
    date: str  #: as a reader reads it: "24 November 2026"
    language: str
    subject: str
    preheader: str
    opening: str
    comparisons: tuple[ComparisonView, ...]
    base_url: str
    web_url: str  #: view in browser; empty where the newsletter isn't on the site
    postal_address: str  #: line by line
    unsubscribe_url: str  #: ends in the reader's tag
    preferences_url: str  #: ends in the reader's tag
    tracking: str = ""  #: one sentence on what is recorded of opens and clicks
    tracked: bool = False  #: whether the provider rewrites links
    sponsor: SponsorView | None = None
    accent: Accent = OWN
    correction: CorrectionView | None = None  #: of the issue that this one corrects

    @property
    def words(self) -> MailTexts:
        """Return the fixed words in the language of the newsletter."""
        return mail_texts(self.language)

    @property
    def label(self) -> str:
        """Return the number as readers read it: "No. 12", "Correction to No. 12"."""
        if self.correction is None:
            return self.words.number % self.number
        return self.words.correction_to % self.correction.number
