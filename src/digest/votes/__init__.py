"""What readers vote on the tools of a comparison: ship or skip, from their mail or the site.

A mail's links carry the tokens of `vote_link`; a look at one changes no vote. A visitor without one
asks for a letter with it (`vote_request`). The button on the page hands in a ballot, which
`casting` turns into votes: `judging` decides with the `terms` of the installation which of them
count, by `scan_rules` on the looks in `scan_record` for programs that follow links, and by
`stuffing` for votes that come in heaps. `store` writes each vote with its history and the day's
counts. `counting` sums those up, `vote_words` says them, and `voter` knows what is known of a
reader. `numbers` adds what editors are told besides: turnout, days, what isn't counted and why.
"""

from digest.votes.casting import (
    Ballot,
    BallotResult,
    VoteLinkLook,
    cast_votes,
    judge_waiting,
    note_looks,
)
from digest.votes.counting import SHOWN_FROM, VoteCount, VoteCounts, counts_by_link, counts_of
from digest.votes.models import BY_LETTER, HeldReason, ScanSign, VoterPreference
from digest.votes.numbers import (
    ScanNumbers,
    ToolNumbers,
    VoteNumbers,
    VotesOnDay,
    scan_numbers,
    vote_numbers,
)
from digest.votes.terms import Copy, DeliveredState, VoteTerms, nothing_known
from digest.votes.vote_link import (
    VoteLinkExpired,
    VoteTarget,
    copy_signer,
    letter_token,
    read_vote_token,
    vote_path,
)
from digest.votes.vote_request import VoteRequest, read_request
from digest.votes.vote_retention import purge_votes
from digest.votes.vote_words import interval_in_words, votes_in_words
from digest.votes.voter import (
    OwnVote,
    erase_voter,
    export_votes,
    first_wanted,
    preference_of,
    set_preference,
    standing_votes,
    turnout,
    votes_by,
    votes_by_all,
    wanting_changes,
)

__all__ = [
    "BY_LETTER",
    "SHOWN_FROM",
    "Ballot",
    "BallotResult",
    "Copy",
    "DeliveredState",
    "HeldReason",
    "OwnVote",
    "ScanNumbers",
    "ScanSign",
    "ToolNumbers",
    "VoteCount",
    "VoteCounts",
    "VoteLinkExpired",
    "VoteLinkLook",
    "VoteNumbers",
    "VoteRequest",
    "VoteTarget",
    "VoteTerms",
    "VoterPreference",
    "VotesOnDay",
    "cast_votes",
    "copy_signer",
    "counts_by_link",
    "counts_of",
    "erase_voter",
    "export_votes",
    "first_wanted",
    "interval_in_words",
    "judge_waiting",
    "letter_token",
    "note_looks",
    "nothing_known",
    "preference_of",
    "purge_votes",
    "read_request",
    "read_vote_token",
    "scan_numbers",
    "set_preference",
    "standing_votes",
    "turnout",
    "vote_numbers",
    "vote_path",
    "votes_by",
    "votes_by_all",
    "votes_in_words",
    "wanting_changes",
]
