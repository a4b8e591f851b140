"""SendGrid, the mail provider: the only package that knows its wire formats.

On the way out `sendgrid_transport` encodes a mailing by `payload` as a Mail Send v3 body, posts the
body by `http_exchange`, and turns the exchange into a transport's answer by `responses`. On the way
back `webhook` verifies the signature of an event webhook post and parses the post into provider
events, with the ids that `payload` sent as custom arguments. `suppressions` removes an address from
SendGrid's suppression lists.
"""

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
