"""The control API: what a test or user may change in a running fake, and its JSON form."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson

from digest.errors import DigestError, NotFound
from digest.fake_sendgrid import message_store
from digest.fake_sendgrid.events.event_json import FIELDS, anonymous, make
from digest.fake_sendgrid.events.webhook_batches import WebhookBatch, cut
from digest.fake_sendgrid.events.webhook_poster import WebhookPoster, check_local
from digest.fake_sendgrid.faults.outcomes import OutcomeOdds

WANTED = {"to", "shares", "emit", "raw"}
OF_ONE = ("id", "address", "delivery", "issue")


def parse(body: bytes) -> dict[str, Any]:
    """Return the body of a control request as an object; an empty body is an empty object.

    A list is a script of request faults. Raise `DigestError` for a body that isn't JSON.
    """
    try:
        request = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        raise DigestError("the body isn't JSON") from None
    if not isinstance(request, dict):
        request = {"requests": request}
    return request


def describe_events(poster: WebhookPoster) -> dict[str, Any]:
    """Return where events are posted to, and what became of the posts so far."""
    return {
        "to": poster.to,
        "waiting": poster.waiting,
        "unread": poster.unread,
        **asdict(poster.report),
    }


async def change_events(poster: WebhookPoster, request: dict[str, Any]) -> dict[str, Any]:
    """Apply the settings in *request*, post every event now, and return the result of these posts.

    ``to`` is the webhook's URL, ``shares`` are the shares of outcomes from now on, ``emit`` lists
    events to post beside the drawn ones, ``raw`` is a body to sign and post as it is.

    Raise `DigestError` for an unknown key or no URL, `NotFound` where no mail fits an event.
    """
    if request.keys() - WANTED or not isinstance(request.get("emit", []), list):
        raise DigestError(f"events take {', '.join(sorted(WANTED))}")
    if "to" in request:
        poster.to = check_local(request["to"])
    if "shares" in request:
        poster.odds = OutcomeOdds.of(poster.odds.seed, request["shares"])
    extra = list(cut([_requested_event(poster, event) for event in request.get("emit", [])]))
    if "raw" in request:
        extra.append(WebhookBatch(str(request["raw"]).encode(), 0))
    if poster.to is None:
        raise DigestError("events have nowhere to go; start with --events-to, or name a URL in to")
    report = await poster.flush(extra)
    return {**asdict(report), "waiting": poster.waiting}


def _requested_event(poster: WebhookPoster, request: Any) -> dict[str, Any]:
    """Return the event that *request* describes, about the newest mail that fits."""
    kind = request.get("event", "") if isinstance(request, dict) else ""
    if kind not in FIELDS:
        raise DigestError(f"event is one of {', '.join(FIELDS)}")
    wanted = {name: str(request[name]) for name in OF_ONE if name in request}
    mails = message_store.messages(poster.ledger.path, wanted, 1, newest=True) if wanted else []
    if not mails:
        raise NotFound("no accepted mail fits; name an address, id, delivery or issue")
    mail, fields = mails[0], request.get("fields", {})
    shared = poster.ledger.content(mail.content)
    event = {**make(kind, mail, shared), "timestamp": int(poster.clock()), **fields}
    return anonymous(event) if request.get("anonymous") else event
