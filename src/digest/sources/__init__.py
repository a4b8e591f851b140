"""Sites that are followed: what they publish is proposed, and an editor decides on it.

`following` finds out what an address is, and adds it as a source of `models`. `polling` looks at a
source: `source_listing` says which pages it has, by `sitemaps`, `feeds` or links, and `site_reader`
asks for each within what `robots` allows. The package `pages` reads a comparison from the bytes of
a page, and `proposals` keeps what differs from the stored one until an editor accepts or dismisses
it, or the source's rule does: only then does it reach the table of comparisons. `source_facts`
tells all of it to commands and programs. What asks other servers takes long to import, so it isn't
named here: `digest.app.source_polling` puts it together.
"""

from digest.sources.models import AcceptRule, PageOutcome, ProposalKind, SourceKind
from digest.sources.proposals import (
    AcceptedProposal,
    accept,
    count_waiting,
    difference,
    dismiss,
    forget_decided,
    proposed_draft,
    sources_of,
    waiting,
    waiting_one,
)
from digest.sources.source_facts import (
    accepted_facts,
    all_facts,
    page_facts,
    poll_facts,
    proposal_facts,
    source_facts,
)
from digest.sources.store import by_id, pages_of, pause_source, poll_soon, remove, resume_source

__all__ = [
    "AcceptRule",
    "AcceptedProposal",
    "PageOutcome",
    "ProposalKind",
    "SourceKind",
    "accept",
    "accepted_facts",
    "all_facts",
    "by_id",
    "count_waiting",
    "difference",
    "dismiss",
    "forget_decided",
    "page_facts",
    "pages_of",
    "pause_source",
    "poll_facts",
    "poll_soon",
    "proposal_facts",
    "proposed_draft",
    "remove",
    "resume_source",
    "source_facts",
    "sources_of",
    "waiting",
    "waiting_one",
]
