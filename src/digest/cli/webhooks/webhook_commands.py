"""Commands about webhook endpoints: what may be done with one, from adding to removing it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from digest import webhooks
from digest.cli.context import (
    MAX_NUMBER,
    JsonFlag,
    Told,
    YesFlag,
    call_of,
    confirm,
    counted,
    printable,
    tells,
)
from digest.cli.webhooks.webhook_output import endpoint_lines, message_line
from subscribers.announcements.models import AnnouncementKind

MESSAGES_SHOWN = 20

app = typer.Typer(
    help="Tell other programs what happens: readers, comparisons, issues, reports.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
EndpointId = Annotated[
    int,
    typer.Argument(metavar="ID", min=1, max=MAX_NUMBER, help="The endpoint, as the list has it."),
]


@app.command()
@tells
def add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="The address to post to.")],
    on: Annotated[
        list[AnnouncementKind],
        typer.Option(
            "--on",
            metavar="KIND",
            help=f"What it is told of, once for each kind: {', '.join(AnnouncementKind)}.",
        ),
    ],
    newsletter: Annotated[
        str | None, typer.Option(help="Tell it of this newsletter alone; by default, of all.")
    ] = None,
    addresses: Annotated[
        bool, typer.Option("--addresses", help="Put readers' addresses into its messages.")
    ] = False,
) -> Told:
    """Add an endpoint, and print the secret that its messages are signed with."""
    call = call_of(context)
    row, secret = call.app.webhooks.add(url, on, newsletter=newsletter or "", addresses=addresses)
    return Told(
        {"id": row.id, "url": url, "secret": secret},
        f"Endpoint {row.id} is told of what happens from now on.",
        f"Its secret, which is shown this once: {secret}",
        f"To try it out: digest webhooks test {row.id}",
    )


@app.command("list")
def list_(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List the endpoints, and what waits for each."""
    call = call_of(context)
    with call.app.database.read() as session:
        endpoints = webhooks.statuses(session)
    if as_json:
        call.json([each.as_dict() for each in endpoints])
        return
    if not endpoints:
        call.out.print("There is no webhook endpoint. To add one: digest webhooks add")
    for each in endpoints:
        for line in endpoint_lines(each):
            call.out.print(line, markup=False)


@app.command()
def show(context: typer.Context, endpoint: EndpointId, as_json: JsonFlag = False) -> None:
    """Show one endpoint with its newest messages, those first that aren't delivered."""
    call = call_of(context)
    with call.app.database.read() as session:
        status = webhooks.status(session, endpoint)
        messages = webhooks.messages(session, endpoint, at_most=MESSAGES_SHOWN)
    if as_json:
        call.json({**status.as_dict(), "messages": messages})
        return
    for line in (*endpoint_lines(status), *map(message_line, messages)):
        call.out.print(line, markup=False)


@app.command()
@tells
def test(context: typer.Context, endpoint: EndpointId) -> Told:
    """Post a test message now, and say what the endpoint answered; exit 1 if it wasn't taken."""
    result = call_of(context).app.webhooks.test(endpoint)
    facts = {
        "id": endpoint,
        "delivered": result.delivered,
        "status": result.status,
        "said": result.said or None,
    }
    if result.delivered:
        return Told(facts, f"Endpoint {endpoint} took the message: it answered {result.status}.")
    return Told(facts, f"Endpoint {endpoint} didn't take it: {printable(result.said)}", code=1)


@app.command()
@tells
def replay(
    context: typer.Context,
    endpoint: EndpointId,
    message: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_NUMBER, help="One message alone, by its number in the list."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"],
            help="Everything that happened since, delivered or not; in UTC.",
        ),
    ] = None,
) -> Told:
    """Post messages again: by default, all that are parked."""
    call = call_of(context)
    if message is not None and since is not None:
        raise typer.BadParameter("give --message or --since, not both")
    moment = since.replace(tzinfo=UTC) if since else None
    with call.app.database.write() as session:
        webhooks.find(session, endpoint)
        now = call.app.clock()
        count = webhooks.replay(session, endpoint, now, message=message, since=moment)
    told = "is posted again" if count == 1 else "are posted again"
    line = f"{counted(count, 'message')} {told}." if count else "There is nothing to post again."
    return Told({"id": endpoint, "replayed": count}, line)


@app.command()
@tells
def rotate(context: typer.Context, endpoint: EndpointId) -> Told:
    """Give an endpoint another secret; for 24 hours, its messages are signed with both."""
    row, secret = call_of(context).app.webhooks.rotate(endpoint)
    return Told(
        {"id": row.id, "secret": secret},
        f"The new secret of endpoint {endpoint}, which is shown this once: {secret}",
        "For 24 hours, its messages are signed with the former secret as well.",
    )


@app.command()
@tells
def pause(context: typer.Context, endpoint: EndpointId) -> Told:
    """Post nothing to an endpoint until you resume it; its messages wait for up to a week."""
    with call_of(context).app.database.write() as session:
        webhooks.pause(session, endpoint)
    return Told(
        {"id": endpoint, "state": "paused"},
        f"Endpoint {endpoint} is paused. To continue: digest webhooks resume {endpoint}",
    )


@app.command()
@tells
def resume(context: typer.Context, endpoint: EndpointId) -> Told:
    """Post to an endpoint again that was paused, or that answered 410."""
    with call_of(context).app.database.write() as session:
        webhooks.resume(session, endpoint)
    return Told(
        {"id": endpoint, "state": "active"},
        f"Endpoint {endpoint} is active again, and gets what has waited for it.",
    )


@app.command()
@tells
def remove(context: typer.Context, endpoint: EndpointId, yes: YesFlag = False) -> Told:
    """Remove an endpoint, with the messages that wait for it."""
    call = call_of(context)
    with call.app.database.read() as session:
        waiting = webhooks.status(session, endpoint).waiting
    if waiting:
        lost = f"{counted(waiting, 'message')} that {'waits' if waiting == 1 else 'wait'} for it"
        question = f"Remove endpoint {endpoint}?"
        confirm(call, f"{lost} would be lost", question=question, flag="--yes", given=yes)
    with call.app.database.write() as session:
        webhooks.remove(session, endpoint)
    return Told({"id": endpoint, "removed": True}, f"Endpoint {endpoint} is removed.")
