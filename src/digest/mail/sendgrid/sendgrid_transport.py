"""The SendGrid transport: its answers turned into decisions."""

from __future__ import annotations

import time
from collections.abc import Callable

from sendgrid import SendGridAPIClient

from digest.mail.mailing import Mailing
from digest.mail.sendgrid.http_exchange import ExactClient, Exchange
from digest.mail.sendgrid.payload import encode
from digest.mail.sendgrid.responses import classify
from digest.mail.transport import Answer, PreparedRequest

JSON_TYPE = "application/json; charset=utf-8"


class SendGrid:
    """Hands mailings to SendGrid's Mail Send v3, one fresh connection each."""

    def __init__(
        self,
        *,
        api_key: str,
        url: str,
        seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not api_key.strip() or not api_key.isascii() or not api_key.isprintable():
            raise ValueError("the API key is empty or has characters no key has")
        sendgrid = SendGridAPIClient(api_key, host=url.rstrip("/"))
        headers = {**sendgrid.client.request_headers, "Content-Type": JSON_TYPE}
        sendgrid.client = ExactClient(
            host=sendgrid.host, request_headers=headers, version=3, timeout=seconds
        )
        self._sendgrid = sendgrid
        self._clock = clock

    def __repr__(self) -> str:
        """Tell the provider's address, never the key."""
        return f"SendGrid({self._sendgrid.host!r})"

    def prepare(self, mailing: Mailing) -> PreparedRequest:
        """Encode a mailing as Mail Send v3 wants it."""
        return PreparedRequest(payload=encode(mailing), recipients=len(mailing.recipients))

    def hand_over(self, request: PreparedRequest) -> Answer:
        """POST it once and say what that means."""
        exchange: Exchange = self._sendgrid.client.mail.send.post(request.payload)
        return classify(exchange, recipients=request.recipients, now=self._clock())
