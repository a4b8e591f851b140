"""Joins payload, HTTP exchange and responses into a transport with SendGrid's API key."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable

from sendgrid import SendGridAPIClient

from digest.mail.mailing import Mailing
from digest.mail.sendgrid.connections_ahead import ConnectionsAhead
from digest.mail.sendgrid.http_exchange import ExactClient, Exchange, system_tls
from digest.mail.sendgrid.payload import encode
from digest.mail.sendgrid.responses import ACCEPTED, CHECKED_ONLY, classify
from digest.mail.transport import Accepted, Answer, InDoubt, PreparedRequest

JSON_TYPE = "application/json; charset=utf-8"


class SendGrid:
    """Sends mailings by SendGrid's Mail Send v3, each on a connection of its own.

    *seconds* limits one request, and *tls* tells whom to trust. Raise `ValueError` for a malformed
    API key.
    """

    def __init__(
        self,
        *,
        api_key: str,
        url: str,
        seconds: float,
        clock: Callable[[], float] = time.time,
        tls: Callable[[], ssl.SSLContext] = system_tls,
    ) -> None:
        if not api_key.strip() or not api_key.isascii() or not api_key.isprintable():
            raise ValueError("the API key is empty or has characters no key has")
        sendgrid = SendGridAPIClient(api_key, host=url.rstrip("/"))
        headers = {**sendgrid.client.request_headers, "Content-Type": JSON_TYPE}
        sendgrid.client = ExactClient(
            host=sendgrid.host, request_headers=headers, version=3, timeout=seconds
        )
        sendgrid.client.ahead = ConnectionsAhead(tls)
        self._sendgrid = sendgrid
        self._clock = clock

    def __repr__(self) -> str:
        """Return the provider's host, never the API key."""
        return f"SendGrid({self._sendgrid.host!r})"

    def prepare(self, mailing: Mailing) -> PreparedRequest:
        """Return a mailing as the body of a Mail Send v3 request."""
        return PreparedRequest(payload=encode(mailing), recipients=len(mailing.recipients))

    def hand_over(self, request: PreparedRequest) -> Answer:
        """POST a request once, and return what the response means."""
        exchange = self._post(request.payload)
        return classify(exchange, recipients=request.recipients, now=self._clock())

    def dry_run(self, mailing: Mailing) -> Answer:
        """Have a mailing judged in sandbox mode, which sends nothing; `Accepted` where it would be.

        The provider checks key, rights, sender and form as for a real request.
        """
        exchange = self._post(encode(mailing, sandbox=True))
        if exchange.status == CHECKED_ONLY:
            return Accepted(status=exchange.status)
        if exchange.status == ACCEPTED:
            return InDoubt(
                status=exchange.status, detail="the provider may have sent the test mail"
            )
        return classify(exchange, recipients=len(mailing.recipients), now=self._clock())

    def _post(self, payload: bytes) -> Exchange:
        exchange: Exchange = self._sendgrid.client.mail.send.post(payload)
        return exchange
