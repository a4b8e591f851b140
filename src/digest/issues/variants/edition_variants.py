"""The variants of an edition: for which reviewers there is one, and what they are made of.

A variant is the edition with one reviewer's quote first. It has the edition's subject and
preheader, passes the same checks, and is part of what an approval is bound to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from digest.comparisons.models import Revision
from digest.errors import NotFound
from digest.issues.content import IssueView
from digest.issues.content.compose import leading_with
from digest.issues.issue_commands import named
from digest.issues.models import Edition, EditionVariant, Issue, Placement
from digest.issues.variants.reader_match import readers_by_seat, seats_agreed_with
from digest.render.lint import Finding
from digest.render.rendered import Rendered


@dataclass(frozen=True, kw_only=True)
class VariantNote:
    """What an editor is told of a variant: who gets it, and with which quote it leads."""

    seat: int
    quote: str
    byline: str

    def __str__(self) -> str:
        """Return it in a line."""
        return f"“{self.quote}” — {self.byline}"


@dataclass(frozen=True, kw_only=True)
class DraftedVariant:
    """A variant before it is stored."""

    note: VariantNote
    rendered: Rendered
    findings: Sequence[Finding]


def variant_notes(
    session: Session, newsletter: str, view: IssueView, carried: Sequence[Revision]
) -> list[VariantNote]:
    """Return what the variants of an issue would lead with if it was built now; mostly none."""
    return [note for note, _ in _led(session, newsletter, view, carried)]


def draft_variants(
    session: Session,
    newsletter: str,
    view: IssueView,
    carried: Sequence[Revision],
    *,
    render: Callable[[IssueView], Rendered],
    check: Callable[[IssueView, Rendered], Sequence[Finding]],
) -> list[DraftedVariant]:
    """Return a variant for each reviewer whom a consenting reader agrees with now; mostly none."""
    drafted = []
    for note, led in _led(session, newsletter, view, carried):
        rendered = render(led)
        findings = check(led, rendered)
        drafted.append(DraftedVariant(note=note, rendered=rendered, findings=findings))
    return drafted


def _led(
    session: Session, newsletter: str, view: IssueView, carried: Sequence[Revision]
) -> Iterator[tuple[VariantNote, IssueView]]:
    """Yield what leads for each reviewer somebody agrees with, and the view that it leads.

    A reviewer who said nothing on the first comparison is left out.
    """
    for seat in seats_agreed_with(session, newsletter, seats=carried[0].seats):
        led = leading_with(view, carried, seat)
        if led is not None:
            quote = led.comparisons[0].quotes[0]
            yield VariantNote(seat=seat, quote=quote.text, byline=quote.byline), led


def store_variants(session: Session, edition: Edition, variants: Sequence[DraftedVariant]) -> None:
    """Store the variants of an edition just stored; the caller commits."""
    session.add_all(
        EditionVariant(
            edition_id=edition.id or 0,
            seat=each.note.seat,
            html=each.rendered.html,
            text=each.rendered.text,
        )
        for each in variants
    )
    session.flush()


def variants_of(session: Session, edition: Edition) -> dict[int, EditionVariant]:
    """Return the variants of an edition, by seat."""
    chosen = select(EditionVariant).where(EditionVariant.edition_id == edition.id)
    return {row.seat: row for row in session.exec(chosen.order_by(col(EditionVariant.seat)))}


def variant_of(session: Session, issue: Issue, edition: Edition, seat: int) -> EditionVariant:
    """Return the variant of an issue's edition for the reviewer of a seat; raises `NotFound`."""
    found = variants_of(session, edition)
    if seat not in found:
        seats = ", ".join(map(str, found)) or "none"
        raise NotFound(
            f"issue {issue.number} has no variant for reviewer {seat}; it has: {seats}",
            next_step=f"digest show {named(issue)}",
        )
    return found[seat]


def found_besides(found: Sequence[Finding], more: Sequence[Finding]) -> list[Finding]:
    """Return the findings of a variant that no finding of the edition stands for."""
    known = {(finding.rule, finding.severity) for finding in found}
    return [finding for finding in more if (finding.rule, finding.severity) not in known]


def seats_of(session: Session, newsletter: str, edition: Edition) -> dict[int, int]:
    """Return whose variant each reader gets who agrees with a reviewer now, by subscriber.

    Who isn't in it gets the edition as it is, and so does everybody where it has no variant.
    """
    there = variants_of(session, edition)
    lead = session.exec(
        select(Revision.seats)
        .join(Placement, col(Placement.revision_id) == col(Revision.id))
        .where(Placement.issue_id == edition.issue_id)
        .order_by(col(Placement.position))
    ).first()
    if not there or lead is None:
        return {}
    matched = readers_by_seat(session, newsletter, seats=lead)
    return {reader: seat for reader, seat in matched.items() if seat in there}
