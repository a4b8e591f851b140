"""Outgoing webhooks: other programs are told what happened, as Standard Webhooks.

An endpoint is added and changed by `endpoints`. What happens becomes messages in the tables of
`subscribers.announcements`, in the transaction of what happened; `timed_announcements` adds what
comes about with time. `posting` takes from `message_queue` what is due to each endpoint, in the
order of each subject, has `webhook_signature` sign it, and posts it. What becomes of a message
after each post is decided in `webhook_retries`.
"""

from digest.webhooks.endpoints import (
    MOST_ENDPOINTS,
    EndpointStatus,
    EndpointTrouble,
    add,
    find,
    messages,
    pause,
    remove,
    resume,
    rotate,
    status,
    statuses,
    troubles,
)
from digest.webhooks.message_queue import has_due, prune, replay
from digest.webhooks.posting import Poster, WebhookSending
from digest.webhooks.timed_announcements import announce_due
from digest.webhooks.webhook_retries import PostResult
from digest.webhooks.webhook_signature import WebhookSigner

__all__ = [
    "MOST_ENDPOINTS",
    "EndpointStatus",
    "EndpointTrouble",
    "PostResult",
    "Poster",
    "WebhookSending",
    "WebhookSigner",
    "add",
    "announce_due",
    "find",
    "has_due",
    "messages",
    "pause",
    "prune",
    "remove",
    "replay",
    "resume",
    "rotate",
    "status",
    "statuses",
    "troubles",
]
