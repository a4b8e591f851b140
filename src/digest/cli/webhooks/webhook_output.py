"""What is printed of webhook endpoints and messages, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from digest.cli.context import counted, printable
from digest.webhooks import EndpointStatus
from subscribers.announcements.models import EndpointState, MessageState

_NOT_ACTIVE = {
    EndpointState.PAUSED: "paused",
    EndpointState.GONE: "it answered 410, so nothing more is posted to it",
}


def endpoint_lines(each: EndpointStatus) -> Iterator[str]:
    """Yield an endpoint in words, with what to do about what is stuck."""
    only = f", for {each.newsletter} alone" if each.newsletter else ""
    yield f"{each.id}  {printable(each.url)}{only}"
    yield f"   told of {', '.join(each.kinds)}{', with addresses' if each.addresses else ''}"
    delivered = f", last on {_moment(each.delivered_at)}" if each.delivered_at else ""
    yield (
        f"   {counted(each.waiting, 'message')} waiting, {each.parked:,} parked,"
        f" {each.delivered:,} delivered{delivered}"
    )
    if each.state is not EndpointState.ACTIVE:
        yield f"   {_NOT_ACTIVE[each.state]}; to go on: digest webhooks resume {each.id}"
    elif each.failing_since is not None:
        yield f"   failing since {_moment(each.failing_since)}: {printable(each.said)}"
    if each.parked:
        yield f"   to post what is parked again: digest webhooks replay {each.id}"


def message_line(message: dict[str, Any]) -> str:
    """Return a message in words."""
    line = f"   {message['id']}  {_moment(message['at'])}  {message['kind'].value}"
    line += f"  {printable(message['subject'])}  {message['state'].value}"
    if message["said"] and message["state"] is not MessageState.DELIVERED:
        line += f" after {counted(message['tries'], 'try', 'tries')}: {printable(message['said'])}"
    if message["next_at"] is not None and message["tries"]:
        line += f"; next try on {_moment(message['next_at'])}"
    return line


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
