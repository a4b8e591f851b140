"""A relay for tests, in a process of its own: takes mail by SMTP, or fails as a file orders.

It writes each accepted mail to a folder before it says so: the folder is what was really sent.
`faults.json` beside it names a reply for a step ("connect", "ehlo", "auth", "rset", "mail", "rcpt",
"data", "end"), by itself or by a part of the recipient's address; "drop" closes the connection,
"take and drop" after the mail was taken, "550 no and drop" after that reply, and "silence" says
nothing more.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

FOLDER = Path(sys.argv[1])
NUMBERS = count()
AND_DROP = " and drop"
OPTIONS: dict[str, Any] = json.loads(sys.argv[2])


def ordered(step: str, address: str = "") -> str | None:
    """Return the reply that is ordered for a step; ``None`` for the usual one."""
    try:
        faults = json.loads((FOLDER / "faults.json").read_text("utf-8"))
    except FileNotFoundError:
        return None
    fault = faults.get(step)
    if isinstance(fault, dict):
        fault = next((reply for part, reply in fault.items() if part in address), None)
    return None if fault is None else str(fault)


class Relay(SMTP):
    """aiosmtpd's server, with faults at the steps that have no hook."""

    async def push(self, status: str | bytes) -> None:
        """Write a reply, unless the connection ends instead."""
        text = status.decode() if isinstance(status, bytes) else status
        if text.startswith("220 ") and not (self.session and self.session.host_name):
            text = await self.instead("connect") or text
            (FOLDER / "connections").open("a").write("1\n")
        if text == "drop":
            assert isinstance(self.transport, asyncio.Transport)
            self.transport.abort()
            raise asyncio.CancelledError
        if text == "silence":
            await asyncio.sleep(3600)
        if text == "drip":
            for _ in range(3600):
                await super().push("250-and")
                await asyncio.sleep(0.02)
        await super().push(text.removesuffix(AND_DROP))
        if text.endswith(AND_DROP):
            assert isinstance(self.transport, asyncio.Transport)
            self.transport.close()  # once the reply is written
            raise asyncio.CancelledError

    async def instead(self, step: str) -> str | None:
        """Return the reply that is ordered for a step."""
        return ordered(step)

    async def smtp_RSET(self, arg: str) -> None:
        """Begin anew, unless the step is ordered to fail."""
        reply = await self.instead("rset")
        if reply is None:
            await super().smtp_RSET(arg)
        else:
            await self.push(reply)

    async def smtp_DATA(self, arg: str) -> None:
        """Take the mail, unless the step is ordered to fail."""
        reply = await self.instead("data")
        if reply is None:
            await super().smtp_DATA(arg)
        else:
            await self.push(reply)


class Handler:
    """aiosmtpd's hooks: what happens at each step."""

    async def handle_EHLO(
        self, server: SMTP, session: Session, _envelope: Envelope, name: str, replies: list[str]
    ) -> list[str]:
        """Greet, with the extensions that the options name."""
        session.host_name = name
        refused = ordered("ehlo")
        if refused:
            return [refused]
        return [*replies[:-1], *(f"250-{each}" for each in OPTIONS["offers"]), replies[-1]]

    async def handle_MAIL(
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a sender."""
        reply = ordered("mail")
        if reply is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return reply or "250 2.1.0 OK"

    async def handle_RCPT(
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient."""
        reply = ordered("rcpt", address)
        if reply is None:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return reply or "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Write the mail, then say so."""
        address = envelope.rcpt_tos[0]
        reply = ordered("end", address)
        if reply is None or reply == "take and drop":
            number = next(NUMBERS)
            mail = f"{envelope.mail_from}\n{address}\n".encode() + bytes(
                envelope.original_content or b""
            )
            (FOLDER / f"{number:06}.eml").write_bytes(mail)
        return "drop" if reply == "take and drop" else reply or "250 2.0.0 taken"


def authenticate(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, auth: object
) -> AuthResult:
    """Take the one password that the options name, unless another reply is ordered."""
    reply = ordered("auth")
    if reply is not None:
        return AuthResult(success=False, handled=False, message=reply)
    known = (OPTIONS["user"].encode(), OPTIONS["password"].encode())
    given = (auth.login, auth.password) if isinstance(auth, LoginPassword) else ()
    return AuthResult(success=given == known, handled=False)


async def serve() -> None:
    """Serve on a free port, and print it."""
    context = None
    if OPTIONS["certificate"]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(OPTIONS["certificate"])
    implicit = context if OPTIONS["security"] == "tls" else None
    starttls = context if OPTIONS["security"] == "starttls" else None
    loop = asyncio.get_running_loop()

    def relay() -> Relay:
        return Relay(
            Handler(),
            hostname="relay.example",
            ident="test relay",
            loop=loop,
            tls_context=starttls,
            require_starttls=starttls is not None,
            auth_required=bool(OPTIONS["user"]),
            auth_require_tls=False,
            authenticator=authenticate,
            data_size_limit=OPTIONS["most_bytes"],
            command_call_limit=None,
        )

    server = await loop.create_server(relay, "127.0.0.1", 0, ssl=implicit)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve())
