"""Keeps robots and flooders out of the sign-up without storing who asked.

A form that has to be protected gets a challenge from `proof_of_work`, and the browser's answer
comes back with the sign-up and is checked there. The request's address, network and answered
challenge then go as one `RequestOrigin` into `rate_limits`, which counts them under keyed hashes in
the caller's transaction and returns for each request the `LimitReason` that stops it, or ``None``.
A moment later `rate_limits` counts the same sign-ups by mailbox, out of sight of whoever asked, and
it keeps the daily totals of what was stopped that the list's statistics show.
"""

from subscribers.abuse_prevention.proof_of_work import ProofOfWork
from subscribers.abuse_prevention.rate_limits import (
    LET_IN,
    LimitReason,
    RateLimit,
    RateLimits,
    RequestOrigin,
)

__all__ = ["LET_IN", "LimitReason", "ProofOfWork", "RateLimit", "RateLimits", "RequestOrigin"]
