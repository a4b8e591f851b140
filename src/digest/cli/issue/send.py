"""The command that sends an issue: send.

Hides signals, the progress bar, and when worker processes are forked.
"""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from digest.app.send_start import require_real_send, start_send
from digest.cli.context import (
    CommandContext,
    IssueNumber,
    JsonFlag,
    NewsletterOption,
    call_of,
    counted,
)
from digest.cli.issue.issue_dates import confirm_early
from digest.delivery.counts import DeliveryCounts, count_deliveries
from digest.delivery.models import Rollout
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
    rehearse,
    requests_per_process,
    send_alongside,
    usable_cores,
    worker_pool,
)
from digest.issues import store
from digest.issues.issue_commands import repeated
from digest.issues.models import IssueState
from digest.process_id import alive
from subscribers.models import SendOutcome

if TYPE_CHECKING:
    from digest.delivery.reporting import IssueStatus

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
        from digest.letters import send_seed_copy  # it imports every letter

        send_seed_copy(sending, call.settings.canary)
    concurrency = call.settings.concurrency
    done, total = _readers_before(call, sending)
    with (
        _stopped_by_signals(stop_signal),
        _worker_processes(call, sending, stop_signal) as workers,
        _progress(call, done, total, quiet=as_json) as advance,
    ):
        dispatch(
            sending,
            concurrency=concurrency,
            stop_signal=stop_signal,
            progress=advance,
            workers=workers,
        )
    _print_end(
        call, newsletter, issue, sending, stopped=stop_signal.stopping.is_set(), as_json=as_json
    )


def _look_at_day(call: CommandContext, newsletter: str, number: int, *, early: bool) -> None:
    """Ask whether an issue that nobody has got may go before its day."""
    with call.app.database.read() as session:
        issue, edition = store.issue_and_edition(session, newsletter, number)
        began = issue.state is not IssueState.BUILT
        if began and count_outbox_copies(session, edition.id or 0) == 0:
            return
        confirm_early(call, issue, store.newsletter_of(session, issue), early=early)


def _print_end(
    call: CommandContext,
    newsletter: str,
    number: int,
    sending: EditionSend,
    *,
    stopped: bool,
    as_json: bool,
) -> None:
    """Print where the issue stands after the send, and what to do next; exit 1 if it isn't done."""
    # Imported once nothing is being sent: it is much, and each process would hold it meanwhile.
    from digest.cli.issue.status_command import found_status
    from digest.cli.issue.status_output import print_status
    from digest.delivery.reporting import refused_too_many
    from digest.service import status_facts

    # Requests this process still has under way will get no answer here: count them as in doubt.
    report, outlook = found_status(
        call, newsletter, number, is_alive=lambda who: who != sending.owner and alive(who)
    )
    # Not the counts that `dispatch` returns: another process may have finished the issue since.
    counts, again = report.counts, repeated(number, newsletter)
    if as_json:
        call.json(status_facts(report, outlook))
    else:
        print_status(call, report, outlook)
    if stopped:
        call.err.print(_stopped_in_words(counts))
        call.err.print(
            f"The service sends the rest. To stop that too: digest pause {again}"
            if outlook.goes_on
            else f"To continue: digest send {again}"
        )
    elif _another_sends(report) and not refused_too_many(counts):
        call.err.print(
            "Another process is sending the rest, so there is nothing to do. To see its progress:"
            f" digest status {again}"
        )
        return
    open_ = counts.pending or counts.in_doubt or report.state is IssueState.PAUSED
    if open_ or refused_too_many(counts):
        raise typer.Exit(1)


def _another_sends(report: IssueStatus) -> bool:
    """Return whether every open batch is under way in a process that is alive."""
    counts = report.counts
    open_ = counts.pending + counts.in_doubt
    others = open_ > 0 and open_ == report.claimed + counts.under_way
    return others and report.state is IssueState.PREPARED


def _stopped_in_words(counts: DeliveryCounts) -> str:
    if left := counts.in_doubt - counts.under_way:  # those under way are other processes'
        return f"Stopped, and {counted(left, 'reader is', 'readers are')} in doubt, as above."
    return "Stopped; requests under way were finished."


def _offer_again(call: CommandContext, newsletter: str, number: int) -> None:
    call.app.sending.begin()
    with call.app.database.write() as session:
        issue, _ = store.issue_and_edition(session, newsletter, number)
        offered = control.requeue_refused(session, issue, call.app.batch_size)
        call.app.job_queue.enqueue_batches(session, call.app.clock())
    call.note(f"Trying again for {counted(offered, 'reader')}.")


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
    if helpers:
        rehearse(sending)  # 3 MB, and the time, in every further process
    disconnect = call.app.database.disconnect
    with worker_pool(
        sending, helpers, work=work, stop_signal=stop_signal, close_store=disconnect
    ) as workers:
        yield workers


def _readers_before(call: CommandContext, sending: EditionSend) -> tuple[int, int]:
    """Return how many readers are done and how many there are; say so if a first wave goes alone.

    Call it before worker processes are forked: what it touches would be held twice.
    """
    with call.app.database.read() as session:
        counts = count_deliveries(session, sending.edition_id)
        rollout = session.get(Rollout, sending.edition_id)
    if rollout is not None and rollout.passed_at is None:
        minutes = counted(rollout.wait_seconds // 60, "minute")
        call.note(
            f"The first wave goes out alone; the rest then waits {minutes} for its results."
            " You can stop with Ctrl-C: nothing is lost."
        )
    return counts.accepted + counts.refused, counts.candidates - counts.excluded


@contextmanager
def _progress(
    call: CommandContext, done: int, total: int, *, quiet: bool
) -> Iterator[Callable[[Settlement], None]]:
    drawn = sys.stderr.isatty() and not quiet
    with _bar(call, done, total) if drawn else nullcontext(_draw_nothing) as draw:
        lines: Counter[str] = Counter()

        def advance(settled: Settlement) -> None:
            if settled.outcome == SendOutcome.ACCEPTED:
                draw(settled.count)
                return
            draw(settled.accepted)
            if settled.detail:
                speaks = settled.outcome in {WAITS, SendOutcome.MIXED}  # its detail says it all
                line = settled.detail if speaks else f"{settled.outcome}: {settled.detail}"
                lines[line] += 1
                if lines[line] == 1:
                    call.note(line)

        yield advance
        for line, times in lines.items():
            if times > 1:
                call.note(f"{line} ({times:,} times in all)")


@contextmanager
def _bar(call: CommandContext, done: int, total: int) -> Iterator[Callable[[int], None]]:
    """Draw a progress bar; yield the function that adds so many readers to those it shows."""
    # Imported where there's a terminal to draw on: elsewhere each process saves 2 MB.
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    title = TextColumn("Sending", markup=False)  # markup loads the table of emoji: 6 MB
    columns = (title, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=call.err, transient=True) as bar:
        yield partial(bar.advance, bar.add_task("", total=total, completed=done))


def _draw_nothing(_readers: int) -> None:
    """Stand for the bar where nobody would see it."""
