"""What readers vote on the tools of a comparison: ship or skip, from their mail or the site.

A mail's links carry the tokens of `vote_link`; a look at one changes no vote. `counting` sums up
the daily counts, which each vote changes along with its own row (`models`), and `vote_words` says
them.
"""

from digest.votes.counting import SHOWN_FROM, VoteCount, VoteCounts, counts_of
from digest.votes.models import BY_LETTER, HeldReason, ScanSign
from digest.votes.vote_link import (
    VoteLinkExpired,
    VoteTarget,
    copy_signer,
    letter_token,
    read_vote_token,
    vote_path,
)
from digest.votes.vote_words import interval_in_words, votes_in_words

__all__ = [
    "BY_LETTER",
    "SHOWN_FROM",
    "HeldReason",
    "ScanSign",
    "VoteCount",
    "VoteCounts",
    "VoteLinkExpired",
    "VoteTarget",
    "copy_signer",
    "counts_of",
    "interval_in_words",
    "letter_token",
    "read_vote_token",
    "vote_path",
    "votes_in_words",
]
