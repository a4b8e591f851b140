"""TODO face."""

from subscribers.abuse_prevention.proof_of_work import ProofOfWork
from subscribers.abuse_prevention.rate_limits import (
    LET_IN,
    LimitReason,
    RateLimit,
    RateLimits,
    RequestOrigin,
)

__all__ = ["LET_IN", "LimitReason", "ProofOfWork", "RateLimit", "RateLimits", "RequestOrigin"]
