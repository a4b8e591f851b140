"""Decides what can be known of a relay by asking it: encryption, login, limits, and who signs."""

from __future__ import annotations

from collections.abc import Iterator

from digest.mail.mailing import Content, Mailbox, Mailing, Recipient
from digest.mail.provider import ProviderFinding
from digest.mail.smtp.relay_connection import (
    CannotOpen,
    Deadline,
    RelayAddress,
    RelaySecurity,
)
from digest.mail.smtp.relay_session import RelaySession
from digest.mail.smtp.smtp_transport import SMTPTransport
from digest.mail.transport import Accepted, Halted

SECONDS = 20.0  #: that the whole look may take
SMALL = 1_000_000  #: bytes below which a limit may stop an issue
_ABOUT = "relay"


def inspect_relay(
    relay: RelayAddress, transport: SMTPTransport, sender: Mailbox, *, signs: bool
) -> Iterator[ProviderFinding]:
    """Yield what the relay shows to a sender; it makes two connections and sends nothing."""
    try:
        session = RelaySession(relay, Deadline(SECONDS))
    except CannotOpen as fault:
        yield _unreachable(fault)
        return
    yield from _of_session(session, relay)
    session.quit()
    yield _judged(transport, sender)
    if not signs:
        yield ProviderFinding(
            about="DKIM",
            says="Digest signs nothing, so the relay has to",
            fine=None,
            next_step="ask who runs the relay, or set DIGEST_DKIM_SELECTOR and DIGEST_DKIM_KEY",
        )


def _unreachable(fault: CannotOpen) -> ProviderFinding:
    halted = isinstance(fault.answer, Halted)
    step = "check DIGEST_SMTP_HOST, _PORT, _SECURITY, _USER and _PASSWORD"
    return ProviderFinding(
        about=_ABOUT, says=str(fault), fine=False if halted else None, next_step=step
    )


def _of_session(session: RelaySession, relay: RelayAddress) -> Iterator[ProviderFinding]:
    encrypted = relay.security is not RelaySecurity.NONE
    how = "encrypted, with a valid certificate" if encrypted else "not encrypted"
    login = f", logged in as {relay.user}" if relay.user else ", without a login"
    yield ProviderFinding(about=_ABOUT, says=f"{relay.host}:{relay.port} answers, {how}{login}")
    if relay.user and not encrypted:
        yield ProviderFinding(
            about=_ABOUT,
            says="the password goes over the network unencrypted",
            fine=None,
            next_step="set DIGEST_SMTP_SECURITY to starttls or tls",
        )
    if session.most_bytes is not None and session.most_bytes < SMALL:
        yield ProviderFinding(
            about=_ABOUT,
            says=f"it takes no mail of more than {session.most_bytes:,} bytes",
            fine=None,
            next_step="ask who runs the relay to raise the limit",
        )
    absent = [name for name in ("pipelining", "dsn") if name not in session.features]
    if absent:
        missing = " or ".join(name.upper() for name in absent)
        says = f"it offers no {missing}; mail goes out all the same"
        yield ProviderFinding(about=_ABOUT, says=says)


def _judged(transport: SMTPTransport, sender: Mailbox) -> ProviderFinding:
    words = "A test by Digest, which is never sent."
    answer = transport.dry_run(
        Mailing(
            content=Content(subject=words, html=f"<p>{words}</p>", text=words, sender=sender),
            recipients=[Recipient("setup", sender.address, {}, {})],
        )
    )
    if isinstance(answer, Accepted):
        return ProviderFinding(about=_ABOUT, says=f"it takes mail from {sender.address}")
    return ProviderFinding(
        about=_ABOUT,
        says=f"it takes no mail from {sender.address}: {answer.detail}",
        fine=False if isinstance(answer, Halted) else None,
        next_step="check DIGEST_FROM, or ask who runs the relay",
    )
