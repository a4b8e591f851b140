"""Commands about one subscriber: show, history, forget, leave, suppress.

Hides how an address or token becomes a subscriber, and how the stored facts are printed.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from sqlalchemy.orm import Session

from digest.cli.audience.subscribers import Newsletter
from digest.cli.context import CommandContext, JsonFlag, Told, YesFlag, call_of, confirm, tells
from subscribers import consent, lifecycle, store, suppression
from subscribers.address import parse
from subscribers.errors import UnknownReader
from subscribers.models import Standing, SuppressionReason
from subscribers.store import Evidence, Reader
from subscribers.tokens import Links

app = typer.Typer()

AddressArgument = Annotated[str, typer.Argument(metavar="ADDRESS", help="The reader's address.")]
_OPERATOR = Evidence(channel="operator")
_LIFTABLE = [reason for reason in SuppressionReason if reason is not SuppressionReason.ERASED]
_WHY_NOT = "the reader asked to be erased, and can only come back by signing up again."


@app.command()
def show(context: typer.Context, address: AddressArgument, json: JsonFlag = False) -> None:
    """Show everything stored about one reader."""
    call = call_of(context)
    with call.app.database.read() as session:
        facts = call.app.reader_requests.record(session, parse(address).key)
    if json:
        call.json(facts)
    else:
        _print_person(call, facts)


@app.command()
def history(context: typer.Context, address: AddressArgument, json: JsonFlag = False) -> None:
    """Show one reader's consent record: what they agreed to and withdrew, and when."""
    call = call_of(context)
    key = parse(address).key
    with call.app.database.read() as session:
        reader = store.find(session, key)
        held = suppression.find(session, key, call.app.hashes)
        if reader is None and held is None:
            raise UnknownReader
        entries = consent.entries(session, reader.id) if reader else []
    if json:
        call.json([dict(entry) for entry in entries])
        return
    _print_history(call, entries)
    if reader is None:
        call.out.print("Earlier consent is kept under a number that names nobody.")
    if held:
        call.out.print(f"Suppressed since {held.at:%Y-%m-%d %H:%M} (UTC): {held.reason}")
    if held and held.erased_at and held.reason is not SuppressionReason.ERASED:
        call.out.print(f"Erased on request: {held.erased_at:%Y-%m-%d %H:%M} (UTC)")


@app.command()
@tells
def forget(context: typer.Context, address: AddressArgument, yes: YesFlag = False) -> Told:
    """Erase a reader; a keyed hash stays, so that no import re-adds the address."""
    call = call_of(context)
    call.app.require_secrets()
    key = parse(address).key
    with call.app.database.read() as session:
        if store.find(session, key) is None and not store.is_requested(session, key):
            raise UnknownReader
    facts = "this would erase everything stored about the reader, for good"
    confirm(call, facts, question="Erase the reader?", flag="--yes", given=yes)
    with call.app.database.write() as session:
        reader = store.find(session, key)
        if reader is not None:
            call.app.reader_requests.erase(session, reader, _OPERATOR)
        elif not store.delete_requests(session, key):  # a pending address change to it
            raise UnknownReader
    call.app.database.scrub()
    told = "Erased. Only the consent record, under a number, and a keyed hash stay."
    if call.app.votes.keep_erased:
        told += " Votes stay in the counts, without the reader."
    return Told({"erased": True}, told)


@app.command()
@tells
def leave(
    context: typer.Context,
    who: Annotated[
        str,
        typer.Argument(
            metavar="ADDRESS|TOKEN",
            help="The reader's address, or the token in the subject of their mail.",
        ),
    ],
    newsletter: Newsletter = "weekly",
) -> Told:
    """Unsubscribe a reader who wrote to us (DIGEST_LEAVE_MAILTO); a token names its newsletter."""
    call = call_of(context)
    links = Links(call.app.settings.base_url, call.app.tokens)
    with call.app.database.write() as session:
        by_token = None if "@" in who else links.read_unsubscribe(who)
        number, slug = by_token or (_known(session, who).id, call.existing(newsletter))
        left = lifecycle.leave(session, number, slug, Evidence(channel="mail"), call.app.clock())
    told = "Unsubscribed." if left else "This reader isn't on the list; nothing changed."
    return Told({"newsletter": slug, "unsubscribed": left}, told)


@app.command()
@tells
def suppress(
    context: typer.Context,
    address: AddressArgument,
    lift: Annotated[bool, typer.Option("--lift", help="Allow mail to this address again.")] = False,
) -> Told:
    """Never mail an address again, whatever its subscriptions say, subscribed or not."""
    call = call_of(context)
    call.app.require_secrets()
    key, hashes, now = parse(address).key, call.app.hashes, call.app.clock()
    with call.app.database.write() as session:
        if lift:
            declined = suppression.allow_mailbox_of(session, key, hashes)
            was = suppression.lift(session, key, hashes, among=_LIFTABLE) or declined
        else:
            was = True
            suppression.suppress(session, key, SuppressionReason.MANUAL, hashes, now)
        suppressed = suppression.find(session, key, hashes)
    reason = suppressed.reason if suppressed else None
    facts = {"suppressed": suppressed is not None, "reason": reason, "changed": bool(was)}
    if lift and suppressed:
        done = "The other reason is gone, but" if was else "Nothing changed:"
        return Told(facts, f"{done} {_WHY_NOT}", code=1)
    done = "Mail to this address is allowed again." if lift else "Suppressed."
    told = done if was else "This address wasn't suppressed; nothing changed."
    return Told(facts, told)


def _known(session: Session, address: str) -> Reader:
    reader = store.find(session, parse(address).key)
    if reader is None:
        raise UnknownReader
    return reader


def _print_person(call: CommandContext, facts: dict[str, Any]) -> None:
    suppressed = facts["suppression"]
    kept = (
        "only in an unconfirmed address change"
        if facts["wished_for"]
        else "not stored, only a hash"
    )
    call.out.print(f"address: {facts.get('address', kept)}")
    call.out.print(f"suppressed: {suppressed['reason'] if suppressed else 'no'}")
    if facts["declined_at"]:
        call.out.print(f"declined: {facts['declined_at']:%Y-%m-%d}, “this wasn’t me”; no letters")
    if facts.get("subscriptions") == []:
        call.out.print("subscriptions: none")
    for row in facts.get("subscriptions", []):
        paused = row["standing"] == Standing.PAUSED and row["paused_until"]
        until = f" until {row['paused_until']:%Y-%m-%d}" if paused else ""
        topics = escape(f"; topics: {', '.join(row['topics'])}") if row["topics"] else ""
        call.out.print(
            f"{row['newsletter']}: {row['standing']}{until} since {row['since']:%Y-%m-%d %H:%M}"
            f" ({escape(row['source'])}){topics}"
        )
    votes = [vote for vote in facts.get("votes", []) if vote["call"]]
    if votes:
        not_counted = sum(vote["not_counted"] is not None for vote in votes)
        call.out.print(
            f"votes: {len(votes)}" + (f", {not_counted} not counted" * bool(not_counted))
        )


def _print_history(call: CommandContext, entries: list[Any]) -> None:
    table = Table("When (UTC)", "What", "Newsletter", "By", "Form", "Wording")
    for row in entries:
        table.add_row(
            f"{row['at']:%Y-%m-%d %H:%M:%S}",
            row["act"],
            row["newsletter"],
            row["channel"],
            row["form"],
            escape(row["wording"] or ""),
        )
    call.out.print(table)
