"""How ballots become votes, and looks at vote links become knowledge of scanners.

Many ballots or looks share a transaction, and so do the few statements that they take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from digest.comparisons.models import Call
from digest.votes import scan_record, store, stuffing
from digest.votes.judging import NEWS_WAIT, Judge, Visit, Voter
from digest.votes.models import BY_LETTER, HeldReason, ScanSign
from digest.votes.scan_rules import Look
from digest.votes.store import StandingVote, VoteKey, VoterFacts
from digest.votes.terms import Copy, VoteTerms
from digest.votes.vote_link import VoteTarget

ALONG = 16  #: waiting votes that are judged along with a transaction's ballots
AT_MOST = 5_000  #: waiting votes, and copies, that one call judges


class Ballot(NamedTuple):
    """What one press of the button hands in."""

    target: VoteTarget
    calls: Mapping[int, Call | None]  #: by tool id; ``None`` takes the vote back
    network: str = ""  #: the visitor's network; only its keyed hash is stored
    address: str = ""  #: the visitor's IP address, never stored
    machine: bool = False  #: the client said that it is no browser

    def __repr__(self) -> str:
        """Return a text without the network and the address."""
        return f"Ballot({self.target.comparison_id}, {dict(self.calls)})"


@dataclass(frozen=True, kw_only=True)
class BallotResult:
    """What became of a ballot."""

    held: HeldReason | None = None  #: why it doesn't count; ``None``: counted, or taken back
    sign: ScanSign | None = None  #: what made the press look like a program's
    gone: bool = False  #: there is no such reader any more: nothing was written
    #: The reader's votes on the comparison as they stand then, by tool id; held ones too.
    standing: Mapping[int, Call] = field(default_factory=dict)


class VoteLinkLook(NamedTuple):
    """One look at the page of a vote link, by GET or HEAD."""

    subscriber_id: int
    edition_id: int
    comparison_id: int
    tool_id: int  #: 0 for the page without a preset choice
    call: Call | None
    at: datetime
    machine: bool = False
    address: str = ""  #: the visitor's IP address, never stored

    def __repr__(self) -> str:
        """Return a text without the address."""
        return f"VoteLinkLook({self.comparison_id}, {self.tool_id}, {self.call})"


@dataclass(frozen=True)
class _Press:
    """A ballot with what decides on it."""

    ballot: Ballot
    visit: Visit
    voter: Voter = field(repr=False)


def cast_votes(
    session: Session, ballots: Sequence[Ballot], terms: VoteTerms, now: datetime
) -> list[BallotResult]:
    """Cast ballots in the caller's transaction, one after another; return what became of each.

    The last vote of a reader on a tool counts. One that is held never replaces a counted vote if a
    program cast it, and is judged again when the reader presses again.
    """
    if not ballots:
        return []
    visits = [_visit(ballot, terms, now) for ballot in ballots]
    judge = Judge(session, terms, now, visits)
    facts = store.voters(session, {v.copy.subscriber_id for v in visits}, now)
    presses = [
        _press(ballot, visit, facts.get(visit.copy.subscriber_id), terms)
        for ballot, visit in zip(ballots, visits, strict=True)
    ]
    judge.know([press.voter for press in presses if press])
    results = [_cast(judge, press, now) if press else BallotResult(gone=True) for press in presses]
    judge.hold_scanned()
    judge.write()
    _judge_votes(session, terms, now, ALONG)
    return results


def _visit(ballot: Ballot, terms: VoteTerms, now: datetime) -> Visit:
    target = ballot.target
    return Visit(
        Copy(target.edition_id, target.subscriber_id),
        target.comparison_id,
        now,
        machine=ballot.machine,
        known=terms.is_scanner(ballot.address),
        asked=int(target.sent_at.timestamp()) if target.edition_id == BY_LETTER else None,
    )


def _press(
    ballot: Ballot, visit: Visit, facts: VoterFacts | None, terms: VoteTerms
) -> _Press | None:
    if facts is None:
        return None
    network = ""
    if facts.is_new and ballot.network:
        network = stuffing.network_hash(ballot.network, terms.hashes)
    return _Press(ballot, visit, _voter(visit, facts, network or None, terms))


def _voter(visit: Visit, facts: VoterFacts, network: str | None, terms: VoteTerms) -> Voter:
    mailboxes = terms.hashes.every(stuffing.mailbox_text(facts.address_key))
    return Voter(visit.comparison_id, visit.copy.subscriber_id, facts, mailboxes, network)


def _cast(judge: Judge, press: _Press, now: datetime) -> BallotResult:
    reason: HeldReason | None = None
    sign = judge.sign(press.visit, pressed=True)
    if sign:
        reason = HeldReason.SCANNER
    elif any(press.ballot.calls.values()):
        reason = judge.reason(press.visit, press.voter)
    refused = [
        _set(judge, press, tool_id, call, reason, now)
        for tool_id, call in press.ballot.calls.items()
    ]
    own = judge.book.of_reader(press.voter.subscriber_id, press.voter.comparison_id)
    held = any(refused)
    return BallotResult(
        held=reason if held else None,
        sign=sign if held else None,
        standing={vote.tool_id: vote.call for vote in own if vote.call},
    )


def _set(
    judge: Judge,
    press: _Press,
    tool_id: int,
    call: Call | None,
    reason: HeldReason | None,
    now: datetime,
) -> bool:
    """Set one vote; return whether it is held, or was refused."""
    voter = press.voter
    key = VoteKey(voter.comparison_id, tool_id, voter.subscriber_id)
    old = judge.book.get(key)
    scanned = reason is HeldReason.SCANNER
    if call is None and (old is None or old.call is None):
        return False
    if old and old.call is call and old.held in (None, reason):
        return old.held is not None  # a repeat: nothing changes, nor does a reason come too late
    if scanned and (call is None or (old and old.counted)):
        return True
    vote = StandingVote(
        *key,
        call=call,
        held=reason if call else None,
        edition_id=press.visit.copy.edition_id,
        at=now,
        is_new=voter.facts.is_new,
        mailbox_hash=voter.mailboxes[0],
        network_hash=voter.network,
    )
    judge.book.put(vote)
    return vote.held is not None


def note_looks(
    session: Session, looks: Sequence[VoteLinkLook], terms: VoteTerms, now: datetime
) -> None:
    """Record looks at vote links, and what they show of scanners; no look counts as a vote."""
    if not looks:
        return
    visits = [
        Visit(
            Copy(look.edition_id, look.subscriber_id),
            look.comparison_id,
            look.at,
            machine=look.machine,
            known=terms.is_scanner(look.address),
        )
        for look in looks
    ]
    kept = [
        (visit.copy, Look(visit.moment, look.comparison_id, look.tool_id, look.call), look.machine)
        for look, visit in zip(looks, visits, strict=True)
    ]
    store.one_at_a_time(session)
    scan_record.add_looks(session, kept)
    judge = Judge(session, terms, now, visits)
    for visit in visits:
        judge.sign(visit, pressed=False)
    judge.hold_scanned()
    judge.write()


def judge_waiting(session: Session, terms: VoteTerms, now: datetime, at_most: int = AT_MOST) -> int:
    """Judge the votes that wait for news of their copies, and looks whose news came late.

    Return how many votes wait no longer.
    """
    judged = _judge_votes(session, terms, now, at_most)
    moment = int((now - NEWS_WAIT).timestamp())
    late = scan_record.unscanned_looks(session, moment - _LATE_SECONDS, moment, at_most)
    if late:
        judge = Judge(session, terms, now, [Visit(copy, 0, at) for copy, at in late])
        for copy, at in late:
            judge.sign(Visit(copy, 0, at), pressed=False)
        judge.write()
    return judged


_LATE_SECONDS = 120  # two turns of the service's clock


def _judge_votes(session: Session, terms: VoteTerms, now: datetime, at_most: int) -> int:
    waiting = store.waiting_votes(session, at_most)
    if not waiting:
        return 0
    visits = {vote.key: Visit(vote.copy, vote.comparison_id, vote.at) for vote in waiting}
    judge = Judge(session, terms, now, list(visits.values()))
    facts = store.voters(session, {vote.subscriber_id for vote in waiting}, now)
    voters = {
        vote.key: _voter(
            visits[vote.key],
            facts[vote.subscriber_id]._replace(is_new=vote.is_new),
            vote.network_hash,
            terms,
        )
        for vote in waiting
        if vote.subscriber_id in facts
    }
    judge.know(list(voters.values()))
    for key, voter in voters.items():
        _judge_again(judge, key, visits[key], voter)
    judge.write()
    after = [judge.book.get(key) for key in voters]
    return sum(vote is not None and vote.held is not HeldReason.UNDELIVERED for vote in after)


def _judge_again(judge: Judge, key: VoteKey, visit: Visit, voter: Voter) -> None:
    vote = judge.book.get(key)
    if vote is None or vote.held is not HeldReason.UNDELIVERED:
        return
    if judge.sign(visit, pressed=True):
        judge.hold_as_scanner(vote)
    else:
        judge.book.put(vote._replace(held=judge.reason(visit, voter)))
