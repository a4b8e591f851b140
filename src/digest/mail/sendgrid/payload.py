"""A mailing in Mail Send v3's words.

Plain dicts, not the client's helper objects: those reverse the personalizations, so that an error's
index would name another reader, and cost fifteen times as much.
"""

from __future__ import annotations

from typing import Any

import orjson

from digest.mail.mailing import MAX_RECIPIENTS, Content, Mailbox, Mailing, Recipient

#: Custom arguments come back flat among the provider's own keys, so ours carry a prefix.
ISSUE, BATCH, ATTEMPT, DELIVERY = (
    "digest_issue",
    "digest_batch",
    "digest_attempt",
    "digest_delivery",
)

#: Past the provider's lists of bounces and unsubscribes; complaints still hold.
_BYPASSES = {
    "bypass_bounce_management": {"enable": True},
    "bypass_unsubscribe_management": {"enable": True},
}


def encode(mailing: Mailing) -> bytes:
    """Return the request's body as UTF-8 JSON; refuses more recipients than one request takes."""
    if not 0 < len(mailing.recipients) <= MAX_RECIPIENTS:
        raise ValueError(f"a request takes 1 to {MAX_RECIPIENTS} recipients")
    return orjson.dumps(body(mailing))


def body(mailing: Mailing) -> dict[str, Any]:
    """Return the request's body; recipients keep their order, which errors refer to by index."""
    content = mailing.content
    return {
        "personalizations": [_personalization(recipient) for recipient in mailing.recipients],
        "from": _mailbox(content.sender),
        "subject": content.subject,
        "content": [
            {"type": "text/plain", "value": content.text},
            {"type": "text/html", "value": content.html},
        ],
        **({"headers": dict(content.headers)} if content.headers else {}),
        **({"categories": [content.category]} if content.category else {}),
        "custom_args": _ids(mailing),
        "tracking_settings": _tracking(content),
        **({"mail_settings": _BYPASSES} if content.requested else {}),
    }


def _personalization(recipient: Recipient) -> dict[str, Any]:
    # One reader, one personalization: with two, each would see the other's address.
    return {
        "to": [{"email": recipient.address}],
        "headers": recipient.headers,
        "substitutions": recipient.parts,
        "custom_args": {DELIVERY: recipient.delivery},
    }


def _mailbox(mailbox: Mailbox) -> dict[str, str]:
    named = {"name": mailbox.name} if mailbox.name else {}
    return {"email": mailbox.address, **named}


def _ids(mailing: Mailing) -> dict[str, str]:
    given = {ISSUE: mailing.issue, BATCH: mailing.batch, ATTEMPT: mailing.attempt}
    return {name: value for name, value in given.items() if value}


def _tracking(content: Content) -> dict[str, Any]:
    # What is left out falls back to the account's setting, so all three are said. Subscription
    # tracking would overwrite our own List-Unsubscribe.
    return {
        "click_tracking": {"enable": content.track_clicks, "enable_text": False},
        "open_tracking": {"enable": content.track_opens},
        "subscription_tracking": {"enable": False},
    }
