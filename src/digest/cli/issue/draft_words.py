"""Commands about the draft of the next issue: what editors write and choose, as at the desk.

Hides how words come from an option or a file, and how a draft is printed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session

from digest import images
from digest.cli.context import (
    CommandContext,
    JsonFlag,
    NewsletterOption,
    Told,
    call_of,
    counted,
    tells,
)
from digest.cli.issue.drafting import PeriodOption, chosen_period
from digest.comparisons.store import by_slug, latest
from digest.errors import DigestError
from digest.issues import draft_history, store
from digest.issues.content import QuoteChoice, missing_quote
from digest.issues.issue_commands import build_again, option_of
from digest.issues.models import Newsletter
from digest.issues.picking import Block, BlockPlace, Decisions, blocks, overrides

app = typer.Typer(
    help="Show or change what editors wrote and chose for the next issue: the opening, notes,"
    " quotes, blocks."
)


class Side(StrEnum):
    """A tool of a comparison."""

    LEFT = "left"
    RIGHT = "right"


SlugArgument = Annotated[str, typer.Argument(metavar="SLUG", help="The comparison's slug.")]
TextOption = Annotated[
    str | None, typer.Option("--text", help="The words, in Markdown; an empty text removes them.")
]
FileOption = Annotated[
    Path | None,
    typer.Option("--file", exists=True, dir_okay=False, help="A file with the words, in UTF-8."),
]
PlaceOption = Annotated[
    BlockPlace, typer.Option("--place", help="Before or after the comparisons.")
]
UrlOption = Annotated[str, typer.Option("--url", help="Where the picture leads.")]

Change = Callable[[Session, Decisions], tuple[Decisions, str]]


@app.callback(invoke_without_command=True)
def draft(
    context: typer.Context,
    period: PeriodOption = None,
    newsletter: NewsletterOption = "weekly",
    as_json: JsonFlag = False,
) -> None:
    """Show the draft of the next issue."""
    if context.invoked_subcommand:
        return
    call = call_of(context)
    with call.app.database.read() as session:
        row = store.newsletter(session, newsletter)
        week = chosen_period(call, session, row, period)[0]
        decisions = draft_history.current(session, row, week)
    if as_json:
        call.json(_facts(week, decisions))
        return
    call.out.print(f"The draft of {week}:", markup=False)
    for line in _lines(decisions) or ["Nothing is decided: everything is as the engine makes it."]:
        call.out.print(f"  {' '.join(line.split())}", markup=False)


@app.command()
@tells
def opening(
    context: typer.Context,
    text: TextOption = None,
    file: FileOption = None,
    period: PeriodOption = None,
    newsletter: NewsletterOption = "weekly",
) -> Told:
    """Write the opening; without words, the engine's own comes back."""
    words = _words(text, file)

    def change(_: Session, now: Decisions) -> tuple[Decisions, str]:
        return overrides.set_text(now, "opening", words), "changed the opening"

    return _changed(call_of(context), newsletter, period, change)


@app.command()
@tells
def note(
    context: typer.Context,
    slug: SlugArgument,
    text: TextOption = None,
    file: FileOption = None,
    period: PeriodOption = None,
    newsletter: NewsletterOption = "weekly",
) -> Told:
    """Write a note on a comparison, shown with it."""
    words = _words(text, file)

    def change(session: Session, now: Decisions) -> tuple[Decisions, str]:
        by_slug(session, slug)
        return overrides.set_note(now, slug, words), f"changed the note on {slug}"

    return _changed(call_of(context), newsletter, period, change)


@app.command()
@tells
def quote(
    context: typer.Context,
    slug: SlugArgument,
    side: Annotated[Side | None, typer.Option("--side", help="Which tool it is about.")] = None,
    seat: Annotated[int | None, typer.Option("--seat", min=1, help="The reviewer's seat.")] = None,
    passage: Annotated[
        str, typer.Option("--passage", help="Only these words of it, exactly as they stand.")
    ] = "",
    period: PeriodOption = None,
    newsletter: NewsletterOption = "weekly",
) -> Told:
    """Choose which verdict is quoted; without --side and --seat, the engine chooses again."""
    if (side is None) != (seat is None):
        raise typer.BadParameter("give both --side and --seat, or neither")

    def change(session: Session, now: Decisions) -> tuple[Decisions, str]:
        revision = latest(session, by_slug(session, slug))
        if side is None or seat is None:
            return overrides.quote(now, slug, None), f"left the quotes of {slug} to the engine"
        choice = QuoteChoice(side=list(Side).index(side), seat=seat, passage=passage)
        gone = missing_quote(revision.contenders, choice)
        if gone:
            raise overrides.BadText(gone, next_step=f"digest comparisons show {slug}")
        return overrides.quote(now, slug, choice), f"chose a quote of {slug}"

    return _changed(call_of(context), newsletter, period, change)


@app.command()
@tells
def block(
    context: typer.Context,
    number: Annotated[
        int | None, typer.Argument(metavar="[NUMBER]", help="The block to change; else a new one.")
    ] = None,
    text: TextOption = None,
    file: FileOption = None,
    place: PlaceOption = BlockPlace.BEFORE,
    period: PeriodOption = None,
    newsletter: NewsletterOption = "weekly",
) -> Told:
    """Add a block of words, or change one; without words, it is removed."""
    words = _words(text, file)

    def change(_: Session, now: Decisions) -> tuple[Decisions, str]:
        if number is None:
            added = blocks.add(now.blocks, Block(text=words, place=place))
            return replace(now, blocks=added), "added a block"
        if not words.strip():
            return replace(now, blocks=blocks.remove(now.blocks, number)), "removed a block"
        written = blocks.write(now.blocks, number, text=words)
        return replace(now, blocks=written), "changed a block"

    return _changed(call_of(context), newsletter, period, change)


@app.command()
@tells
def picture(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)],
    alt: Annotated[str, typer.Option("--alt", help="What it shows, for readers who don't see it.")],
    url: UrlOption = "",
    place: PlaceOption = BlockPlace.BEFORE,
    period: PeriodOption = None,
    newsletter: NewsletterOption = "weekly",
) -> Told:
    """Add a picture: a PNG, JPEG or GIF."""
    call = call_of(context)
    content = file.read_bytes() if file.stat().st_size <= images.MOST_BYTES else b""
    if not content:
        raise images.UnfitImage(f"the picture is empty, or larger than {images.MOST_BYTES:,} bytes")

    def change(session: Session, now: Decisions) -> tuple[Decisions, str]:
        stored = images.add(session, content, now=call.app.clock())
        made = blocks.picture(stored, place=place, alt=alt, url=url)
        return replace(now, blocks=blocks.add(now.blocks, made)), "added a picture"

    return _changed(call, newsletter, period, change)


@app.command()
@tells
def undo(
    context: typer.Context, period: PeriodOption = None, newsletter: NewsletterOption = "weekly"
) -> Told:
    """Take the last step of the draft back, whoever made it, here or at the desk."""
    call = call_of(context)
    with call.app.database.write() as session:
        row = store.newsletter(session, newsletter)
        week = chosen_period(call, session, row, period)[0]
        summary = draft_history.undo(session, row, week)
        facts = _facts(week, draft_history.current(session, row, week))
    told = f"Undone: {summary}." if summary else "There is nothing to undo."
    return Told({**facts, "summary": summary or ""}, told)


def _words(text: str | None, file: Path | None) -> str:
    if (text is None) == (file is None):
        raise typer.BadParameter('give the words by --text or --file (--text "" removes them)')
    if file is None:
        return text or ""
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise DigestError(f"{file} can't be read as text in UTF-8") from fault


def _changed(call: CommandContext, newsletter: str, period: str | None, change: Change) -> Told:
    """Carry out one change as a step of the draft, which the desk shows and undoes."""
    with call.app.database.write() as session:
        row = store.newsletter(session, newsletter)
        week = chosen_period(call, session, row, period)[0]
        now = draft_history.current(session, row, week)
        wanted, summary = change(session, now)
        if wanted != now:
            moment = call.app.clock()
            draft_history.decide(session, row, week, wanted, summary=summary, now=moment)
        facts = {**_facts(week, wanted), "summary": summary if wanted != now else ""}
        told = f"{summary[:1].upper()}{summary[1:]}, in the draft of {week}."
        next_step = _next_step(session, row, week)
    return Told(facts, told if wanted != now else "Nothing has changed.", f"Next: {next_step}")


def _next_step(session: Session, newsletter: Newsletter, week: str) -> str:
    issue = store.by_period(session, newsletter.id, week)
    return build_again(issue) if issue else f"digest build --period {week}{option_of(newsletter)}"


def _facts(week: str, decisions: Decisions) -> dict[str, Any]:
    return {"period": week, "draft": asdict(decisions)}


def _lines(decisions: Decisions) -> list[str]:
    """Return a draft in words, a line for each decision."""
    lines = [f"{name}: {value}" for name, value in _own_lines(decisions) if value]
    lines += [f"note on {slug}: {words}" for slug, words in decisions.notes.items()]
    lines += [
        f"quote of {slug}: {list(Side)[choice.side]}, seat {choice.seat}"
        + (f", “{choice.passage}”" if choice.passage else "")
        for slug, choice in decisions.quotes.items()
    ]
    return lines + [
        f"block {block.number}, {block.place} the comparisons: {block.text or block.alt}"
        for block in decisions.blocks
    ]


def _own_lines(decisions: Decisions) -> list[tuple[str, str]]:
    return [
        ("pinned", ", ".join(decisions.pinned)),
        ("dropped", ", ".join(decisions.dropped)),
        ("number", counted(decisions.count, "comparison") if decisions.count else ""),
        ("subject", decisions.subject),
        ("preheader", decisions.preheader),
        ("opening", decisions.opening),
        ("sponsor", decisions.sponsor.text),
    ]
