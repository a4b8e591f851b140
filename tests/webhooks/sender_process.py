"""A sender in a process of its own, which posts what is due at one moment."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from threading import Event

from digest.db import Database
from digest.http_client import AddressRules, Limits, OutboundClient
from digest.webhooks import WebhookSending, WebhookSigner
from tests.webhooks.conftest import SECRET


def send(url: str, now: datetime, folder: Path) -> None:
    """Post until nothing is due; `sender.pid` in the folder says who does."""
    (folder / "sender.pid").write_text(str(os.getpid()))
    rules = AddressRules.allowing("127.0.0.0/8")
    with OutboundClient(user_agent="tests", rules=rules) as client:
        WebhookSending(
            store=Database(url),
            poster=client,
            limits=Limits(bytes=64_000, seconds=2.0, redirects=0),
            signer=WebhookSigner([SECRET]),
            clock=lambda: now,
            random=lambda: 0.5,
        ).post_waiting(Event())
