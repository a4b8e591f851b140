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

from digest.app.installation import App
from digest.cli.context import CommandContext, JsonFlag, call_of, counted
from digest.doctor import (
    CheckResult,
    HealthLevel,
    Resolve,
    check_provider,
    is_reserved,
    look_up,
    records,
    run_checks,
    sender_domains,
)
from digest.errors import BadSetting, DigestError
from digest.mail.provider import SenderRecord
from subscribers.errors import SubscribersError

app = typer.Typer()
SECONDS = 3.0  # that a name server may take

_MARKS = {
    HealthLevel.FINE: "ok",
    HealthLevel.WARNING: "look",
    HealthLevel.FAULT: "HOLD",
    HealthLevel.REFUSED: "NO",
}
UNFIT = (HealthLevel.FAULT, HealthLevel.REFUSED)


@app.command()
def doctor(
    context: typer.Context,
    dns: Annotated[
        bool, typer.Option(help="Look up the sender's DNS records, and try the SMTP relay.")
    ] = True,
    as_json: JsonFlag = False,
) -> None:
    """Check that this installation is ready to send; exit 1 if it isn't."""
    call = call_of(context)
    facts = run_checks(call.app, running=True)
    needed = dns_records(call.app) if dns else []
    facts += check_provider(call.app) if dns else []
    unfit = any(fact.weight in UNFIT for fact in facts)
    if as_json:
        call.json({"fit": not unfit, "facts": facts, "dns": [asdict(record) for record in needed]})
    else:
        print_checks(call, facts)
        _print_records(call, needed)
        call.out.print(f"\n{_verdict(call.app, facts)}", markup=False)
    if unfit:
        raise typer.Exit(1)


def dns_records(app: App) -> list[SenderRecord]:
    """Return the DNS records of the sender's domain, as far as name servers answer.

    There are none for a domain that is made for examples: nobody can set them.
    """
    try:
        domains = sender_domains(app)
    except (DigestError, SubscribersError):  # reported among the checks
        return []
    try:
        return [
            record
            for domain in domains
            if not is_reserved(domain)
            for record in _records_of(app, domain)
        ]
    except BadSetting:  # a DKIM key that can't be read, which is reported as well
        return []


def _records_of(app: App, domain: str) -> list[SenderRecord]:
    try:
        asked = Resolver()
    except DNSException:  # no name server is configured
        return records(app.provider, domain)
    return look_up(app.provider, domain, resolver(asked))


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


def print_checks(call: CommandContext, checks: Sequence[CheckResult]) -> None:
    """Print each result with its mark, and the next step where there is one."""
    for check in checks:
        call.out.print(f"{_MARKS[check.weight]:>4}  {check.about}: {check.says}", markup=False)
        if check.next_step:
            call.out.print(f"      next: {check.next_step}", markup=False)


def _print_records(call: CommandContext, records: Sequence[SenderRecord]) -> None:
    if not records:
        return
    say = call.out.print
    say(f"\nDNS records to add for the sender ({call.app.provider.records_note}):", markup=False)
    for record in records:
        say(f"\n{_standing(record):>4}  {record.what}: {record.why}", markup=False)
        say(f"      {record.name}. {record.type} {_quoted(record)}", markup=False)
        if record.found:
            say(f"      found: {'; '.join(record.found)}", markup=False)
        if record.fine is False:
            say("      next: add it at your DNS host; it can take an hour to be visible")
        elif record.fine is None and record.what != "SPF":
            say("      next: no name server answered; run digest doctor again")


def _verdict(app: App, checks: Sequence[CheckResult]) -> str:
    """Return the sentence that sums the results up."""
    failed = sum(check.weight in UNFIT for check in checks)
    if failed:
        return f"Not ready to send: {counted(failed, 'problem')} to fix."
    if app.outbox_folder is not None:
        return (
            f"Ready for a trial. Mail goes to the folder {app.outbox_folder}, and reaches nobody."
        )
    looks = sum(check.weight is HealthLevel.WARNING for check in checks)
    return "Ready to send." if not looks else f"Ready to send; {counted(looks, 'thing')} to check."


def _standing(record: SenderRecord) -> str:
    return {True: "ok", False: "look", None: "?"}[record.fine]


def _quoted(record: SenderRecord) -> str:
    return f'"{record.value}"' if record.type == "TXT" else f"{record.value}."
