"""Commands about mail that came back: read it, from a mailbox or from a mail server's pipe.

Hides what a mail server is told: exit code 75 (EX_TEMPFAIL) lets it try again later, so it is told
that whenever the event of a mail isn't on disk.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.exc import SQLAlchemyError

from digest.cli.context import (
    CommandContext,
    Told,
    YesFlag,
    call_of,
    confirm,
    counted,
    tells,
)
from digest.delivery.events import EventConsumer
from digest.errors import BadSetting, DigestError
from digest.mail.smtp.bounces import MAX_ASIDE, MailboxReading, ReturnSort

PIPE = Path("-")
EX_TEMPFAIL = 75  #: of sysexits.h: the mail server keeps the mail, and tries again
_SORTS = {
    ReturnSort.REPORT: ("delivery report", "delivery reports"),
    ReturnSort.COMPLAINT: ("complaint", "complaints"),
    ReturnSort.ANSWER: ("answer", "answers"),
    ReturnSort.FOREIGN: ("mail without a valid token", "mails without a valid token"),
    ReturnSort.UNREADABLE: ("unreadable mail", "unreadable mails"),
}
log = logging.getLogger(__name__)

app = typer.Typer(
    help="Read mail that came back: bounces and complaints.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def _bounces() -> None:
    """Read mail that came back: bounces and complaints."""


@app.command()
@tells
def read(
    context: typer.Context,
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PATH]",
            help="A Maildir or an mbox, or - for one mail on standard input;"
            " by default DIGEST_BOUNCE_MAILBOX.",
        ),
    ] = None,
    recipient: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="The address that a mail on standard input came to."),
    ] = "",
    yes: YesFlag = False,
) -> Told:
    """Read bounces and complaints, and remove each mail once its event is on disk."""
    call = call_of(context)
    if path == PIPE:
        return _piped(call, recipient)
    where = path or call.settings.bounce_mailbox
    if where is None:
        raise BadSetting(
            "DIGEST_BOUNCE_MAILBOX is missing", next_step="set it, or: digest bounces read PATH"
        )
    if where != call.settings.bounce_mailbox:
        empties = f"Digest empties {where}, and keeps at most {MAX_ASIDE:,} mails it can't use"
        confirm(call, empties, question="Read it?", flag="--yes", given=yes)
    consumer = call.app.events.consumer()
    with _progress(call) as on_progress:
        reading = call.app.events.returned_mail(consumer).read_mailbox(where, on_progress)
    _apply(consumer)
    return Told(_facts(reading), *_lines(reading))


def _piped(call: CommandContext, recipient: str) -> Told:
    reading = MailboxReading()
    try:
        consumer = call.app.events.consumer()
        reader = call.app.events.returned_mail(consumer)
        mail = reader.read_one(sys.stdin.buffer, recipient)
    except Exception as fault:  # a mail server returns a mail for good at any other exit code
        known = isinstance(fault, DigestError)
        call.err.print(f"digest: {fault if known else type(fault).__name__}", markup=False)
        raise typer.Exit(EX_TEMPFAIL) from None
    reading.mails[mail.sort] += 1
    _apply(consumer)
    return Told(_facts(reading), *_lines(reading))


def _apply(consumer: EventConsumer) -> None:
    """Apply the events now if that can be done; they are on disk, so they don't get lost."""
    try:
        consumer.apply_all()
    except (SQLAlchemyError, DigestError) as fault:
        log.warning("the events wait in the spool: %s", type(fault).__name__)


def _facts(reading: MailboxReading) -> dict[str, Any]:
    return {
        "read": reading.total,
        **{sort.value: reading.mails[sort] for sort in ReturnSort},
        "kept": reading.kept,
    }


def _lines(reading: MailboxReading) -> Iterator[str]:
    found = [counted(reading.mails[sort], *words) for sort, words in _SORTS.items()]
    named = [words for words, sort in zip(found, _SORTS, strict=True) if reading.mails[sort]]
    yield f"Read {counted(reading.total, 'mail')}" + (f": {', '.join(named)}." if named else ".")
    if reading.kept:
        one, many = "mail that can't be used is", "mails that can't be used are"
        yield f"{counted(reading.kept, one, many)} in {reading.aside}."


@contextmanager
def _progress(call: CommandContext) -> Iterator[Any]:
    from rich.progress import Progress

    off = not call.err.is_terminal
    with Progress(console=call.err, transient=True, disable=off) as bar:
        task = bar.add_task("Reading", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
