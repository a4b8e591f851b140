"""What templates may read of an issue, all of it finished, and how a contender's fields get there.

A mail reads an `IssueView`; the page of one comparison reads its `ComparisonView` and more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from digest.comparisons.models import Call, Contender, Entry
from digest.comparisons.score import split
from digest.render.accent import OWN, Accent
from digest.render.brand import OWN_FONTS, FontStack, LogoView
from digest.render.escaping import one_line, strip_unprintable
from digest.render.filters import is_web_link, link
from digest.render.graphemes import truncate
from digest.render.rich_text import RichText
from digest.votes import SHOWN_FROM, VoteCount, interval_in_words, votes_in_words
from subscribers.locale import percentage, translations

WHOLE = 100.0  #: the largest share, in percent
_BOTH = 2  # a panel of two has a word of its own
_NAME, _TAGLINE, WORD = 80, 160, 40  #: characters the design has room for
_POSSESSIVE = re.compile(r"['’]s?\b")
_NO_WORD = re.compile(r"[^\w.+#-]+")
_LINK = 700  # bytes; a longer one can't be kept on one line of the mail


@dataclass(frozen=True, kw_only=True)
class QuoteView:
    """The passage of one reviewer's verdict on one tool that the mail shows."""

    text: str  #: whole sentences, or one cut short with an ellipsis
    seat: int
    reviewer: str | None  #: a name, where one is published
    about: str  #: the tool's name
    byline: str  #: "Reviewer 2 on Modal", with the call where that is known
    call: str | None  #: "ship", "skip", or ``None`` when neither it nor the share tells it
    dissent: bool = False  #: the one call against all others on this tool
    chosen: bool = False  #: by an editor
    label: str = ""  #: why it leads, where it does for one reader: "The reviewer you agree with"


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
    price: Entry | None
    pricing: str  #: "Free", "Paid", the published word, or empty
    community_share: float | None  #: percent, as the page publishes it; ``None`` for none
    url: str | None  #: the tool's own page
    #: The votes of our own readers; ``None`` where the view shows none of them.
    votes: VoteCount | None = None
    votes_shown_from: int = SHOWN_FROM  #: votes from which their share is shown
    short_name: str  #: the name without what its tagline says, as in "Ship Modal."
    language: str = "en"
    tool: str = ""  #: its slug
    ship_url: str = ""  #: where a reader votes to ship; empty where one can't vote
    skip_url: str = ""  #: where a reader votes to skip

    @property
    def split(self) -> str:
        """Return the split in words: "3 ship · 1 skip", "All 4 ship", or empty."""
        if self.ships is None or self.skips is None:
            return ""
        words = translations(self.language)
        if self.seats == _BOTH and self.ships != self.skips:
            return words.gettext("Both ship") if self.ships else words.gettext("Both skip")
        if self.skips == 0:
            return words.ngettext("%(num)s ships", "All %(num)s ship", self.seats) % {
                "num": self.seats
            }
        if self.ships == 0:
            return words.ngettext("%(num)s skips", "All %(num)s skip", self.seats) % {
                "num": self.seats
            }
        text = words.gettext("%(ships)s ship · %(skips)s skip")
        return text % {"ships": self.ships, "skips": self.skips}

    @property
    def readers(self) -> str:
        """Return our readers' votes in words; empty where the view shows none of them."""
        if self.votes is None:
            return ""
        return votes_in_words(self.votes, self.language, shown_from=self.votes_shown_from)

    @property
    def readers_share(self) -> float | None:
        """Return our readers' share in percent; ``None`` where too few voted to show it."""
        enough = self.votes is not None and self.votes.votes >= self.votes_shown_from
        return self.votes.share if self.votes and enough else None

    @property
    def readers_interval(self) -> str:
        """Return how sure our readers' share is: "67–74%", or empty."""
        if self.votes is None:
            return ""
        return interval_in_words(self.votes, self.language, shown_from=self.votes_shown_from)

    @property
    def published(self) -> str:
        """Return the community's share as the page publishes it: "62% would ship", or empty."""
        if self.community_share is None:
            return ""
        share = percentage(self.community_share, self.language)
        return translations(self.language).gettext("%(share)s would ship") % {"share": share}

    @property
    def community(self) -> str:
        """Return the published share or "No votes yet", by the name that older templates have."""
        return self.published or translations(self.language).gettext("No votes yet")

    @property
    def entry(self) -> str:
        """Return the pricing, by the name that older templates have for it."""
        return self.pricing


def contender_view(contender: Contender, *, seats: int, language: str) -> ContenderView:
    """Return the view of one contender; *seats* is the size of the panel."""
    panel_share = _share(contender.panel_share)
    ships = _ships(contender, panel_share, seats)
    name = short(contender.name, _NAME) or translations(language).gettext("An unnamed tool")
    return ContenderView(
        name=name,
        short_name=_short_name(name, contender),
        category=short(contender.category, WORD),
        tagline=short(contender.tagline, _TAGLINE),
        description=paragraphs(contender.description),
        panel_share=panel_share,
        ships=ships,
        skips=None if ships is None else seats - ships,
        seats=seats,
        price=contender.entry,
        pricing=_pricing(contender, language),
        community_share=_share(contender.community_share),
        url=web_link(contender.url),
        language=language,
        tool=contender.tool.slug,
    )


def _short_name(name: str, contender: Contender) -> str:
    """Return the first words of a name where they alone are the tool's name, else all of it.

    They are when the description calls the tool so, and the other words only say what the tagline
    says: "Modal GPU Serverless Inference" is "Modal".
    """
    names, described = name.split(), _words_of(contender.description)
    tagline = {word.casefold() for word in _words_of(contender.tagline)}
    for end in range(1, len(names)):
        first, rest = names[:end], names[end:]
        if {word.casefold() for word in rest} <= tagline and _stands_alone(first, rest, described):
            return " ".join(first)
    return name


def _stands_alone(first: list[str], rest: list[str], described: list[str]) -> bool:
    """Return whether the description begins with *first*, and goes on with other words."""
    end = len(first)
    return described[:end] == first and described[end : end + 1] != rest[:1]


def _words_of(text: str) -> list[str]:
    """Return the words of a text, without possessive endings."""
    return [word for word in _NO_WORD.split(_POSSESSIVE.sub("", text)) if word]


def _share(value: float | None) -> float | None:
    """Return *value* when it is a share in percent, else ``None``, also for NaN."""
    return value if value is not None and isfinite(value) and 0 <= value <= WHOLE else None


def _ships(contender: Contender, panel_share: float | None, seats: int) -> int | None:
    """Count the reviewers who would ship: by the share, else by the calls when all are known."""
    if panel_share is not None:
        seat_split = split(panel_share, seats)
        return seat_split.ships if seat_split else None
    calls = [verdict.call for verdict in contender.verdicts if verdict.call]
    return calls.count(Call.SHIP) if len(calls) == seats else None


def _pricing(contender: Contender, language: str) -> str:
    words = translations(language)
    if contender.entry is Entry.FREE:
        return words.gettext("Free")
    if contender.entry is Entry.PAID:
        return words.gettext("Paid")
    return short(contender.entry_text, WORD) if contender.entry else ""


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


class Depth(StrEnum):
    """How much of a comparison an issue says."""

    FULL = "full"  #: the first one
    MEDIUM = "medium"  #: the second and the third: fewer quotes, no descriptions
    BRIEF = "brief"  #: all others: one line


@dataclass(frozen=True, kw_only=True)
class ComparisonView:
    """One comparison as the mail shows it."""

    title: str
    slug: str
    url: str  #: of the full comparison
    vote_url: str = ""  #: of the page where a reader votes on it; ends in the reader's tag
    kicker: str
    question: str
    intro: tuple[str, ...]  #: by paragraph
    category: str  #: both contenders', once where they share it
    labels: tuple[str, ...]
    contenders: tuple[ContenderView, ...]  #: two; fewer where a side is gone
    verdict_lead: str  #: "Ship Modal."
    verdict_rest: str  #: "All four reviewers would; one would skip Code Llama 4.", or empty
    quotes: tuple[QuoteView, ...]  #: the sharpest for and against; any dissent among them
    quoted: int  #: how many quotes the full comparison has
    depth: Depth = Depth.FULL
    note: str = ""  #: a sentence on what wasn't published, or empty
    words_of_editor: RichText | None = None  #: an editor's note on it

    @property
    def brief(self) -> str:
        """Return the verdict in one line."""
        return f"{self.verdict_lead} {self.verdict_rest}".strip()

    @property
    def headline(self) -> str:
        """Return the verdict in one line, by the name that older templates have for it."""
        return self.brief


@dataclass(frozen=True, kw_only=True)
class BlockView:
    """A block of an editor before or after the comparisons: words, else a picture."""

    text: RichText | None = None
    image: str = ""  #: address of the picture
    width: int = 0  #: pixels
    height: int = 0  #: pixels
    alt: str = ""  #: what the picture shows
    url: str = ""  #: where it leads, or empty


@dataclass(frozen=True, kw_only=True)
class SponsorView:
    """A sponsored block, labelled as one; without a text it isn't shown."""

    name: str = ""
    text: str = ""
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class ChangeView:
    """One thing that was wrong, in words: "Panel share of Modal" was "75%", and is "100%"."""

    what: str
    comparison: str  #: its title
    was: str
    now: str


@dataclass(frozen=True, kw_only=True)
class VerdictChangeView:
    """A comparison that an earlier issue carried, and how its verdict has changed since."""

    title: str
    url: str  #: of its page, which has its history
    sentences: tuple[str, ...]  #: "The panel’s share of Modal went from 100% to 75%."
    why: str = ""  #: an editor's own words, or empty


@dataclass(frozen=True, kw_only=True)
class CorrectionView:
    """What a correction says of the issue that was wrong."""

    number: int  #: of the weekly issue that was wrong
    why: str  #: the editor's own words, or empty
    changes: tuple[ChangeView, ...]


@dataclass(frozen=True, kw_only=True)
class EchoView:
    """What readers voted on the last issue, in a sentence, and where there is more."""

    text: str
    slug: str  #: of the comparison that it tells of
    url: str  #: of its page on this site


@dataclass(frozen=True, kw_only=True)
class IssueView:
    """One issue as the mail shows it."""

    newsletter: str
    description: str
    number: int
    period: str
    date: str  #: as a reader reads it: "24 November 2026"
    short_date: str  #: "24 Nov 2026"
    language: str
    subject: str
    preheader: str
    title: str  #: the story of the week: "Modal beats Code Llama 4, four ships to three"
    #: One sentence on what kind of week it is; an editor's own, without marks and links.
    opening: str
    opening_form: str  #: its wording without names, by which the next issue avoids it
    comparisons: tuple[ComparisonView, ...]
    base_url: str
    web_url: str  #: view in browser; empty where the newsletter isn't on the site
    postal_address: str  #: line by line
    unsubscribe_url: str  #: ends in the reader's tag
    preferences_url: str  #: ends in the reader's tag
    subscribe_url: str  #: of the sign-up page; empty where the newsletter isn't on the site
    invitation: tuple[str, ...]  #: the words before that link, a heading first
    tracking: str = ""  #: one sentence on what is recorded of opens and clicks
    tracked: bool = False  #: whether the provider rewrites links
    opening_text: RichText | None = None  #: the opening where an editor wrote it
    before: tuple[BlockView, ...] = ()  #: an editor's blocks, over the comparisons
    after: tuple[BlockView, ...] = ()  #: and below them
    changed: tuple[VerdictChangeView, ...] = ()  #: what changed since earlier issues
    changed_too: tuple[VerdictChangeView, ...] = ()  #: what there is no room to tell of
    sponsor: SponsorView | None = None
    accent: Accent = OWN
    fonts: FontStack = OWN_FONTS
    logo: LogoView | None = None
    correction: CorrectionView | None = None  #: of the issue that this one corrects
    echo: EchoView | None = None  #: before the opening; ``None`` where too few voted

    @property
    def label(self) -> str:
        """Return the number as readers read it: "No. 12", "Correction to No. 12"."""
        words = translations(self.language)
        if self.correction is None:
            return words.gettext("No. %(number)s") % {"number": self.number}
        return words.gettext("Correction to No. %(number)s") % {"number": self.correction.number}
