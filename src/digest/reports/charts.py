"""The charts of a report: which numbers each chart shows, as picture, sentence and table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from digest.delivery.reporting import EditionStatistics, ProviderStatistics
from digest.reports import vega
from digest.reports.formatting import day, percent, source_words
from digest.reports.report_data import IssueReport, SectionRow
from digest.reports.vega import Spec
from digest.reports.vote_sentences import interval_words, published_words, share_words
from digest.votes import ToolNumbers, VoteNumbers
from subscribers.list_statistics import AudienceCounts

A_WHILE = 5  # minutes; a shorter timeline is not drawn
FEWEST_WEEKS = 4  # shown of a young list
MOST_SOURCES = 8


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart, with the same numbers as a table."""

    title: str
    says: str  #: the sentence below the title
    svg: Markup  #: empty where the extra "charts" isn't installed
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def funnel(numbers: EditionStatistics) -> Chart:
    """Return the bars from accepted to clicked."""
    clicked = numbers.clicked_surely
    steps = [
        ("Accepted", numbers.accepted, 0),
        ("Delivered", numbers.delivered, 0),
        ("Opened", numbers.opened_people, numbers.opened_machines),
        ("Clicked", clicked, numbers.clicked_all - clicked),
    ]
    return _chart(
        title="From accepted to clicked",
        says="Readers at each step. The pale part may have been machines.",
        name="funnel",
        drawing=lambda size: vega.stacked(steps, size, ("people", "possibly machines")),
        head=("Step", "Certainly people", "Possibly machines"),
        rows=[(name, f"{sure:,}", f"{perhaps:,}") for name, sure, perhaps in steps],
    )


def delivery(numbers: EditionStatistics) -> Chart | None:
    """Return the share delivered over time; ``None`` for a timeline under 5 minutes, or none."""
    line = list(numbers.timeline)
    if not line or line[-1][0] - line[0][0] < A_WHILE:
        return None
    points = _cumulated(line)
    milestones = _milestones(points)
    return _chart(
        title="When it arrived",
        says="Share of delivered mails that had arrived, by minutes after the first one.",
        name="delivery",
        drawing=lambda size: vega.area(points, size),
        head=("Share arrived", "Minutes after the first"),
        rows=[(f"{share}%", f"{minutes:,}") for share, minutes in milestones],
    )


def comparisons(sections: Sequence[SectionRow]) -> Chart:
    """Return link visits by comparison, in the order of the mail."""
    steps = [(row.title, row.surely, row.readers - row.surely) for row in sections]
    return _chart(
        title="Clicks per comparison",
        says="Clicks on links, in the order of the mail; each reader counts once per link.",
        name="comparisons",
        drawing=lambda size: vega.stacked(steps, size, ("people", "possibly machines")),
        head=("Comparison", "Certainly people", "Possibly machines"),
        rows=[(name, f"{sure:,}", f"{perhaps:,}") for name, sure, perhaps in steps],
    )


def panel_and_readers(votes: Sequence[VoteNumbers]) -> Chart:
    """Return the panel's share of each tool beside its readers' share, with its interval."""
    tools = [tool for comparison in votes for tool in comparison.tools]
    marks = [
        (tool.name, _shares(tool), tool.count.interval if tool.count.votes else ())
        for tool in tools
    ]
    return _chart(
        title="Panel and readers",
        says="Who would ship each tool. The pale bar is the 95% interval of the readers’ share.",
        name="votes",
        drawing=lambda size: vega.against(marks, size),
        head=("Tool", "Panel", "Readers", "95% interval", "Votes"),
        rows=[
            (
                tool.name,
                published_words(tool.panel_share),
                share_words(tool.count),
                interval_words(tool.count),
                f"{tool.count.votes:,}",
            )
            for tool in tools
        ],
    )


def _shares(tool: ToolNumbers) -> dict[str, float]:
    """Return the shares of one tool that are known, by whose they are."""
    shares = {"panel": tool.panel_share, "readers": tool.count.share}
    return {who: share for who, share in shares.items() if share is not None}


def votes_over_time(votes: Sequence[VoteNumbers]) -> Chart | None:
    """Return the readers' shares day by day, a picture for each comparison with several days.

    ``None`` where none has.
    """
    drawn = [each for each in votes if len(each.tools[0].history) > 1]
    if not drawn:
        return None
    title, says = "Votes over time", "Who would ship, by the votes at the end of each day (UTC)."
    pictures = [
        vega.render(
            vega.courses(one.title, _courses(one), size), size, f"days-{at}", one.title, says
        )
        for at, one in enumerate(drawn)
        for size in vega.WIDTHS
    ]
    rows = [
        (tool.name, day(at), share_words(total), f"{total.votes:,}")
        for one in drawn
        for tool in one.tools
        for at, total in tool.history
    ]
    head = ("Tool", "Day", "Would ship", "Votes")
    return Chart(title=title, says=says, svg=Markup("").join(pictures), head=head, rows=rows)


def _courses(votes: VoteNumbers) -> list[tuple[str, list[tuple[str, float]]]]:
    return [
        (
            tool.name,
            [
                (at.isoformat(), total.share)
                for at, total in tool.history
                if total.share is not None
            ],
        )
        for tool in votes.tools
    ]


def failures(providers: Sequence[ProviderStatistics]) -> Chart:
    """Return the share of mails that wasn't delivered, by mailbox provider and kind of failure."""
    kinds = ("deferred", "blocked", "bounced", "dropped")
    values = [
        {
            "who": provider.name,
            "kind": kind,
            "share": getattr(provider, kind) / max(1, provider.accepted),
        }
        for provider in providers
        for kind in kinds
    ]
    failed = {
        provider.name: sum(getattr(provider, kind) for kind in kinds) for provider in providers
    }
    words = {
        provider.name: (
            f"{percent(failed[provider.name], provider.accepted)} ({failed[provider.name]:,})"
        )
        for provider in providers
    }
    return _chart(
        title="Not delivered, by mailbox provider",
        says=(
            "Share of accepted mails. Deferred: “later”, and nothing since. Blocked: this mail"
            " was refused. Bounced: the address was. Dropped: the provider didn’t try."
        ),
        name="failures",
        drawing=lambda size: vega.shares(values, size, kinds, words),
        head=("Provider", "Accepted", "Delivered", *(kind.capitalize() for kind in kinds)),
        rows=[
            (
                provider.name,
                f"{provider.accepted:,}",
                f"{provider.delivered:,}",
                *(f"{getattr(provider, kind):,}" for kind in kinds),
            )
            for provider in providers
        ],
    )


def complaints(providers: Sequence[ProviderStatistics]) -> Chart:
    """Return the complaint rate by mailbox provider, beside Gmail's limits of 0.1% and 0.3%.

    Source: https://support.google.com/a/answer/81126
    """
    values = [
        {"who": provider.name, "rate": provider.complaint_rate}
        for provider in providers
        if provider.complaint_rate is not None
    ]
    words = {
        provider.name: (
            f"{percent(provider.complained, provider.delivered, places=2)}"
            f" ({provider.complained:,})"
        )
        for provider in providers
    }
    return _chart(
        title="Complaints, by mailbox provider",
        says="Readers who reported spam, as a share of delivered mails, next to Gmail’s limits.",
        name="complaints",
        drawing=lambda size: vega.rates(values, size, words),
        head=("Provider", "Delivered", "Complaints", "Rate"),
        rows=[
            (
                provider.name,
                f"{provider.delivered:,}",
                f"{provider.complained:,}",
                _rate(provider.complaint_rate),
            )
            for provider in providers
        ],
    )


def growing(growth: AudienceCounts) -> Chart:
    """Return readers who joined and left by ISO week, from the first week with either."""
    busy = [bool(week.joined or week.left) for week in growth.weeks]
    start = min(busy.index(True) if any(busy) else 0, max(0, len(busy) - FEWEST_WEEKS))
    weeks = growth.weeks[start:]
    values = [
        {"week": week.week, "kind": kind, "n": number}
        for week in weeks
        for kind, number in (("joined", week.joined), ("left", -week.left))
    ]
    return _chart(
        title="Readers who joined and left",
        says=(
            "Readers who joined and readers who left, by week."
            f" {growth.mailable:,} would get an issue today.{_one_way(growth)}"
        ),
        name="growth",
        drawing=lambda size: vega.weeks(values, size),
        head=("Week", "Asked", "Joined", "Left"),
        rows=[
            (week.week, f"{week.asked:,}", f"{week.joined:,}", f"{week.left:,}") for week in weeks
        ],
    )


def _one_way(growth: AudienceCounts) -> str:
    """Return the sentence about the only source of all readers; empty for several sources."""
    ways = [source_words(name) for name in growth.sources]
    return f" All came by one way: {ways[0][:1].lower()}{ways[0][1:]}." if len(ways) == 1 else ""


def sources(growth: AudienceCounts) -> Chart | None:
    """Return the readers by source; ``None`` for fewer than two sources."""
    counts = [(source_words(name), number) for name, number in growth.sources.items()]
    if len(counts) <= 1:
        return None
    shown = counts[:MOST_SOURCES]
    if rest := sum(number for _, number in counts[MOST_SOURCES:]):
        shown.append(("Elsewhere", rest))
    return _chart(
        title="Where readers came from",
        says="How current and former readers joined.",
        name="sources",
        drawing=lambda size: vega.plain([(name, number) for name, number in shown], size),
        head=("Source", "Readers"),
        rows=[(name, f"{number:,}") for name, number in counts],
    )


def history(reports: Sequence[IssueReport]) -> Chart:
    """Return delivered mails and sure clicks by issue, corrections apart.

    The picture shows the last 26 issues.
    """
    steps = [
        (f"No. {report.number}", report.numbers.clicked_surely, report.numbers.delivered)
        for report in reports
        if report.corrects is None
    ]
    return _chart(
        title="Issue by issue",
        says="Delivered mails; the darker part is readers who certainly clicked a link.",
        name="history",
        drawing=lambda size: vega.stacked(
            [(name, sure, whole - sure) for name, sure, whole in steps[-26:]],
            size,
            ("clicked a link", "delivered"),
            spans=False,
        ),
        head=("Issue", "Delivered", "Certainly clicked"),
        rows=[(name, f"{whole:,}", f"{sure:,}") for name, sure, whole in steps],
    )


def _chart(
    *,
    title: str,
    says: str,
    name: str,
    drawing: Callable[[str], Spec],
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
) -> Chart:
    drawn = [vega.render(drawing(size), size, name, title, says) for size in vega.WIDTHS]
    return Chart(title=title, says=says, svg=Markup("").join(drawn), head=head, rows=rows)


def _cumulated(line: Sequence[tuple[int, int]]) -> list[tuple[int, float]]:
    first, total = line[0][0], sum(number for _, number in line)
    points, so_far = [], 0
    for minute, number in line:
        so_far += number
        points.append((minute - first, so_far / total))
    return [*points, (points[-1][0] + 1, 1.0)]


def _milestones(points: Sequence[tuple[int, float]]) -> list[tuple[int, int]]:
    milestones = []
    for share in (50, 90, 95, 99, 100):
        minute = next(at for at, reached in points if reached >= share / 100 - 1e-9)
        milestones.append((share, minute))
    return milestones


def _rate(value: float | None) -> str:
    return "—" if value is None else f"{value:.2%}"
