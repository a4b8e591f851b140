"""Which presses count: everything that decides on those of one transaction, read at once.

`Judge` holds a press for the first `HeldReason` that applies. What shows a scanner may come after
the press, and then changes votes that were counted already.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from digest.votes import scan_record, store, stuffing
from digest.votes.models import BY_LETTER, HeldReason, ScanSign
from digest.votes.scan_record import Scan
from digest.votes.scan_rules import REACH_SECONDS, SWEEP_SECONDS, Press, sign_of
from digest.votes.store import StandingVote, VoteBook, VoterFacts
from digest.votes.terms import Copy, DeliveredState, VoteTerms
from subscribers.suppression import REJOINABLE

#: How long a vote waits for news of its copy.
NEWS_WAIT = timedelta(minutes=10)
_UNKNOWN = DeliveredState()


class Visit(NamedTuple):
    """A look at a vote link, or a press of its button."""

    copy: Copy
    comparison_id: int
    at: datetime
    machine: bool = False
    known: bool = False  #: from a known scanner's network
    asked: int | None = None  #: when the letter was asked for, in seconds since 1970

    @property
    def moment(self) -> int:
        """When it was, in seconds since 1970."""
        return int(self.at.timestamp())


class Voter(NamedTuple):
    """Who presses on which comparison, and by which hashes others are known as the same."""

    comparison_id: int
    subscriber_id: int
    facts: VoterFacts
    mailboxes: Sequence[str]  #: the hash of the mailbox under each secret, the one to store first
    network: str | None  #: the hash of the network, of a new address only


class Judge:
    """Decides on the visits of one transaction, and writes what follows at its end."""

    def __init__(
        self, session: Session, terms: VoteTerms, now: datetime, visits: Sequence[Visit]
    ) -> None:
        store.one_at_a_time(session)
        self._session, self._terms, self._now = session, terms, now
        self._scans: dict[Copy, Scan] = {}
        self._held_for_network: set[tuple[int, str, int]] = set()
        self.book = VoteBook()
        copies = list(dict.fromkeys(visit.copy for visit in visits))
        since = min(visit.moment for visit in visits) - REACH_SECONDS
        targets = {(v.copy.subscriber_id, v.comparison_id, v.copy.edition_id) for v in visits}
        self.book.read(
            store.votes_near(session, sorted(targets), datetime.fromtimestamp(since, UTC))
        )
        self._looks = scan_record.looks_at(session, copies, since)
        self._delivered = terms.delivered(session, copies)

    def know(self, voters: Sequence[Voter]) -> None:
        """Read the votes that may be of the same mailboxes or networks."""
        mailboxes = {(voter.comparison_id, known) for voter in voters for known in voter.mailboxes}
        networks = {
            (voter.comparison_id, voter.network, voter.subscriber_id)
            for voter in voters
            if voter.network
        }
        pairs = {pair[:2] for pair in networks}
        self.book.read(store.counted_by_hash(self._session, "mailbox_hash", sorted(mailboxes)))
        self.book.read(store.counted_by_hash(self._session, "network_hash", sorted(pairs)))
        self._held_for_network = store.held_for_network(self._session, sorted(networks))

    def delivered(self, copy: Copy) -> DeliveredState:
        """Return what is known of a copy's delivery.

        A moment that is still far ahead is a clock's error: it would hold every press until then.
        """
        state = self._delivered.get(copy, _UNKNOWN)
        ahead = (state.moment or 0) - self._now.timestamp()
        return _UNKNOWN if ahead > SWEEP_SECONDS else state

    def sign(self, visit: Visit, *, pressed: bool) -> ScanSign | None:
        """Return what shows that a program made a visit, and mark its copy as scanned."""
        sign = sign_of(
            visit.moment,
            self._looks.get(visit.copy, ()),
            [*self._presses(visit.copy), *([_press(visit)] if pressed else [])],
            self.delivered(visit.copy) if visit.asked is None else DeliveredState(visit.asked),
            machine=visit.machine,
            known=visit.known,
        )
        if sign:
            self._mark(visit.copy, sign, pressed=pressed)
        return sign

    def reason(self, visit: Visit, voter: Voter) -> HeldReason | None:
        """Return why a press by a reader isn't counted, ``None`` where it is."""
        if _is_suppressed(voter.facts, visit.copy):
            return HeldReason.SUPPRESSED
        if stuffing.is_disposable(voter.facts.address_key, self._terms.disposable):
            return HeldReason.DISPOSABLE
        if self.delivered(visit.copy).awaited and self._now - visit.at < NEWS_WAIT:
            return HeldReason.UNDELIVERED
        if self._has_other_spelling(voter):
            return HeldReason.MAILBOX
        return HeldReason.NETWORK if self._is_stuffed(voter) else None

    def hold_scanned(self) -> None:
        """Hold the votes that a program has cast by a copy, as its later visits show."""
        for copy in list(self._scans):
            for vote in self.book.of_copy(copy):
                recent = self._now - vote.at <= timedelta(seconds=REACH_SECONDS)
                visit = Visit(copy, vote.comparison_id, vote.at)
                if recent and vote.held in _OPEN and self.sign(visit, pressed=True):
                    self.hold_as_scanner(vote)

    def hold_as_scanner(self, vote: StandingVote) -> None:
        """Take back what a program did to a vote: it counts as it did before, or is held."""
        before = vote.at - timedelta(seconds=SWEEP_SECONDS)
        former = store.call_before(self._session, vote.key, before)
        if former:
            self.book.put(vote._replace(call=former[0], held=None, at=former[1]))
        elif vote.call:
            self.book.put(vote._replace(held=HeldReason.SCANNER))

    def write(self) -> None:
        """Write what has changed."""
        self.book.write(self._session, self._now)
        scan_record.mark_scanned(self._session, self._scans, self._now)

    def _presses(self, copy: Copy) -> list[Press]:
        return [Press(vote.moment, vote.comparison_id) for vote in self.book.of_copy(copy)]

    def _mark(self, copy: Copy, sign: ScanSign, *, pressed: bool) -> None:
        known = self._scans.get(copy, Scan(sign))
        self._scans[copy] = known._replace(pressed=known.pressed or pressed)

    def _has_other_spelling(self, voter: Voter) -> bool:
        return any(
            vote.counted and vote.subscriber_id != voter.subscriber_id
            for known in voter.mailboxes
            for vote in self.book.of_hash(voter.comparison_id, known)
        )

    def _is_stuffed(self, voter: Voter) -> bool:
        """Return whether a new address is one too many of its network, and hold the others too."""
        number, network = voter.comparison_id, voter.network
        if not network:
            return False
        votes = self.book.of_hash(number, network)
        others = [vote for vote in votes if vote.subscriber_id != voter.subscriber_id]
        if (number, network, voter.subscriber_id) in self._held_for_network or any(
            vote.held is HeldReason.NETWORK and vote.call for vote in others
        ):
            return True
        counted = [vote for vote in others if vote.counted]
        if not stuffing.are_too_many(
            [voter.subscriber_id, *(vote.subscriber_id for vote in counted)]
        ):
            return False
        for vote in counted:
            self.book.put(vote._replace(held=HeldReason.NETWORK))
        return True


#: Votes that what comes later may still hold.
_OPEN = (None, HeldReason.UNDELIVERED)


def _press(visit: Visit) -> Press:
    return Press(visit.moment, visit.comparison_id)


def _is_suppressed(facts: VoterFacts, copy: Copy) -> bool:
    """Return whether an address must not be mailed; the answer to a letter may lift that."""
    answered = copy.edition_id == BY_LETTER and facts.suppressed in REJOINABLE
    return facts.suppressed is not None and not answered
