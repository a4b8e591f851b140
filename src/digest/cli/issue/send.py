"""Commands that send an issue and report on it: send, status.

Hides signals, the progress bar, and when worker processes are forked.
"""

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
    MAX_NUMBER,
    CommandContext,
    IssueNumber,
    JsonFlag,
    OptionalIssue,
    call_of,
    counted,
    printable,
)
from digest.cli.issue.drafting import NewsletterOption, find_issue
from digest.cli.issue.issue_dates import confirm_early
from digest.cli.issue.service_status import (
    print_hold,
    print_jobs,
    print_proposals,
    print_slots,
    print_webhooks,
)
from digest.cli.issue.status_output import print_status
from digest.delivery.counts import DeliveryCounts, count_deliveries
from digest.delivery.models import Rollout
from digest.delivery.reporting import NEWEST, IssueStatus, excluded_readers, refused_too_many
from digest.delivery.sending import (
    MIN_BATCHES,
    WAITS,
    EditionSend,
    Settlement,
    StopSignal,
    WorkerProcesses,
    control,
    count_outbox_copies,
    dispatch,
    requests_per_process,
    send_alongside,
    usable_cores,
    worker_pool,
)
from digest.issues import store
from digest.issues.issue_commands import option_of, repeated
from digest.issues.models import IssueState
from digest.letters import send_seed_copy
from digest.process_id import alive
from digest.service import (
    IssueOutlook,
    hold_facts,
    issue_status_of,
    newest_statuses,
    require_real_send,
    running_newsletters,
    service_facts,
    start_send,
    status_facts,
)
from subscribers.models import SendOutcome

app = typer.Typer()


@app.command()
def send(
    context: typer.Context,
    issue: IssueNumber,
    newsletter: NewsletterOption = "weekly",
    from_outbox: Annotated[
        bool, typer.Option("--from-outbox", help="Send for real what went to the outbox folder.")
    ] = False,
    refused_again: Annotated[
        bool,
        typer.Option(
            "--refused-again", help="Send it again to the readers that the provider refused."
        ),
    ] = False,
    early: Annotated[
        bool, typer.Option("--early", help="Send it before its day, without confirmation.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Send an issue now and show progress; run it again to resume an interrupted send."""
    call = call_of(context)
    _look_at_day(call, newsletter, issue, early=early)
    if refused_again:
        require_real_send(call.app, newsletter, issue, from_outbox=from_outbox)
        _offer_again(call, newsletter, issue)
    sending = start_send(call.app, newsletter, issue, from_outbox=from_outbox)
    stop_signal = StopSignal(grace=call.settings.grace)
    if call.settings.canary:
        send_seed_copy(sending, call.settings.canary)
    concurrency = call.settings.concurrency
    with (
        _stopped_by_signals(stop_signal),
        _worker_processes(call, sending, stop_signal) as workers,
        _progress(call, sending, quiet=as_json) as advance,
    ):
        dispatch(
            sending,
            concurrency=concurrency,
            stop_signal=stop_signal,
            progress=advance,
            workers=workers,
        )
    # Requests this process still has under way will get no answer here: count them as in doubt.
    report, outlook = _status(
        call, newsletter, issue, is_alive=lambda who: who != sending.owner and alive(who)
    )
    if as_json:
        call.json(status_facts(report, outlook))
    else:
        print_status(call, report, outlook)
    if stop_signal.stopping.is_set():
        which = repeated(issue, newsletter)
        call.err.print(_stopped_in_words(report.counts))
        call.err.print(
            f"The service sends the rest. To stop that too: digest pause {which}"
            if outlook.goes_on
            else f"To continue: digest send {which}"
        )
    elif _another_sends(report):
        call.err.print(
            "Another process is sending the rest, so there is nothing to do. To see its progress:"
            f" digest status {repeated(issue, newsletter)}"
        )
        return
    # Not those that `dispatch` returns: another process may have finished the issue since.
    counts = report.counts
    open_ = counts.pending or counts.in_doubt or report.state is IssueState.PAUSED
    if open_ or refused_too_many(counts):
        raise typer.Exit(1)


@app.command("status")
def status_(
    context: typer.Context,
    issue: OptionalIssue = None,
    newsletter: Annotated[
        str | None,
        typer.Option(
            "--newsletter",
            help="The newsletter's slug; by default, every newsletter.",
        ),
    ] = None,
    who: Annotated[bool, typer.Option("--who", help="List the readers who were left out.")] = False,
    last: Annotated[
        int,
        typer.Option(
            "--last",
            metavar="N",
            min=1,
            max=MAX_NUMBER,
            help="How many issues to show, the newest; one that isn't over is always shown.",
        ),
    ] = NEWEST,
    as_json: JsonFlag = False,
) -> None:
    """Show where each issue stands, what is stuck, and what to do next."""
    call = call_of(context)
    if issue is None:
        _list_issues(call, newsletter, last, as_json=as_json)
        return
    slug = newsletter or store.USUAL
    if who:
        _list_left_out(call, slug, issue, as_json=as_json)
        return
    (report, outlook), on_hold = _status(call, slug, issue), hold_facts(call.app)
    if as_json:
        call.json({**status_facts(report, outlook), **on_hold})
        return
    print_hold(call, on_hold)
    print_status(call, report, outlook)


def _look_at_day(call: CommandContext, newsletter: str, number: int, *, early: bool) -> None:
    """Ask whether an issue that nobody has got may go before its day."""
    with call.app.database.read() as session:
        issue, edition = find_issue(session, newsletter, number)
        began = issue.state is not IssueState.BUILT
        if began and count_outbox_copies(session, edition.id or 0) == 0:
            return
        confirm_early(call, issue, store.newsletter_of(session, issue), early=early)


def _another_sends(report: IssueStatus) -> bool:
    """Return whether every open batch is under way in a process that is alive."""
    counts = report.counts
    open_ = counts.pending + counts.in_doubt
    others = open_ > 0 and open_ == report.claimed + counts.under_way
    return others and report.state is IssueState.PREPARED and not refused_too_many(counts)


def _stopped_in_words(counts: DeliveryCounts) -> str:
    if left := counts.in_doubt - counts.under_way:  # those under way are other processes'
        return f"Stopped, and {counted(left, 'reader is', 'readers are')} in doubt, as above."
    return "Stopped; requests under way were finished."


def _offer_again(call: CommandContext, newsletter: str, number: int) -> None:
    call.app.sending.begin()
    with call.app.database.write() as session:
        issue, _ = find_issue(session, newsletter, number)
        offered = control.requeue_refused(session, issue, call.app.batch_size)
        call.app.job_queue.enqueue_batches(session, call.app.clock())
    call.err.print(f"Trying again for {counted(offered, 'reader')}.")


def _list_left_out(call: CommandContext, newsletter: str, number: int, *, as_json: bool) -> None:
    with call.app.database.read() as session:
        rows = excluded_readers(session, find_issue(session, newsletter, number)[1].id or 0)
    if as_json:
        call.json([{"outcome": o, "reason": r, "address": a} for o, r, a in rows])
        return
    for outcome, reason, address in rows:
        call.out.print(printable(f"{address}  {outcome}: {reason}"), markup=False)
    if not rows:
        call.out.print("Nobody was left out.")


@contextmanager
def _stopped_by_signals(stop_signal: StopSignal) -> Iterator[None]:
    """Stop gracefully at the first SIGINT or SIGTERM; restore the handlers for the second.

    SIGHUP always stops gracefully: a closing terminal may send it more than once.
    """

    def stop(number: int, _frame: FrameType | None) -> None:
        stop_signal.stop()
        if number != signal.SIGHUP:
            signal.signal(number, before[number])

    numbers: list[int] = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _worker_processes(
    call: CommandContext, sending: EditionSend, stop_signal: StopSignal
) -> Iterator[WorkerProcesses]:
    """Fork worker processes so that a large send uses every core."""
    concurrency = call.settings.concurrency
    with call.app.database.read() as session:
        waiting = count_deliveries(session, sending.edition_id).pending
    is_large = waiting >= MIN_BATCHES * call.app.batch_size
    is_real = call.app.outbox_folder is None
    # Each process adapts the number of its own requests, so it needs some to give up.
    processes = min(usable_cores(), max(2, concurrency // 4), concurrency)
    helpers = processes - 1 if is_large and is_real else 0
    work = partial(
        send_alongside,
        concurrency=requests_per_process(concurrency, helpers),
        stop_signal=stop_signal,
    )
    call.app.database.cache_less()
    disconnect = call.app.database.disconnect
    with worker_pool(
        sending, helpers, work=work, stop_signal=stop_signal, close_store=disconnect
    ) as workers:
        yield workers


@contextmanager
def _progress(
    call: CommandContext, sending: EditionSend, *, quiet: bool
) -> Iterator[Callable[[Settlement], None]]:
    with call.app.database.read() as session:
        counts = count_deliveries(session, sending.edition_id)
        rollout = session.get(Rollout, sending.edition_id)
    if rollout is not None and rollout.passed_at is None:
        minutes = counted(rollout.wait_seconds // 60, "minute")
        call.err.print(
            f"The first wave goes out alone; the rest then waits {minutes} for its results."
            " You can stop with Ctrl-C: nothing is lost."
        )
    total = counts.candidates - counts.excluded
    title = TextColumn("Sending", markup=False)  # markup loads the table of emoji: 6 MB
    columns = (title, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=call.err, disable=quiet, transient=True) as bar:
        task = bar.add_task("", total=total, completed=counts.accepted + counts.refused)
        lines: Counter[str] = Counter()

        def advance(settled: Settlement) -> None:
            if settled.outcome == SendOutcome.ACCEPTED:
                bar.advance(task, settled.count)
                return
            bar.advance(task, settled.accepted)
            if settled.detail:
                speaks = settled.outcome in {WAITS, SendOutcome.MIXED}  # its detail says it all
                line = settled.detail if speaks else f"{settled.outcome}: {settled.detail}"
                lines[line] += 1
                if lines[line] == 1:
                    bar.console.print(line, markup=False)

        yield advance
        for line, times in lines.items():
            if times > 1:
                bar.console.print(f"{line} ({times:,} times in all)", markup=False)


def _status(
    call: CommandContext,
    newsletter: str,
    number: int,
    *,
    is_alive: Callable[[str], bool | None] = alive,
) -> tuple[IssueStatus, IssueOutlook]:
    with call.app.database.read() as session:
        issue, edition = find_issue(session, newsletter, number)
        return issue_status_of(call.app, session, issue, edition, is_alive)


def _list_issues(call: CommandContext, slug: str | None, newest: int, *, as_json: bool) -> None:
    """Print the issues and the schedule of one newsletter, or of each that isn't archived."""
    with call.app.database.read() as session:
        rows = [store.newsletter(session, slug)] if slug else running_newsletters(session)
        listed = [
            (row, option_of(row), *newest_statuses(call.app, session, row, newest)) for row in rows
        ]
    service = service_facts(call.app, [row.slug for row in rows])
    if as_json:
        issues = [
            {**status_facts(*each), "newsletter": row.slug}
            for row, _, reports, _ in listed
            for each in reports
        ]
        call.json({"issues": issues, "earlier": sum(each[-1] for each in listed), **service})
        return
    print_hold(call, service)
    for row, option, reports, earlier in listed:
        if len(listed) > 1:
            space = "" if row is rows[0] else "\n"
            title = f"{space}{row.name} ({row.slug})"
            call.out.print(title, style="bold underline", markup=False)
        if earlier:
            every = f"digest status{option} --last {earlier + len(reports)}"
            call.out.print(f"{counted(earlier, 'earlier issue')}: {every}\n", markup=False)
        if not reports:
            call.out.print(f"No issue has been built yet. Next: digest build{option}")
        for each in reports:
            print_status(call, *each)
        print_slots(call, service, row.slug)
    print_proposals(call, service)
    print_jobs(call, service)
    print_webhooks(call, service)
