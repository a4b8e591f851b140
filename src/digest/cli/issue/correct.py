"""The command `digest correct`: a correction of an issue that went out wrong.

Hides how the difference is printed, and who gets the correction.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from sqlmodel import Session

from digest.cli.context import (
    CommandContext,
    IssueNumber,
    JsonFlag,
    NewsletterOption,
    call_of,
    counted,
)
from digest.cli.issue.drafting import find_issue, print_findings
from digest.delivery.sending import Reach, correction_reach, require_real_copies
from digest.errors import WrongState
from digest.issues import store
from digest.issues.corrections import CorrectionDraft, build_correction, draft_correction
from digest.issues.issue_commands import repeated
from digest.issues.issue_facts import issue_facts
from digest.issues.models import Issue

app = typer.Typer()


@app.command()
def correct(
    context: typer.Context,
    issue: IssueNumber,
    why: Annotated[
        str, typer.Option("--why", help="What went wrong, in your own words to readers.")
    ] = "",
    again: Annotated[
        bool, typer.Option("--again", help="Rebuild the correction; only before it's sent.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Show the corrections and the number of readers; store nothing."
        ),
    ] = False,
    newsletter: NewsletterOption = "weekly",
    as_json: JsonFlag = False,
) -> None:
    """Correct a sent issue: build a mail with the corrections for the readers who got it.

    Import what is right first. The correction is approved, tested and sent like any issue, and the
    archive shows beside the issue what was wrong.
    """
    call = call_of(context)
    rehearse_or_build = _rehearse if dry_run else _build
    with call.app.database.read() if dry_run else call.app.database.write() as session:
        wrong = find_issue(session, newsletter, issue, lock=not dry_run)[0]
        reach = _reach(call, session, wrong)
        number, draft, facts = rehearse_or_build(call, session, wrong, why=why, again=again)
        if not reach.readers:
            raise WrongState(
                f"no reader who got issue {issue} may be mailed now, so there is nobody to tell",
                next_step=f"digest status {repeated(issue, newsletter)} shows what happened to it",
            )
    if as_json:
        call.json({**facts, **_facts(wrong, draft, reach), "stored": not dry_run})
        return
    state = "would be" if dry_run else "is"
    call.out.print(
        f"The correction to issue {issue} {state} built as issue {number}:"
        f" “{draft.built.rendered.subject}”",
        markup=False,
    )
    _print_difference(call, draft)
    _print_reach(call, wrong, reach)
    print_findings(call, draft.built.findings)
    if dry_run:
        call.out.print(
            f"Nothing was stored. To build it: digest correct {repeated(issue, newsletter)}"
        )
    else:
        made = repeated(number, newsletter)
        call.out.print(
            f"Next: digest show {made} --html > correction.html; then digest approve {made};"
            f" then digest send {made}"
        )


_Made = tuple[int, CorrectionDraft, dict[str, Any]]


def _rehearse(
    call: CommandContext, session: Session, wrong: Issue, *, why: str, again: bool
) -> _Made:
    del again  # a rehearsal stores nothing, and so needs no leave to do it again
    draft = draft_correction(
        session,
        wrong,
        now=call.app.clock(),
        issue_builder=call.app.issues.builder,
        why=why,
    )
    return draft.number, draft, {"issue": draft.number, "subject": draft.built.rendered.subject}


def _build(call: CommandContext, session: Session, wrong: Issue, *, why: str, again: bool) -> _Made:
    row, draft = build_correction(
        session,
        wrong,
        now=call.app.clock(),
        issue_builder=call.app.issues.builder,
        why=why,
        again=again,
    )
    return draft.number, draft, issue_facts(row, store.edition_of(session, row))


def _reach(call: CommandContext, session: Session, wrong: Issue) -> Reach:
    if call.app.outbox_folder is None:
        require_real_copies(session, wrong)
    return correction_reach(session, wrong, call.app.clock())


def _facts(wrong: Issue, draft: CorrectionDraft, reach: Reach) -> dict[str, Any]:
    told = draft.correction.to_dict()
    return {
        "corrects": wrong.number,
        "why": told["why"],
        "changes": told["changes"],
        **reach.as_dict(),
        "findings": [each.as_dict() for each in draft.built.findings],
    }


def _print_difference(call: CommandContext, draft: CorrectionDraft) -> None:
    comparison = ""
    for change in draft.correction.changes:
        words = change.in_words()
        if words.comparison != comparison:
            comparison = words.comparison
            call.out.print(f"  {comparison}", markup=False)
        call.out.print(f"    {words.what}: {words.was} → {words.now}", markup=False)
    if draft.correction.why:
        call.out.print(f"  In your words: {draft.correction.why}", markup=False)


def _print_reach(call: CommandContext, wrong: Issue, reach: Reach) -> None:
    call.out.print(
        f"It goes to {counted(reach.readers, 'reader')} who got issue {wrong.number}, and to nobody"
        " else."
    )
    if reach.uncertain:
        call.out.print(
            f"  {counted(reach.uncertain, 'of them is', 'of them are')} in doubt: they may have got"
            f" issue {wrong.number}."
        )
    for left_out in reach.left_out:
        call.out.print(f"  left out: {left_out.readers:,} {left_out.reason}", markup=False)
