"""Sites that are followed: what they publish is proposed, and an editor decides on it.

`models` holds a source, the pages it lists, and what they propose. `proposals` compares what a
page says with what is stored, and keeps the difference until an editor accepts or dismisses it, or
the source's rule does: only then does it reach the table of comparisons.
"""

from digest.sources.proposals import (
    AcceptedProposal,
    accept,
    count_waiting,
    difference,
    dismiss,
    proposed_draft,
    sources_of,
    waiting,
)

__all__ = [
    "AcceptedProposal",
    "accept",
    "count_waiting",
    "difference",
    "dismiss",
    "proposed_draft",
    "sources_of",
    "waiting",
]
