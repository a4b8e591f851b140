"""Sample issues that strain a layout, and sample readers, for the preview.

Hides which texts break templates: long words, emoji, right-to-left text, markup, missing facts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from digest.comparisons.models import (
    Call,
    Comparison,
    Contender,
    Entry,
    Revision,
    SourceForm,
    Tool,
    Verdict,
)
from digest.comparisons.slug import slugify
from digest.issues.content import IssueView, SponsorView
from digest.issues.content.background import Background
from digest.issues.content.branding import branded
from digest.issues.content.compose import compose
from digest.issues.models import Newsletter
from digest.issues.picking import Block, Decisions, apply_words
from digest.render.brand import LogoView
from digest.votes import VoteCount


@dataclass(frozen=True, kw_only=True)
class SampleReader:
    """A reader a mail is shown for; of a subscriber only id and address are used."""

    key: str
    name: str
    address: str
    votes: bool = True  #: whether anybody voted on what this reader is shown


MADE_UP = (
    SampleReader(key="any", name="Any reader", address="reader@example.org"),
    SampleReader(
        key="longest",
        name="Longest address",
        address=f"{'a' * 64}@{'.'.join(['b' * 60] * 3)}.example",
    ),
    SampleReader(key="rtl", name="Right to left", address="reader@xn--mgbh0fb.xn--kgbechtv"),
    SampleReader(key="no-votes", name="No votes yet", address="first@example.org", votes=False),
    SampleReader(key="topics", name="Every topic", address="everything@example.org"),
)


def sample_reader(key: str) -> SampleReader:
    """Return the sample reader of that key, else the first one."""
    return next((reader for reader in MADE_UP if reader.key == key), MADE_UP[0])


def as_seen_by(view: IssueView, reader: SampleReader) -> IssueView:
    """Return the issue as the reader gets it."""
    if reader.votes:
        return view
    return replace(
        view,
        comparisons=tuple(
            replace(
                comparison,
                contenders=tuple(
                    replace(contender, community_share=None, votes=VoteCount())
                    for contender in comparison.contenders
                ),
            )
            for comparison in view.comparisons
        ),
    )


_QUOTES = (
    "It does one thing, and the one thing is the thing I need on a Tuesday afternoon.",
    "The manual is short because there is little to say. That is meant as praise.",
    "In two years this is either plumbing or forgotten; my money is on plumbing.",
    "Somebody signs for this without a meeting, and renews without a second one.",
)
_LONG = "Sehr-geehrte-Donaudampfschifffahrtsgesellschaftskapitänsmütze"
_ARABIC = "أداة تكتب الشيفرة وتشرحها سطرًا سطرًا دون أن تطلب حسابًا"
_HOSTILE = "</mj-text><mj-raw><script>alert(1)</script> {{ 7*7 }} -digest_unsubscribe_token- <%x%>"
_ID = 1  # of every comparison
SKIPS = 4  #: the seat that would skip every tool
_STACKED = "Z" + "\u0351\u0352\u0300\u0334" * 40


@dataclass(frozen=True)
class SampleIssue:
    """One sample issue: key, name, comparisons and decisions."""

    key: str
    name: str
    make: Callable[[], Sequence[Revision]]
    decisions: Decisions = field(default_factory=Decisions)
    votes: Mapping[int, VoteCount] = field(default_factory=dict)  #: on each comparison, by side


def contender(side: int, name: str, *, verdict: str | None = None, **facts: Any) -> Contender:
    """Return one side with default facts, which *facts* override."""
    defaults: dict[str, Any] = {
        "category": "Developer Tools",
        "tagline": "Does what it says",
        "entry": Entry.FREE,
        "panel_share": 75.0,
        "community_share": 62.0,
    }
    quotes = [verdict] if verdict is not None else _QUOTES
    return Contender(
        side=side,
        tool_id=side,
        tool=Tool(id=side, slug=slugify(name), name=name),
        name=name,
        **(defaults | facts),
        verdicts=[
            Verdict(seat=seat, quote=quote, call=Call.SKIP if seat == SKIPS else Call.SHIP)
            for seat, quote in enumerate(quotes, 1)
        ],
    )


def pair(left: Contender, right: Contender | None, **facts: Any) -> Revision:
    """Return a comparison of two sides, or of one side where *right* is ``None``."""
    sides = [side for side in (left, right) if side]
    title = facts.pop("title", " vs ".join(side.name for side in sides))
    return Revision(
        comparison_id=_ID,
        comparison=Comparison(slug="case", first_imported_at=datetime(2026, 1, 5, tzinfo=UTC)),
        number=1,
        fingerprint="",
        form=SourceForm.JSON,
        title=title,
        published_on=date(2026, 1, 5),
        imported_at=datetime(2026, 1, 5, tzinfo=UTC),
        contenders=sides,
        **facts,
    )


def _two(left: dict[str, Any], right: dict[str, Any] | None = None) -> Sequence[Revision]:
    first = contender(0, **({"name": "Lathe"} | left))
    second = contender(1, **({"name": "Mortar Studio"} | (left if right is None else right)))
    return [pair(first, second)]


SAMPLE_ISSUES: tuple[SampleIssue, ...] = (
    SampleIssue(
        "long-names", "Very long names", lambda: _two({"name": _LONG, "category": "W" * 40})
    ),
    SampleIssue(
        "long-quote", "A quote of 200,000 letters", lambda: _two({"verdict": "x" * 200_000})
    ),
    SampleIssue(
        "emoji", "10,000 emoji", lambda: _two({"verdict": "👩🏽‍🚀" * 10_000, "name": "🇩🇪 👩🏽‍🚀"})
    ),
    SampleIssue(
        "stacked", "Marks piled up", lambda: _two({"name": _STACKED, "verdict": _STACKED * 50})
    ),
    SampleIssue(
        "rtl",
        "Right to left",
        lambda: _two({"name": "مِخْرَطَة", "tagline": _ARABIC, "verdict": _ARABIC}),
    ),
    SampleIssue(
        "hostile", "Markup and tags in text", lambda: _two({"name": _HOSTILE, "verdict": _HOSTILE})
    ),
    SampleIssue("no-votes", "No votes", lambda: _two({"community_share": None})),
    SampleIssue(
        "votes",
        "Many readers voted, and the page has a share",
        lambda: _two({}),
        votes={0: VoteCount(434, 178), 1: VoteCount(9_999, 1)},
    ),
    SampleIssue(
        "few-votes",
        "Few readers voted",
        lambda: _two({"community_share": None}),
        votes={0: VoteCount(2, 1), 1: VoteCount(0, 1)},
    ),
    SampleIssue(
        "zero",
        "Zero votes and zero ships",
        lambda: _two({"community_share": 0.0, "panel_share": 0.0}),
    ),
    SampleIssue("tie", "A tie", lambda: _two({"panel_share": 50.0, "community_share": 50.0})),
    SampleIssue(
        "one-sided",
        "100% to 0%",
        lambda: _two({"panel_share": 100.0}, {"panel_share": 0.0}),
    ),
    SampleIssue(
        "unknown",
        "Nothing is known",
        lambda: _two(
            {
                "panel_share": None,
                "community_share": None,
                "entry": None,
                "category": "",
                "tagline": "",
                "verdict": "",
            }
        ),
    ),
    SampleIssue(
        "gone", "One side missing", lambda: [pair(contender(0, "Lathe"), None, title="Lathe vs ?")]
    ),
    SampleIssue("odd-share", "A share between seats", lambda: _two({"panel_share": 61.8})),
    SampleIssue(
        "many",
        "Nine comparisons",
        lambda: [pair(contender(0, f"Left {n}"), contender(1, f"Right {n}")) for n in range(1, 10)],
    ),
    SampleIssue(
        "sponsor",
        "A long sponsor line",
        lambda: _two({}),
        Decisions(
            sponsor=SponsorView(
                name=_LONG,
                text="Air for every forge. " * 30,
                url="https://bellows.example/" + "a" * 300,
            )
        ),
    ),
    SampleIssue(
        "written",
        "An editor with much to say",
        lambda: _two({}),
        Decisions(
            opening=f"**{_LONG}** [{_LONG}](https://bellows.example/{'a' * 300})\n\n{_ARABIC}",
            notes={"case": f"{_HOSTILE}\n\n- one\n  1. two\n     - {_ARABIC}"},
            blocks=(Block(number=1, text="Words. " * 300),),
        ),
    ),
    SampleIssue(
        "subject",
        "A subject of 150 characters",
        lambda: _two({}),
        Decisions(subject="Which one " * 15),
    ),
)


def case_name(key: str) -> str:
    """Return the name of a sample issue; empty when there is no such key."""
    return next((case.name for case in SAMPLE_ISSUES if case.key == key), "")


def case_view(
    key: str,
    newsletter: Newsletter,
    *,
    base_url: str,
    postal_address: str,
    logo: LogoView | None = None,
) -> IssueView | None:
    """Return a sample issue's view; ``None`` when there is no such key."""
    case = next((case for case in SAMPLE_ISSUES if case.key == key), None)
    if case is None:
        return None
    view = compose(
        case.make(),
        newsletter,
        number=100,
        period="2026-W02",
        on=date(2026, 1, 6),
        base_url=base_url,
        postal_address=postal_address,
        background=Background(counts={_ID: case.votes}),
    )
    return branded(apply_words(view, case.decisions), newsletter, logo)
