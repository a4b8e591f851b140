"""Commands about the API's tokens: add, list, revoke.

Hides the layout, and how an expiry is written.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

import typer
from rich.table import Table

from digest.access import Scope, TokenFacts, add_token, revoke_token, token_facts
from digest.cli.context import JsonFlag, Told, call_of, tells

app = typer.Typer(help="Make, list and revoke the tokens of the API.", no_args_is_help=True)
_MOST_DAYS = 3_650


@app.command("add")
@tells
def add(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The program that calls, such as site.")
    ],
    scope: Annotated[
        list[Scope],
        typer.Option(
            "--scope", metavar="SCOPE", help=f"What it may do; repeatable: {', '.join(Scope)}."
        ),
    ],
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires", metavar="DAYS|DATE", help="In days or on a date; by default, never."
        ),
    ] = None,
) -> Told:
    """Make a token, and print it; this is the only time that it's shown."""
    call = call_of(context)
    now = call.app.clock()
    call.app.require_secrets()
    with call.app.database.write() as session:
        made = add_token(
            session,
            name,
            scope,
            hashes=call.app.hashes,
            now=now,
            expires_at=_moment(expires, now) if expires is not None else None,
        )
    facts = made.facts
    ends = f", until {_day(facts.expires_at)}" if facts.expires_at else ""
    return Told(
        {**facts.as_dict(now), "token": made.text},
        made.text,
        f"This is the token of {name}: {', '.join(facts.scopes)}{ends}.",
        "Save it now, because it isn't shown again. A program sends it with each request:",
        f"  Authorization: Bearer {facts.start}…",
    )


@app.command("list")
def list_(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List the tokens, with what each may do and when it was last used."""
    call = call_of(context)
    now = call.app.clock()
    with call.app.database.read() as session:
        tokens = token_facts(session)
    if as_json:
        call.json([facts.as_dict(now) for facts in tokens])
        return
    if not tokens:
        call.out.print("There is no token. To make one: digest tokens add NAME --scope SCOPE")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("Name", "Token", "Scopes", "Last used (UTC)", ""):
        table.add_column(title)
    for facts in tokens:
        table.add_row(*_row(facts, now))
    call.out.print(table)


@app.command("revoke")
@tells
def revoke(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The token's name.")],
) -> Told:
    """Revoke a token at once: requests with it are refused from now on."""
    call = call_of(context)
    now = call.app.clock()
    with call.app.database.write() as session:
        facts = revoke_token(session, name, now)
    return Told(facts.as_dict(now), f"Revoked {name} ({facts.start}…). It opens nothing any more.")


def _row(facts: TokenFacts, now: datetime) -> tuple[str, ...]:
    used = f"{facts.last_used_at:%Y-%m-%d %H:%M}" if facts.last_used_at else "never"
    state = facts.state(now)
    ends = f"until {_day(facts.expires_at)}" if facts.expires_at else ""
    scopes = ", ".join(facts.scopes)
    return facts.name, f"{facts.start}…", scopes, used, ends if state == "valid" else state


def _moment(text: str, now: datetime) -> datetime:
    """Return when a token ends: so many days from now, or the end of a day in UTC."""
    if text.isascii() and text.isdecimal() and len(text) <= len(str(_MOST_DAYS)):
        days = int(text)
        if 1 <= days <= _MOST_DAYS:
            return now + timedelta(days=days)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        why = f"is days, up to {_MOST_DAYS:,}, or a date such as 2027-06-30"
        raise typer.BadParameter(why, param_hint="--expires") from None
    return datetime.combine(day, time.max, UTC).replace(microsecond=0)


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"
