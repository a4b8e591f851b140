"""What an issue is told besides its comparisons: what came before it, and what readers voted.

The facts are kept with the edition's other inputs, so that no later vote changes what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from digest.comparisons.models import Contender, Revision
from digest.issues.content.echo import EchoFacts
from digest.issues.content.verdict_changes import VerdictChange
from digest.votes import SHOWN_FROM, VoteCount, VoteCounts


@dataclass(frozen=True, kw_only=True)
class Background:
    """The facts that one issue is told, as they stood when it was built."""

    last_form: str = ""  #: the wording of the opening before
    counts: VoteCounts = field(default_factory=dict)  #: of the comparisons it carries
    shown_from: int = SHOWN_FROM  #: votes from which a share is shown
    echo: EchoFacts | None = None  #: of the votes on the issue before
    changes: tuple[VerdictChange, ...] = ()  #: in comparisons that earlier issues carried

    def count_of(self, revision: Revision, contender: Contender) -> VoteCount:
        """Return the votes on one contender."""
        counts = self.counts.get(revision.comparison_id, {})
        return counts.get(contender.tool_id, VoteCount())

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as JSON types, which `from_dict` reads."""
        return {
            "last_form": self.last_form,
            "shown_from": self.shown_from,
            "counts": {
                str(comparison): {str(tool): list(count) for tool, count in tools.items()}
                for comparison, tools in self.counts.items()
            },
            "echo": self.echo.to_dict() if self.echo else None,
            "changes": [change.to_dict() for change in self.changes],
        }

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Background:
        """Return the facts that were kept; empty for an edition from before there were votes."""
        counts = {
            int(comparison): {int(tool): VoteCount(*count) for tool, count in tools.items()}
            for comparison, tools in kept.get("counts", {}).items()
        }
        echo = kept.get("echo")
        return cls(
            last_form=kept.get("last_form", ""),
            counts=counts,
            shown_from=kept.get("shown_from", SHOWN_FROM),
            echo=EchoFacts.from_dict(echo) if echo else None,
            changes=tuple(map(VerdictChange.from_dict, kept.get("changes", ()))),
        )
