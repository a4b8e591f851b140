"""Joins everything of SendGrid into the record that the engine works with."""

from __future__ import annotations

from digest.errors import BadSetting
from digest.mail.mailing import MAX_RECIPIENTS
from digest.mail.provider import Provider, SenderRecord
from digest.mail.sendgrid.payload import body
from digest.mail.sendgrid.sendgrid_transport import SendGrid
from digest.mail.sendgrid.suppressions import SendGridSuppressions
from digest.mail.sendgrid.webhook import Verifier, parse

_ACCOUNT = "u1234567.wl.sendgrid.net"  #: "u1234567.wl" stands for the account's label


def sendgrid_provider(*, api_key: str | None, url: str, seconds: float) -> Provider:
    """Return SendGrid's record; *seconds* limits one request."""

    def transport() -> SendGrid:
        try:
            return SendGrid(api_key=api_key or "", url=url, seconds=seconds)
        except ValueError as fault:
            missing = "DIGEST_SENDGRID_API_KEY is missing"
            raise BadSetting(
                missing if api_key is None else f"DIGEST_SENDGRID_API_KEY: {fault}",
                next_step=(
                    "make a key at the provider that may send (Mail Send), and set"
                    " DIGEST_SENDGRID_API_KEY to it, or DIGEST_SENDGRID_API_KEY_FILE to its file"
                ),
            ) from None

    def suppressions() -> SendGridSuppressions | None:
        if api_key is None:
            return None
        return SendGridSuppressions(api_key=api_key, url=url, seconds=seconds)

    return Provider(
        name="sendgrid",
        access="API key",
        company="Twilio SendGrid, USA",
        endpoint=f"{url}/v3/mail/send",
        seconds=seconds,
        usual_recipients=MAX_RECIPIENTS,
        posts_events=True,
        transport=transport,
        dry_run=lambda mailing: transport().dry_run(mailing),
        request_body=body,
        suppressions=suppressions,
        verifier=Verifier,
        parse=parse,
        sender_records=sender_records,
        records_note=(
            "the provider shows your own numbers under Settings, Sender Authentication;"
            " u1234567 and em1234 stand for them here"
        ),
        inspect=lambda _: (),
        account_restored="reactivate",
    )


def sender_records(domain: str) -> list[SenderRecord]:
    """Return the records of SendGrid's domain authentication: SPF and DKIM, by CNAME."""
    return [
        SenderRecord(
            what="SPF",
            name=f"em1234.{domain}",
            type="CNAME",
            value=_ACCOUNT,
            why="names the provider's servers for the return path; the provider shows the number",
        ),
        *(
            SenderRecord(
                what="DKIM",
                name=f"{selector}._domainkey.{domain}",
                type="CNAME",
                value=f"{selector}.domainkey.{_ACCOUNT}",
                why="lets the provider sign in the domain's name and change keys by itself",
            )
            for selector in ("s1", "s2")
        ),
    ]
