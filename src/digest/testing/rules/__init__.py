"""What SendGrid accepts: pure checks of one Mail Send body, as documented."""

from digest.testing.rules.problem import Problem
from digest.testing.rules.whole import check

__all__ = ["Problem", "check"]
