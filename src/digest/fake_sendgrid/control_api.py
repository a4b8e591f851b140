"""What tests and users may change while the fake runs."""

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
    """Read the body of a request to change something; nothing stands for an empty object."""
    try:
        asked = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        raise DigestError("the body isn't JSON") from None
    if not isinstance(asked, dict):
        asked = {"requests": asked}
    return asked


def describe_events(courier: WebhookPoster) -> dict[str, Any]:
    """Say where events go, and what became of them so far."""
    return {
        "to": courier.to,
        "waiting": courier.waiting,
        "unread": courier.unread,
        **asdict(courier.report),
    }


async def change_events(courier: WebhookPoster, asked: dict[str, Any]) -> dict[str, Any]:
    """Take new wishes, then post every event now; the answer tells of these posts alone.

    ``to`` is the webhook's URL, ``shares`` are dealt from now on, ``emit`` lists events to make
    up beside those that chance deals, ``raw`` is a body to sign and post as it is.
    """
    if asked.keys() - WANTED or not isinstance(asked.get("emit", []), list):
        raise DigestError(f"events take {', '.join(sorted(WANTED))}")
    if "to" in asked:
        courier.to = check_local(asked["to"])
    if "shares" in asked:
        courier.luck = OutcomeOdds.of(courier.luck.seed, asked["shares"])
    extra = list(cut([_made_up(courier, one) for one in asked.get("emit", [])]))
    if "raw" in asked:
        extra.append(WebhookBatch(str(asked["raw"]).encode(), 0))
    if courier.to is None:
        raise DigestError("events have nowhere to go; start with --events-to, or name a URL in to")
    report = await courier.flush(extra)
    return {**asdict(report), "waiting": courier.waiting}


def _made_up(courier: WebhookPoster, wish: Any) -> dict[str, Any]:
    """Make the event that was asked for, about the newest mail that fits."""
    kind = wish.get("event", "") if isinstance(wish, dict) else ""
    if kind not in FIELDS:
        raise DigestError(f"event is one of {', '.join(FIELDS)}")
    wanted = {name: str(wish[name]) for name in OF_ONE if name in wish}
    found = message_store.messages(courier.ledger.path, wanted, 1, newest=True) if wanted else []
    if not found:
        raise NotFound("no accepted mail fits; name an address, id, delivery or issue")
    mail, fields = found[0], wish.get("fields", {})
    shared = courier.ledger.content(mail.content)
    event = {**make(kind, mail, shared), "timestamp": int(courier.clock()), **fields}
    return anonymous(event) if wish.get("anonymous") else event
