"""The command `digest doctor`: print the installation's checks and DNS records.

Hides the DNS resolver and the layout of the results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from dns.exception import DNSException
from dns.resolver import NXDOMAIN, NoAnswer, Resolver

from digest.cli.context import CommandContext, JsonFlag, call_of
from digest.doctor import (
    CheckResult,
    HealthLevel,
    Resolve,
    is_reserved,
    look_up,
    records,
    run_checks,
)
from digest.errors import DigestError
from digest.mail.provider import SenderRecord

app = typer.Typer()
SECONDS = 3.0  # that a name server may take

_MARKS = {HealthLevel.FINE: "ok", HealthLevel.WARNING: "look", HealthLevel.REFUSED: "NO"}


@app.command()
def doctor(
    context: typer.Context,
    dns: Annotated[bool, typer.Option(help="Ask for the sender's DNS records.")] = True,
    as_json: JsonFlag = False,
) -> None:
    """Check whether this installation is fit to send; exit 1 when it isn't."""
    call = call_of(context)
    facts = run_checks(call.app)
    needed = _records(call, ask=dns)
    unfit = any(fact.weight is HealthLevel.REFUSED for fact in facts)
    if as_json:
        call.json({"fit": not unfit, "facts": facts, "dns": [asdict(record) for record in needed]})
    else:
        _print(call, facts, needed)
    if unfit:
        raise typer.Exit(1)


def _records(call: CommandContext, *, ask: bool) -> list[SenderRecord]:
    try:
        domain = call.app.sender.address.rpartition("@")[2]
    except DigestError:  # reported among the checks
        return []
    if not ask or is_reserved(domain):
        return records(call.app.provider, domain)
    try:
        asked = Resolver()
    except DNSException:  # no name server is configured
        return records(call.app.provider, domain)
    return look_up(call.app.provider, domain, resolver(asked))


def resolver(name_servers: Resolver) -> Resolve:
    """Return a function that queries name servers, with a short timeout."""

    def resolve(name: str, kind: str) -> Sequence[str] | None:
        try:
            answer = name_servers.resolve(name, kind, lifetime=SECONDS)
        except (NXDOMAIN, NoAnswer):
            return []
        except DNSException:
            return None
        return [record.to_text().replace('" "', "").strip('"') for record in answer]

    return resolve


def _print(
    call: CommandContext, checks: Sequence[CheckResult], records: Sequence[SenderRecord]
) -> None:
    say = call.out.print
    for check in checks:
        say(f"{_MARKS[check.weight]:>4}  {check.about}: {check.says}", markup=False)
        if check.next_step:
            say(f"      next: {check.next_step}", markup=False)
    if records:
        say("\nThe sender's DNS records, to copy (the provider shows your own numbers under")
        say("Settings, Sender Authentication; what stands for them here is u1234567 and em1234):")
    for record in records:
        say(f"\n{_standing(record):>4}  {record.what}: {record.why}", markup=False)
        say(f"      {record.name}. {record.type} {_quoted(record)}", markup=False)
        if record.found:
            say(f"      there is: {'; '.join(record.found)}", markup=False)
        elif record.fine is False:
            say("      there is none yet", markup=False)


def _standing(record: SenderRecord) -> str:
    return {True: "ok", False: "look", None: "?"}[record.fine]


def _quoted(record: SenderRecord) -> str:
    return f'"{record.value}"' if record.type == "TXT" else f"{record.value}."
