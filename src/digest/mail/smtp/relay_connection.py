"""Hides how a connection to a relay is opened and logged in, with a limit on every wait.

`smtplib` connects, greets, encrypts and logs in. It limits no reply as a whole, neither its time
nor its length, so reading and writing are done here.
"""

from __future__ import annotations

import io
import smtplib
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from digest.errors import DigestError
from digest.mail.redaction import REDACTED, redact
from digest.mail.smtp.relay_replies import READY, Reply
from digest.mail.transport import Halted, NotSent

MAX_REPLY = 64 * 1024  #: bytes of one reply, however many lines it has
MAX_DETAIL = 300  #: characters kept of a relay's text
CHUNK = 256 * 1024  #: bytes written at once
CONNECT_SECONDS = 30.0
#: What `smtplib` raises for a relay that lacks something; the second where no way to log in fits.
_NOT_OFFERED = (smtplib.SMTPNotSupportedError, smtplib.SMTPException)


class RelaySecurity(StrEnum):
    """How a connection to the relay is encrypted."""

    STARTTLS = "starttls"  #: from the first moment after the greeting, or not at all
    TLS = "tls"  #: from the first byte
    NONE = "none"  #: for a relay on this machine, or on a network of one's own


@cache
def tls_context() -> ssl.SSLContext:
    """Return the TLS context of this system, created once: it takes longer than a mail."""
    return ssl.create_default_context()


@dataclass(frozen=True, kw_only=True)
class RelayAddress:
    """A relay, and how to log in to it."""

    host: str
    port: int
    security: RelaySecurity
    user: str = ""
    password: str = ""
    name: str = "localhost"  #: by which this machine greets
    tls: Callable[[], ssl.SSLContext] = tls_context  #: which certificates are trusted

    def __repr__(self) -> str:
        """Return host and port, never the password."""
        return f"RelayAddress({self.host}:{self.port})"


class CannotOpen(DigestError):
    """A connection can't be opened; *answer* says whether another try can help."""

    def __init__(self, answer: NotSent | Halted) -> None:
        super().__init__(answer.detail)
        self.answer = answer


class Deadline:
    """The moment by which a request has to end; its clock runs on while the machine sleeps."""

    def __init__(self, seconds: float) -> None:
        self._end = _now() + seconds

    def remaining(self) -> float:
        """Return the seconds left; raise `TimeoutError` when none are."""
        left = self._end - _now()
        if left <= 0:
            raise TimeoutError("the time limit for one request is over")
        return left

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        return self._end <= _now()


class TimedSMTP(smtplib.SMTP):
    """smtplib's client, whose every wait ends with the deadline, however slowly replies drip."""

    def __init__(self, relay: RelayAddress, deadline: Deadline) -> None:
        self.deadline = deadline
        self._tls = relay.tls() if relay.security is RelaySecurity.TLS else None
        super().__init__(local_hostname=relay.name, timeout=CONNECT_SECONDS)
        self._host = relay.host  # which the certificate has to name

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        # The stubs leave this method out.
        sock: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._tls.wrap_socket(sock, server_hostname=host) if self._tls else sock

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply within the deadline."""
        if self.file is None:
            self.file = io.BufferedReader(_TimedReader(self))
        self._read = 0
        return super().getreply()

    def reply(self) -> Reply:
        """Read one reply; raise `OSError` where the connection ends first."""
        code, text = self.getreply()
        return Reply(code, text.decode("utf-8", "replace"))

    def write(self, data: bytes) -> None:
        """Write all of *data*; raise `OSError` unless all of it was taken by the system."""
        if self.sock is None:
            raise ConnectionAbortedError(0, "the connection is closed")
        view = memoryview(data)
        for start in range(0, len(view), CHUNK):
            self.sock.settimeout(self.deadline.remaining())
            self.sock.sendall(view[start : start + CHUNK])

    def received(self, size: int) -> None:
        """Count the bytes of a reply; raise `OSError` for one without end."""
        self._read += size
        if size == 0:
            raise ConnectionAbortedError(0, "the relay closed the connection")
        if self._read > MAX_REPLY:
            raise ConnectionAbortedError(0, "the relay's reply has no end")


class _TimedReader(io.RawIOBase):
    def __init__(self, smtp: TimedSMTP) -> None:
        self._smtp = smtp

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        sock = self._smtp.sock
        if sock is None:
            raise ConnectionAbortedError(0, "the connection is closed")
        sock.settimeout(self._smtp.deadline.remaining())
        size = int(sock.recv_into(buffer))
        self._smtp.received(size)
        return size


def opened(relay: RelayAddress, deadline: Deadline) -> TimedSMTP:
    """Return a connection that is ready for a mail; raise `CannotOpen`."""
    smtp = TimedSMTP(relay, deadline)
    try:
        smtp.timeout = min(deadline.remaining(), CONNECT_SECONDS)
        _greet(smtp, relay)
    except Exception as fault:
        smtp.close()
        if isinstance(fault, UnicodeError):
            raise CannotOpen(Halted(detail=_not_writable(relay))) from None
        if not isinstance(fault, OSError):
            raise
        raise CannotOpen(_why_not(fault, relay)) from None
    return smtp


def _greet(smtp: TimedSMTP, relay: RelayAddress) -> None:
    code, text = smtp.connect(relay.host, relay.port)
    if code != READY:
        raise smtplib.SMTPConnectError(code, text)
    _hello(smtp)
    if relay.security is RelaySecurity.STARTTLS:
        code, text = smtp.starttls(context=relay.tls())
        if code != READY:
            raise smtplib.SMTPResponseException(code, text)
        _hello(smtp)
    if relay.user:
        smtp.login(relay.user, relay.password)


def _hello(smtp: TimedSMTP) -> None:
    """Greet in the extended way, or in the old one where the relay knows no other."""
    said = _reply_of(smtp.ehlo())
    if said.is_final:
        said = _reply_of(smtp.helo())
    if not said.is_positive:
        raise smtplib.SMTPHeloError(said.code, said.text)


def _not_writable(relay: RelayAddress) -> str:
    """Return which of a relay's settings neither a resolver nor a login can write."""
    if f"{relay.user}{relay.password}".isascii():
        return "DIGEST_SMTP_HOST isn't the name of a host"
    return "DIGEST_SMTP_USER and its password may hold ASCII characters only"


def _why_not(fault: OSError, relay: RelayAddress) -> NotSent | Halted:
    """Return what a connection that couldn't be opened means."""
    match fault:
        case smtplib.SMTPException() if type(fault) in _NOT_OFFERED:
            what = "STARTTLS" if "STARTTLS" in str(fault) else "AUTH, or none that Digest knows"
            return Halted(detail=f"the relay offers no {what}")
        case ssl.SSLCertVerificationError():
            return Halted(detail=f"the relay's certificate isn't valid: {fault.verify_message}")
        case smtplib.SMTPResponseException():
            said = Reply(fault.smtp_code, _text(fault.smtp_error))
            where = "login" if isinstance(fault, smtplib.SMTPAuthenticationError) else "connection"
            text = _without_password(said.text, relay)
            detail = f"the relay refuses the {where}: {said.code} {text}"
            if said.is_final:
                return Halted(status=said.code, detail=detail)
            return NotSent(status=said.code, detail=detail)
        case ssl.SSLError():
            why = fault.reason or type(fault).__name__
            step = "check DIGEST_SMTP_SECURITY and DIGEST_SMTP_PORT"
            return NotSent(detail=f"no encrypted connection ({why}); {step}")
    return NotSent(detail=f"no connection to {relay.host}:{relay.port} ({fault_words(fault)})")


def _without_password(text: str, relay: RelayAddress) -> str:
    """Return a reply's text for people; a relay may repeat what it refuses, in any spelling."""
    text = " ".join(text.split())
    for spelling in _spellings(relay.user, relay.password):
        text = text.replace(spelling, REDACTED)
    return redact(text[:MAX_DETAIL])


def _spellings(user: str, password: str) -> list[str]:
    """Return a password as it is, and as AUTH sends it."""
    if not password:
        return []
    sent = (f"\0{user}\0{password}", password)
    return [password, *(b64encode(each.encode()).decode("ascii") for each in sent)]


def _reply_of(answer: tuple[int, bytes]) -> Reply:
    return Reply(answer[0], _text(answer[1]))


def _text(raw: bytes | str) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw


def fault_words(fault: OSError) -> str:
    """Return the cause without any of the relay's text; `smtplib` wraps it."""
    if isinstance(fault, smtplib.SMTPException) and isinstance(fault.__context__, OSError):
        fault = fault.__context__
    kind = type(fault).__name__
    return f"{kind}: {fault.strerror}" if fault.strerror else kind


def _now() -> float:
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)
