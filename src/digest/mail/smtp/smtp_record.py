"""Joins everything of SMTP into the record that the engine works with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address

from digest.errors import BadSetting, BadSignature
from digest.mail.mailing import Mailbox
from digest.mail.provider import Provider, ProviderFinding, SenderRecord
from digest.mail.provider_events import ParsedPost
from digest.mail.smtp.dkim_signature import dns_record, signer
from digest.mail.smtp.relay_check import inspect_relay
from digest.mail.smtp.relay_connection import RelayAddress
from digest.mail.smtp.return_path import ReturnPaths
from digest.mail.smtp.smtp_transport import Envelopes, SMTPTransport, mails_of

#: Readers in one request: few, since a sender that dies leaves them in doubt, and still at half a
#: millisecond of CPU for each, the ledger included.
USUAL_RECIPIENTS = 10


def smtp_provider(
    *,
    relay: RelayAddress,
    seconds: float,
    return_paths: Callable[[], ReturnPaths],
    bounce_address: str = "",
    company: str = "",
    dkim_selector: str = "",
    dkim_key: str | None = None,
) -> Provider:
    """Return SMTP's record; *seconds* limits one request.

    *bounce_address* is where bounces go, each with its token; empty for the sender's address.
    *dkim_key* is a private key in PEM, for mail that the relay doesn't sign.
    """

    def envelopes() -> Envelopes:
        return Envelopes(paths=return_paths(), base=bounce_address)

    def transport() -> SMTPTransport:
        _require_access(relay)
        sign = None
        if dkim_selector or dkim_key:
            sign = signer(*_dkim(dkim_selector, dkim_key))
        return SMTPTransport(relay=relay, seconds=seconds, envelopes=envelopes(), sign=sign)

    def sender_records(domain: str) -> list[SenderRecord]:
        spf = _spf(bounce_address.rpartition("@")[2] or domain, relay.host)
        if not dkim_selector:
            return [spf]
        return [spf, _dkim_record(domain, *_dkim(dkim_selector, dkim_key))]

    def inspect(sender: Mailbox) -> list[ProviderFinding]:
        return list(inspect_relay(relay, transport(), sender, signs=bool(dkim_selector)))

    return Provider(
        name="smtp",
        access="SMTP relay",
        company=company,
        endpoint=f"smtp://{relay.host}:{relay.port}",
        seconds=seconds,
        usual_recipients=USUAL_RECIPIENTS,
        posts_events=False,
        transport=transport,
        dry_run=lambda mailing: transport().dry_run(mailing),
        request_body=lambda mailing: mails_of(mailing, envelopes()),
        suppressions=_NoSuppressions if relay.host else lambda: None,
        verifier=_NoWebhook,
        parse=_parse,
        sender_records=sender_records,
        records_note="if a company runs the relay, it tells you what else to publish",
        inspect=inspect,
        account_restored="",
    )


def _require_access(relay: RelayAddress) -> None:
    if not relay.host:
        step = "set DIGEST_SMTP_HOST to the relay that takes your mail, or: digest setup"
        raise BadSetting("DIGEST_SMTP_HOST is missing", next_step=step)
    if relay.user and not relay.password:
        step = "set DIGEST_SMTP_PASSWORD, or DIGEST_SMTP_PASSWORD_FILE to its file"
        raise BadSetting("DIGEST_SMTP_USER is set, and its password is missing", next_step=step)


def _dkim(selector: str, key: str | None) -> tuple[str, bytes]:
    """Return selector and key; raise `BadSetting` where only one of them is set."""
    if not selector or not key:
        missing = "DIGEST_DKIM_KEY" if selector else "DIGEST_DKIM_SELECTOR"
        step = "set both to sign here, or neither to let the relay sign"
        raise BadSetting(f"{missing} is missing", next_step=step)
    return selector, key.encode("utf-8")


def _spf(domain: str, host: str) -> SenderRecord:
    try:
        server = f"ip{ip_address(host).version}:{host}"
    except ValueError:
        server = f"a:{host}"
    return SenderRecord(
        what="SPF",
        name=domain,
        type="TXT",
        value=f"v=spf1 {server} ~all",
        why="names the servers that may send with this domain in the return path",
    )


def _dkim_record(domain: str, selector: str, key: bytes) -> SenderRecord:
    return SenderRecord(
        what="DKIM",
        name=f"{selector}._domainkey.{domain}",
        type="TXT",
        value=dns_record(key),
        why="publishes the key that checks your signatures",
    )


class _NoSuppressions:
    """A relay has no list of addresses that it doesn't mail."""

    def remove(self, _address: str) -> bool:
        """Return that the address is on no list."""
        return True


class _NoWebhook:
    """Nobody posts events of mail that goes by SMTP: they come back as mails."""

    def __init__(self, _keys: Iterable[str]) -> None:
        """Take no key."""

    def verify(self, _body: bytes, _headers: Mapping[str, str]) -> int:
        """Raise `BadSignature`."""
        raise BadSignature


def _parse(_body: bytes) -> ParsedPost:
    return ParsedPost(events=[], unreadable=["SMTP has no webhook"], unread=1)
