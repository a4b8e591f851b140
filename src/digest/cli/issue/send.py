"""Sending on the command line: send, status, pause, resume, cancel, resolve."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from digest.cli.context import (
    AnyIssue,
    CommandContext,
    IssueNumber,
    JsonFlag,
    call_of,
    printable,
    some,
)
from digest.cli.issue.build import NewsletterOption, find, findings_of
from digest.cli.issue.service_status import hold, print_hold, print_standing, standing
from digest.cli.issue.status_output import print_status
from digest.delivery.counts import DeliveryCounts, count_deliveries
from digest.delivery.reporting import IssueStatus, excluded_readers, issue_status, refused_too_many
from digest.delivery.sending import (
    WORTH_IT,
    EditionSend,
    Settlement,
    StopSignal,
    WorkerProcesses,
    alive,
    control,
    count_outbox_copies,
    discard_outbox_copies,
    dispatch,
    mark_sent_if_done,
    recover,
    requests_per_process,
    send_alongside,
    send_seed_copy,
    usable_cores,
    worker_pool,
)
from digest.errors import MailUnfit, WrongState
from digest.issues import store
from digest.issues.models import IssueState
from digest.render.lint import forbids_sending
from digest.service import freeze
from digest.settings import TransportKind

app = typer.Typer()


@app.command()
def send(
    context: typer.Context,
    issue: IssueNumber,
    newsletter: NewsletterOption = "weekly",
    from_outbox: Annotated[
        bool, typer.Option("--from-outbox", help="Send for real what went into the outbox folder.")
    ] = False,
    refused_again: Annotated[
        bool,
        typer.Option("--refused-again", help="Offer it once more to those the provider refused."),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Plan and send now, with progress; called again, it resumes what was interrupted."""
    call = call_of(context)
    _outbox_first(call, newsletter, issue, take=from_outbox)
    if refused_again:
        _offer_again(call, newsletter, issue)
    sending = _ready(call, newsletter, issue)
    brake = StopSignal(grace=call.settings.grace)
    if call.settings.canary:
        send_seed_copy(sending, call.settings.canary)
    many = call.settings.concurrency
    with (
        _stopped_by_signals(brake),
        _helped(call, sending, brake) as hands,
        _progress(call, sending, quiet=as_json) as advance,
    ):
        counts = dispatch(sending, concurrency=many, brake=brake, progress=advance, hands=hands)
    # What this process still has under way it leaves behind.
    where = _status(
        call, newsletter, issue, is_alive=lambda who: who != sending.owner and alive(who)
    )
    if as_json:
        call.json(where.as_dict())
    else:
        print_status(call, where)
    if brake.stopping.is_set():
        call.err.print(_stopped_in_words(counts))
        call.err.print(f"Go on with: digest send {issue}")
    elif _another_sends(where):
        call.err.print(
            "Another process is sending the rest of it; there is nothing to do. How far it is:"
            f" digest status {issue}"
        )
        return
    open_ = counts.pending or counts.in_doubt or where.state is IssueState.PAUSED
    if open_ or refused_too_many(counts):
        raise typer.Exit(1)


@app.command("status")
def status_(
    context: typer.Context,
    issue: AnyIssue = None,
    newsletter: NewsletterOption = "weekly",
    who: Annotated[bool, typer.Option("--who", help="List the readers who were left out.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show counts that balance, what is stuck, and what to do next."""
    call = call_of(context)
    if issue is None:
        _list_issues(call, newsletter, as_json=as_json)
        return
    if who:
        _list_left_out(call, newsletter, issue, as_json=as_json)
        return
    where, on_hold = _status(call, newsletter, issue), hold(call)
    if as_json:
        call.json({**where.as_dict(), **on_hold})
        return
    print_hold(call, on_hold)
    print_status(call, where)


def _another_sends(where: IssueStatus) -> bool:
    """Tell whether all that is open is under way in a process that lives."""
    counts = where.counts
    others = counts.under_way > 0 and counts.under_way == counts.in_doubt and not counts.pending
    return others and where.state is IssueState.PREPARED and not refused_too_many(counts)


def _stopped_in_words(counts: DeliveryCounts) -> str:
    if counts.under_way:
        return (
            f"Stopped, and {some(counts.under_way, 'reader is', 'readers are')} left in doubt:"
            " their request was under way when the grace was over."
        )
    return "Stopped; what was under way was finished."


def _outbox_first(call: CommandContext, newsletter: str, number: int, *, take: bool) -> None:
    """Keep copies in the outbox folder from being taken for mail that reached its readers."""
    if call.settings.transport is TransportKind.OUTBOX:
        return
    with call.app.database.write() as session:
        issue, edition = find(session, newsletter, number)
        copies = count_outbox_copies(session, edition.id or 0)
        if copies and not take:
            raise WrongState(
                f"{some(copies, 'copy', 'copies')} of issue {number} went to the outbox folder,"
                " not to readers",
                next_step=f"digest send {number} --from-outbox sends them for real",
            )
        if copies:
            discard_outbox_copies(session, issue, edition.id or 0)


def _offer_again(call: CommandContext, newsletter: str, number: int) -> None:
    call.app.begin_sending()
    with call.app.database.write() as session:
        issue, _ = find(session, newsletter, number)
        offered = control.offer_again(session, issue, call.settings.batch_size)
    call.err.print(f"Offered once more to {some(offered, 'reader')}.")


def _list_left_out(call: CommandContext, newsletter: str, number: int, *, as_json: bool) -> None:
    with call.app.database.read() as session:
        rows = excluded_readers(session, find(session, newsletter, number)[1].id or 0)
    if as_json:
        call.json([{"outcome": o, "reason": r, "address": a} for o, r, a in rows])
        return
    for outcome, reason, address in rows:
        call.out.print(printable(f"{address}  {outcome}: {reason}"), markup=False)
    if not rows:
        call.out.print("Nobody was left out.")


def _mended(mend: str) -> str:
    named = "digest build" in mend or "digest resume" in mend
    return mend if named else f"{mend} Then: digest build --again"


def _ready(call: CommandContext, newsletter: str, number: int) -> EditionSend:
    """Freeze the audience unless that is done, and return what sending takes.

    Of several that begin at once one freezes it; the others wait for that, and send along.
    """
    call.app.begin_sending()
    _refuse_stopped(call, newsletter, number)
    with call.app.database.write() as session:
        issue, edition = find(session, newsletter, number, lock=True)
        findings = findings_of(call, edition)
        if forbids_sending(findings):
            raise MailUnfit(
                f"issue {number} can't go out: {findings[0].message}",
                next_step=_mended(findings[0].mend),
            )
        sending = call.app.sending(session, issue)
        if issue.state is IssueState.BUILT:
            call.app.require_approved(session, issue)
            freeze(call.app, session, issue, edition)
    return sending


def _refuse_stopped(call: CommandContext, newsletter: str, number: int) -> None:
    """Refuse to send what is paused or cancelled; what a dead sender of it held is moved on."""
    with call.app.database.write() as session:
        issue, edition = find(session, newsletter, number)
        if issue.state not in {IssueState.CANCELLED, IssueState.PAUSED}:
            return
        state, note = issue.state, issue.note
        now = call.app.clock()
        recover(session, edition_id=edition.id or 0, now=now, alive=alive)
        mark_sent_if_done(session, edition.id or 0, now)
    paused = state is IssueState.PAUSED
    raise WrongState(
        f"issue {number} is {state}: {note}",
        next_step=f"digest {'resume' if paused else 'status'} {number}",
    )


@contextmanager
def _stopped_by_signals(brake: StopSignal) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM finish what is under way; the second ends at once.

    A terminal that goes away says so as often as it likes: SIGHUP never ends at once.
    """

    def stop(number: int, _frame: FrameType | None) -> None:
        brake.stop()
        if number != signal.SIGHUP:
            signal.signal(number, before[number])

    numbers: list[int] = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _helped(
    call: CommandContext, sending: EditionSend, brake: StopSignal
) -> Iterator[WorkerProcesses]:
    """Use the other cores too, where that is worth it."""
    many = call.settings.concurrency
    with call.app.database.read() as session:
        waiting = count_deliveries(session, sending.edition_id).pending
    worth_it = waiting >= WORTH_IT * call.settings.batch_size
    really = call.settings.transport is TransportKind.SENDGRID
    helping = min(usable_cores(), many) - 1 if worth_it and really else 0
    work = partial(send_alongside, concurrency=requests_per_process(many, helping), brake=brake)
    close = call.app.database.close
    with worker_pool(sending, helping, work=work, brake=brake, close_store=close) as hands:
        yield hands


@contextmanager
def _progress(
    call: CommandContext, sending: EditionSend, *, quiet: bool
) -> Iterator[Callable[[Settlement], None]]:
    with call.app.database.read() as session:
        counts = count_deliveries(session, sending.edition_id)
    total = counts.candidates - counts.excluded
    columns = (TextColumn("Sending"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=call.err, disable=quiet, transient=True) as bar:
        task = bar.add_task("", total=total, completed=counts.accepted + counts.refused)
        said: Counter[str] = Counter()

        def advance(settled: Settlement) -> None:
            if settled.outcome == "accepted":
                bar.advance(task, settled.count)
            elif settled.detail:
                line = f"{settled.outcome}: {settled.detail}"
                said[line] += 1
                if said[line] == 1:
                    bar.console.print(line, markup=False)

        yield advance
        for line, times in said.items():
            if times > 1:
                bar.console.print(f"{line} ({times:,} times in all)", markup=False)


def _status(
    call: CommandContext,
    newsletter: str,
    number: int,
    *,
    is_alive: Callable[[str], bool | None] = alive,
) -> IssueStatus:
    with call.app.database.read() as session:
        issue, edition = find(session, newsletter, number)
        return issue_status(session, issue, edition, call.app.clock(), is_alive=is_alive)


def _list_issues(call: CommandContext, newsletter: str, *, as_json: bool) -> None:
    with call.app.database.read() as session:
        series = store.newsletter(session, newsletter)
        found = [
            issue_status(session, issue, store.edition_of(session, issue), call.app.clock())
            for issue in store.issues(session, series.id)
            if issue.number is not None
        ]
    by_itself = standing(call, newsletter)
    if as_json:
        call.json({"issues": [each.as_dict() for each in found], **by_itself})
        return
    print_hold(call, by_itself)
    if not found:
        call.out.print("There is no issue yet. Next: digest build")
    for each in found:
        print_status(call, each)
    print_standing(call, by_itself)
