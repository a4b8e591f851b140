"""The outcomes of a mail: drawn from a seed and the address, so that a run can be repeated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Self

from digest.errors import BadSetting


class MailOutcome(StrEnum):
    """What may become of a mail; without an outcome a mail is delivered and left unread."""

    DROPPED = "dropped"  #: never tried
    BOUNCE = "bounce"  #: refused for good
    BLOCKED = "blocked"  #: this mail refused, not the address
    DEFERRED = "deferred"  #: refused for now, delivered later
    LATE_BOUNCE = "late-bounce"  #: delivered, and bounced later by mail, without ids
    OPEN = "open"  #: the tracking image was fetched
    CLICK = "click"  #: a link was followed
    SPAMREPORT = "spamreport"  #: reported as spam
    UNSUBSCRIBE = "unsubscribe"  #: unsubscribed by the provider's own link


#: A mail has at most one of these, and then no other outcome.
ENDS = (MailOutcome.DROPPED, MailOutcome.BOUNCE, MailOutcome.BLOCKED)
SHARES = {
    MailOutcome.DROPPED: 0.002,
    MailOutcome.BOUNCE: 0.005,
    MailOutcome.BLOCKED: 0.005,
    MailOutcome.DEFERRED: 0.02,
    MailOutcome.LATE_BOUNCE: 0.0005,
    MailOutcome.OPEN: 0.35,
    MailOutcome.CLICK: 0.06,
    MailOutcome.SPAMREPORT: 0.0005,
    MailOutcome.UNSUBSCRIBE: 0.002,
}
#: An address that begins so has that outcome whatever the shares: bounce@…, click+7@…, open-3@….
_WORD = re.compile(rf"({'|'.join(sorted(MailOutcome, key=len, reverse=True))})(?=[-+.\d@])")


@dataclass(frozen=True)
class OutcomeOdds:
    """The share of each outcome (0 to 1), and the seed that outcomes are drawn from."""

    seed: int = 0
    shares: Mapping[MailOutcome, float] = field(default_factory=lambda: dict(SHARES))

    @classmethod
    def of(cls, seed: int, shares: Mapping[str, float]) -> Self:
        """Return odds with *shares* over the defaults; ``all`` sets every share that isn't named.

        Raise `BadSetting` for an unknown outcome or a share outside 0 to 1.
        """
        named = {name: share for name, share in shares.items() if name != "all"}
        unknown = sorted(named.keys() - set(MailOutcome))
        if unknown or not all(0 <= share <= 1 for share in shares.values()):
            raise BadSetting(
                f"shares are numbers from 0 to 1 for: all, {', '.join(MailOutcome)}"
                + (f"; not for {', '.join(unknown)}" if unknown else "")
            )
        usual = {outcome: shares.get("all", share) for outcome, share in SHARES.items()}
        return cls(seed, {outcome: named.get(outcome, usual[outcome]) for outcome in MailOutcome})

    def outcomes_of(self, address: str, *, also: str = "") -> frozenset[MailOutcome]:
        """Return the outcomes of a mail to *address*; *also* tells mails to one address apart."""
        word = named_outcome(address)
        if word:
            return frozenset({word})
        draws = self.draws(address.lower())
        end = _one_of(ENDS, self.shares, draws[0])
        if end:
            return frozenset({end})
        draws = (*draws[:4], *self.draws(f"{address.lower()}|{also}")[4:])
        others = (outcome for outcome in MailOutcome if outcome not in ENDS)
        return frozenset(
            outcome
            for outcome, drawn in zip(others, draws[1:], strict=False)
            if drawn < self.shares.get(outcome, 0)
        )

    def draws(self, name: str) -> tuple[float, ...]:
        """Return eight numbers from 0 to 1 drawn for *name*, the same ones each time."""
        digest = blake2b(f"{self.seed}|{name}".encode(), digest_size=32).digest()
        return tuple(
            int.from_bytes(digest[n : n + 4], "big") / 2**32 for n in range(0, len(digest), 4)
        )


def named_outcome(address: str) -> MailOutcome | None:
    """Return the outcome that an address is named after, or ``None``."""
    word = _WORD.match(address.lower())
    return MailOutcome(word[1]) if word else None


def _one_of(
    outcomes: tuple[MailOutcome, ...], shares: Mapping[MailOutcome, float], drawn: float
) -> MailOutcome | None:
    for outcome in outcomes:
        drawn -= shares.get(outcome, 0)
        if drawn < 0:
            return outcome
    return None
