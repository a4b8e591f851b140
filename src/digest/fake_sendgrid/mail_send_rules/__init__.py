"""What SendGrid accepts: pure checks of one Mail Send body, as documented.

`body` is given a parsed body and checks the top level; it hands the list of recipients to
`personalizations`, and the settings, tracking switches, groups and pools to `mail_settings`. All
three use `fields` for what occurs in several places: mailboxes, headers, text maps. Each failed
check yields a `violation` in the provider's form, and `check` returns them in the order of the
checks. Source: https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send
"""

from digest.fake_sendgrid.mail_send_rules.body import check
from digest.fake_sendgrid.mail_send_rules.violation import RuleViolation

__all__ = ["RuleViolation", "check"]
