"""The only folder that knows SendGrid's wire format."""

from digest.mail.sendgrid.payload import body
from digest.mail.sendgrid.sendgrid_transport import SendGrid
from digest.mail.sendgrid.suppressions import SendGridSuppressions
from digest.mail.sendgrid.webhook import SIGNATURE, TIMESTAMP, Verifier, parse

__all__ = [
    "SIGNATURE",
    "TIMESTAMP",
    "SendGrid",
    "SendGridSuppressions",
    "Verifier",
    "body",
    "parse",
]
