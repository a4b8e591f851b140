"""Commands about what sources propose: proposals, accept, dismiss.

Hides how a proposal and its difference are laid out for a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from getpass import getuser
from typing import Annotated, Any

import typer
from sqlmodel import Session

from digest import sources
from digest.cli.comparisons import what_of
from digest.cli.context import (
    MAX_NUMBER,
    CommandContext,
    JsonFlag,
    Told,
    call_of,
    counted,
    printable,
    tells,
)
from digest.comparisons.store import by_slug
from digest.errors import DigestError
from digest.issues.store import carried_by
from digest.sources import AcceptedProposal, ProposalKind

app = typer.Typer()

Proposals = Annotated[
    list[int] | None,
    typer.Argument(
        metavar="PROPOSAL...",
        min=1,
        max=MAX_NUMBER,
        help="Numbers, as in digest sources proposals.",
    ),
]
AllFlag = Annotated[bool, typer.Option("--all", help="All that wait.")]
OfSource = Annotated[
    int | None,
    typer.Option("--source", min=1, max=MAX_NUMBER, help="Only what this source proposes."),
]
ByOption = Annotated[
    str, typer.Option("--by", metavar="NAME", help="Who decides; by default, your user name.")
]
_KINDS = {
    ProposalKind.NEW: "new",
    ProposalKind.REVISION: "changed",
    ProposalKind.WITHDRAWAL: "gone",
}
_LONGEST = 200  #: characters of a changed text that are printed


@app.command()
def proposals(context: typer.Context, source: OfSource = None, as_json: JsonFlag = False) -> None:
    """Show what waits for an editor, with what changes."""
    call = call_of(context)
    with call.app.database.read() as session:
        facts = [
            sources.proposal_facts(session, row)
            for row in sources.waiting(session, source_id=source)
        ]
    if as_json:
        call.json(facts)
        return
    for each in facts:
        for line in _lines(each):
            call.out.print(line, markup=False)
    if facts:
        call.out.print(
            "\nTo decide: digest sources accept NUMBER..., or dismiss NUMBER... --why TEXT"
        )
    else:
        call.out.print("Nothing waits for an editor.")


@app.command()
@tells
def accept(
    context: typer.Context,
    numbers: Proposals = None,
    all_: AllFlag = False,
    source: OfSource = None,
    by: ByOption = "",
) -> Told:
    """Accept proposals: store what is new or changed, withdraw what is gone.

    With --all, a page that is gone is left for you to decide on by its
    number, and so is what somebody else has decided meanwhile.
    """
    call = call_of(context)
    done, lines = list[dict[str, Any]](), list[str]()
    with call.app.database.read() as session:
        chosen = _chosen(session, numbers, source, everything=all_)
        left = _gone(session, chosen) if all_ else []

    def accept_one(session: Session, number: int) -> None:
        accepted = sources.accept(session, number, by or getuser(), call.app.clock())
        done.append(sources.accepted_facts(number, accepted))
        lines.extend(_told(session, accepted))

    code = _each(call, [number for number in chosen if number not in left], accept_one)
    if left:
        these = " ".join(map(str, left))
        lines.append(f"Not withdrawn, since --all leaves pages that are gone: {these}")
        lines.append(f"  to withdraw them: digest sources accept {these}")
    return Told(done, *lines, counted(len(done), "proposal") + " accepted.", code=code)


@app.command()
@tells
def dismiss(
    context: typer.Context,
    numbers: Proposals = None,
    all_: AllFlag = False,
    source: OfSource = None,
    why: Annotated[
        str, typer.Option("--why", metavar="TEXT", help="The reason, for the record.")
    ] = "",
    by: ByOption = "",
) -> Told:
    """Dismiss proposals: a page proposes the same again only after it has changed."""
    call = call_of(context)
    with call.app.database.read() as session:
        chosen = _chosen(session, numbers, source, everything=all_)
    done = list[int]()

    def dismiss_one(session: Session, number: int) -> None:
        sources.dismiss(session, number, by or getuser(), why, call.app.clock())
        done.append(number)

    code = _each(call, chosen, dismiss_one)
    facts = {"dismissed": done, "why": why}
    return Told(facts, counted(len(done), "proposal") + " dismissed.", code=code)


def _each(
    call: CommandContext, numbers: Sequence[int], decide: Callable[[Session, int], None]
) -> int:
    """Decide on each by itself and say which can't be; return the exit code.

    Raises `DigestError` where it's the only one.
    """
    code = 0
    for number in dict.fromkeys(numbers):
        try:
            with call.app.database.write() as session:
                decide(session, number)
        except DigestError as fault:
            if len(numbers) == 1:
                raise
            call.err.print(str(fault), markup=False)
            code = 1
    return code


def _chosen(
    session: Session, numbers: list[int] | None, source: int | None, *, everything: bool
) -> list[int]:
    """Return the proposals meant: those named, or all that wait (of one source)."""
    if numbers and not everything and source is None:
        return numbers
    if numbers or not everything:
        raise DigestError(
            "name the proposals, or say --all",
            next_step="digest sources proposals, then digest sources accept NUMBER...",
        )
    return [row.id or 0 for row in sources.waiting(session, source_id=source)]


def _gone(session: Session, chosen: Sequence[int]) -> list[int]:
    """Return those of the proposals that would withdraw a comparison."""
    return [
        row.id or 0
        for row in sources.waiting(session)
        if row.kind is ProposalKind.WITHDRAWAL and row.id in chosen
    ]


def _lines(facts: dict[str, Any]) -> list[str]:
    kind = _KINDS[ProposalKind(facts["kind"])]
    return [
        f"{facts['id']:>5}  {kind:<7}  {printable(facts['title'])}",
        f"{'':>16}{printable(facts['url'])}",
        *(f"{'':>16}look: {printable(warning)}" for warning in facts["warnings"]),
        *(f"{'':>16}{_change(change)}" for change in facts["changes"]),
    ]


def _change(change: dict[str, str]) -> str:
    before, after = (_cut(change[side]) for side in ("before", "after"))
    return f"{change['field']}: was {before}, is {after}"


def _cut(text: str) -> str:
    line = printable(" ".join(text.split()))
    cut = line if len(line) <= _LONGEST else f"{line[:_LONGEST].rstrip()}…"
    return f"“{cut}”" if cut else "nothing"


def _told(session: Session, accepted: AcceptedProposal) -> list[str]:
    result = accepted.result
    if result is None:
        comparison = by_slug(session, accepted.slug)
        return [
            f"withdrawn  {accepted.slug}",
            *(f"           {what_of(session, row)}" for row in carried_by(session, comparison)),
        ]
    revised = f", revision {result.revision}" if result.revision > 1 else ""
    return [
        f"{result.outcome.value:<9}  {accepted.slug}{revised}",
        *(f"           look: {warning}" for warning in result.warnings),
    ]
