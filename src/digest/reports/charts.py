"""The charts of a report: what each says, in a picture, a sentence and a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from digest.delivery.reporting import EditionStatistics, ProviderStatistics
from digest.reports import vega
from digest.reports.formatting import percent, source_words
from digest.reports.report_data import IssueReport, SectionRow
from digest.reports.vega import Spec
from subscribers.list_statistics import AudienceCounts

A_WHILE = 5  # minutes; of less there is no line to be drawn
FEWEST_WEEKS = 4  # that are shown of a young list
MOST_SOURCES = 8


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart, and the same facts as a table."""

    title: str
    says: str  #: what it shows, in a sentence
    svg: Markup  #: empty where charts can't be drawn
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def funnel(numbers: EditionStatistics, *, tracked: bool) -> Chart:
    """Draw how many were reached, as bars from accepted to clicked."""
    steps = [("Accepted", numbers.accepted, 0), ("Delivered", numbers.delivered, 0)]
    if tracked:
        steps.append(("Opened", numbers.opened_people, numbers.opened_machines))
        clicked = numbers.clicked_surely
        steps.append(("Clicked", clicked, numbers.clicked_all - clicked))
    return _chart(
        title="From accepted to clicked" if tracked else "From accepted to delivered",
        says="Readers at each step. The pale part is what may have been machines.",
        name="funnel",
        drawing=lambda size: vega.stacked(steps, size, ("people", "perhaps machines")),
        head=("Step", "Surely people", "Perhaps machines"),
        rows=[(name, f"{sure:,}", f"{perhaps:,}") for name, sure, perhaps in steps],
    )


def delivery(numbers: EditionStatistics) -> Chart | None:
    """Draw when the mail arrived; ``None`` where it arrived at once, or hasn't."""
    line = list(numbers.timeline)
    if not line or line[-1][0] - line[0][0] < A_WHILE:
        return None
    points = _cumulated(line)
    told = _milestones(points)
    return _chart(
        title="When it arrived",
        says="Share of the delivered mails that had arrived, by minutes after the first.",
        name="delivery",
        drawing=lambda size: vega.area(points, size),
        head=("Share arrived", "Minutes after the first"),
        rows=[(f"{share} %", f"{minutes:,}") for share, minutes in told],
    )


def comparisons(sections: Sequence[SectionRow]) -> Chart:
    """Draw link visits by comparison."""
    steps = [(row.title, row.surely, row.readers - row.surely) for row in sections]
    return _chart(
        title="Clicks per comparison",
        says="Links followed, in the order of the mail; each reader counts once a link.",
        name="comparisons",
        drawing=lambda size: vega.stacked(steps, size, ("people", "perhaps machines")),
        head=("Comparison", "Surely people", "Perhaps machines"),
        rows=[(name, f"{sure:,}", f"{perhaps:,}") for name, sure, perhaps in steps],
    )


def failures(providers: Sequence[ProviderStatistics]) -> Chart:
    """Draw the share that wasn't delivered, by mailbox provider."""
    kinds = ("deferred", "blocked", "bounced", "dropped")
    values = [
        {"who": one.name, "kind": kind, "share": getattr(one, kind) / max(1, one.accepted)}
        for one in providers
        for kind in kinds
    ]
    failed = {one.name: sum(getattr(one, kind) for kind in kinds) for one in providers}
    words = {
        one.name: f"{percent(failed[one.name], one.accepted)} ({failed[one.name]:,})"
        for one in providers
    }
    return _chart(
        title="Not delivered, by mailbox provider",
        says=(
            "Share of the accepted mails. Deferred: “later”, and nothing since. Blocked: this mail"
            " was refused. Bounced: the address was. Dropped: the provider didn’t try."
        ),
        name="failures",
        drawing=lambda size: vega.shares(values, size, kinds, words),
        head=("Provider", "Accepted", "Delivered", *(kind.capitalize() for kind in kinds)),
        rows=[
            (
                one.name,
                f"{one.accepted:,}",
                f"{one.delivered:,}",
                *(f"{getattr(one, kind):,}" for kind in kinds),
            )
            for one in providers
        ],
    )


def complaints(providers: Sequence[ProviderStatistics]) -> Chart:
    """Draw the complaint rate by mailbox provider, beside Gmail's two lines."""
    values = [
        {"who": one.name, "rate": one.complaint_rate}
        for one in providers
        if one.complaint_rate is not None
    ]
    words = {
        one.name: f"{percent(one.complained, one.delivered, places=2)} ({one.complained:,})"
        for one in providers
    }
    return _chart(
        title="Complaints, by mailbox provider",
        says="Readers who called it spam, by delivered mails, beside the lines that Gmail draws.",
        name="complaints",
        drawing=lambda size: vega.rates(values, size, words),
        head=("Provider", "Delivered", "Complaints", "Rate"),
        rows=[
            (one.name, f"{one.delivered:,}", f"{one.complained:,}", _rate(one.complaint_rate))
            for one in providers
        ],
    )


def growing(growth: AudienceCounts) -> Chart:
    """Draw who joined and who left, week by week, from the first week there is something."""
    busy = [bool(each.joined or each.left) for each in growth.weeks]
    start = min(busy.index(True) if any(busy) else 0, max(0, len(busy) - FEWEST_WEEKS))
    weeks = growth.weeks[start:]
    values = [
        {"week": each.week, "kind": kind, "n": number}
        for each in weeks
        for kind, number in (("joined", each.joined), ("left", -each.left))
    ]
    return _chart(
        title="Who came and who left",
        says=(
            "Readers who joined and readers who left, by week."
            f" {growth.mailable:,} would get an issue today.{_one_way(growth)}"
        ),
        name="growth",
        drawing=lambda size: vega.weeks(values, size),
        head=("Week", "Asked", "Joined", "Left"),
        rows=[
            (each.week, f"{each.asked:,}", f"{each.joined:,}", f"{each.left:,}") for each in weeks
        ],
    )


def _one_way(growth: AudienceCounts) -> str:
    """Say where all readers came from, if it is the same for all."""
    ways = [source_words(name) for name in growth.sources]
    return f" All came by one way: {ways[0][:1].lower()}{ways[0][1:]}." if len(ways) == 1 else ""


def sources(growth: AudienceCounts) -> Chart | None:
    """Draw where the readers on the list came from; ``None`` for fewer than two ways."""
    found = [(source_words(name), number) for name, number in growth.sources.items()]
    if len(found) <= 1:
        return None
    shown = found[:MOST_SOURCES]
    if rest := sum(number for _, number in found[MOST_SOURCES:]):
        shown.append(("Elsewhere", rest))
    return _chart(
        title="Where readers came from",
        says="By which way those on the list, and those who have left it, once joined.",
        name="sources",
        drawing=lambda size: vega.plain([(name, number) for name, number in shown], size),
        head=("Source", "Readers"),
        rows=[(name, f"{number:,}") for name, number in found],
    )


def history(reports: Sequence[IssueReport]) -> Chart:
    """Draw delivered mails and sure clicks, issue by issue."""
    steps = [
        (f"No. {each.number}", each.numbers.clicked_surely, each.numbers.delivered)
        for each in reports
    ]
    return _chart(
        title="Issue by issue",
        says="Delivered mails; the stronger part is readers who surely followed a link.",
        name="history",
        drawing=lambda size: vega.stacked(
            [(name, sure, whole - sure) for name, sure, whole in steps[-26:]],
            size,
            ("followed a link", "delivered"),
            spans=False,
        ),
        head=("Issue", "Delivered", "Surely clicked"),
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
    found = []
    for share in (50, 90, 95, 99, 100):
        minute = next(at for at, reached in points if reached >= share / 100 - 1e-9)
        found.append((share, minute))
    return found


def _rate(value: float | None) -> str:
    return "—" if value is None else f"{value:.2%}".replace("%", " %")
