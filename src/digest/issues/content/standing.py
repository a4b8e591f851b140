"""How two contenders stand to each other on the panel; a pure function of shares and seats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from digest.issues.content.view import ContenderView

_HALF, _ALL = 50, 100  # percent


class Support(StrEnum):
    """How much of the panel would ship the tool that is ahead."""

    ALL = "all"
    MOST = "most"
    HALF = "half"
    FEW = "few"  #: less than half
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class PairStanding:
    """Two contenders with a known share, by share; a tie keeps the published order."""

    ahead: ContenderView
    behind: ContenderView
    ahead_share: float  #: percent
    behind_share: float

    @property
    def tie(self) -> bool:
        """Whether the panel would ship both alike."""
        return self.ahead_share == self.behind_share

    @property
    def support(self) -> Support:
        """How much of the panel would ship the tool that is ahead."""
        return support(self.ahead_share)

    @property
    def neither(self) -> bool:
        """Whether less than half of the panel would ship even the tool that is ahead."""
        return self.support in (Support.FEW, Support.NONE)

    @property
    def in_seats(self) -> bool:
        """Whether both shares can be told in reviewers of one panel of two or more."""
        ahead, behind = self.ahead, self.behind
        known = ahead.ships is not None and behind.ships is not None
        return known and ahead.seats == behind.seats > 1


def share_of(contender: ContenderView) -> float | None:
    """Return the share of the panel in percent, from the calls where no share is published."""
    if contender.panel_share is not None or contender.ships is None:
        return contender.panel_share
    return 100 * contender.ships / contender.seats


def support(share: float) -> Support:
    """Return how much of the panel a share in percent is."""
    if share in (0, _ALL):
        return Support.ALL if share else Support.NONE
    if share == _HALF:
        return Support.HALF
    return Support.MOST if share > _HALF else Support.FEW


def standing(contenders: Sequence[ContenderView]) -> PairStanding | None:
    """Return how a pair stands; ``None`` unless there are two and the share of both is known."""
    shares = [share_of(contender) for contender in contenders]
    if len(shares) != 2 or shares[0] is None or shares[1] is None:  # noqa: PLR2004 - a pair
        return None
    (first, second), (one, other) = contenders, (shares[0], shares[1])
    if other > one:
        return PairStanding(ahead=second, behind=first, ahead_share=other, behind_share=one)
    return PairStanding(ahead=first, behind=second, ahead_share=one, behind_share=other)
