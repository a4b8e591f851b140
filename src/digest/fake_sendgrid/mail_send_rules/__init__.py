"""What SendGrid accepts: pure checks of one Mail Send body, as documented."""

from digest.fake_sendgrid.mail_send_rules.body import check
from digest.fake_sendgrid.mail_send_rules.violation import RuleViolation

__all__ = ["RuleViolation", "check"]
