"""Invariants of the simulation: the store's rows against the provider's record."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from digest.letters.internal_mail import CANARY_BATCH
from digest.mail.provider_events import ProviderEvent
from digest.mail.sendgrid.payload import ATTEMPT, BATCH, DELIVERY
from digest.mail.transport import PreparedRequest, SingleAnswer
from subscribers.models import SendOutcome
from tests.simulation.pacing import PaceChecker
from tests.simulation.provider import Provider

#: States in which nobody may be mailed again, for all that is known.
RESERVED = {"accepted", "in-doubt", "started"}
_MAILABLE = """
SELECT s.id, s.address FROM subscriber s JOIN subscription p ON p.subscriber_id = s.id
WHERE s.suppressed IS NULL AND p.standing = 'confirmed'
"""
#: Editions whose first wave still holds back the batches after its last.
_HELD_BACK = "SELECT edition_id, last_batch FROM wave WHERE passed_at IS NULL"


#: Whose variant of the edition each reader gets; one of three gets one.
SEATS = {number: 1 + number % 2 for number in range(3, 1_000, 3)}


def words_of(seat: int) -> str:
    """Return the HTML of a variant, or of the edition as it is for 0."""
    return f"<p>{seat}</p>" if seat else "<p>H</p>"


class Copy(NamedTuple):
    """What one request holds for one reader."""

    attempt: str
    delivery: int


class Violation(AssertionError):
    """An invariant doesn't hold."""


@dataclass
class InvariantChecker:
    """Reads the store without the engine, and keeps what it has read before."""

    db: sqlite3.Connection
    one_by_one: bool = False  #: whether the provider answers for each mail by itself
    pacing: PaceChecker | None = None
    seen: set[str] = field(default_factory=set)  #: attempts
    allowed: dict[str, set[str]] = field(default_factory=dict)  #: attempt to who might be mailed
    left: set[str] = field(default_factory=set)  #: addresses whose reader left, and isn't back
    candidates: dict[int, int] = field(default_factory=dict)  #: edition to its frozen number
    #: Copies that a person took for unsent, and that had been, or then were, accepted after all.
    unsent_wrongly: set[Copy] = field(default_factory=set)
    #: Deliveries a person took for accepted that never were.
    accepted_wrongly: set[int] = field(default_factory=set)
    heard: set[Copy] = field(default_factory=set)  #: copies of which an event was taken in
    doubted: set[Copy] = field(default_factory=set)  #: copies in doubt
    decided: set[Copy] = field(default_factory=set)  #: copies a person decided about
    #: Copies whose answer reached the engine, of requests that are answered one by one.
    answers: dict[Copy, SendOutcome] = field(default_factory=dict)
    canaries: set[str] = field(default_factory=set)  #: attempts that were watched copies
    going: set[str] = field(default_factory=set)  #: attempts known to have been started
    looked_at: tuple[int, ...] = ()
    checks: int = 0

    def rows(self, sql: str, *values: Any) -> list[Any]:
        return self.db.execute(sql, values).fetchall()

    def look(self, provider: Provider) -> None:
        """Check every invariant that holds at any moment; raises `Violation`."""
        [version] = self.rows("PRAGMA data_version")
        now = (version[0], len(provider.mails), len(self.heard), len(self.decided))
        if now == self.looked_at:  # nothing was committed, and nothing has arrived
            return
        self.looked_at = now
        self.checks += 1
        batches = self.rows(
            "SELECT id, key, edition_id, first_delivery, last_delivery, size, state, attempt"
            " FROM batch ORDER BY first_delivery"
        )
        everybody = dict(self.rows("SELECT id, outcome FROM delivery"))
        outcomes = {number: outcome for number, outcome in everybody.items() if outcome}
        self._claims()
        self._starts()
        self._nobody_twice(provider)
        self._counts(batches, outcomes, everybody.keys())
        self._truth(batches, outcomes, everybody.keys(), provider)
        self._doubts(batches, outcomes, everybody.keys())
        self._sent()

    def _claims(self) -> None:
        """I6: note who might be mailed at the very commit that claimed each batch."""
        waves = dict(self.rows(_HELD_BACK))
        probes = dict(
            self.rows("SELECT edition_id, probe FROM circuit_breaker WHERE probe_at IS NOT NULL")
        )
        for key, edition, state, number in self.rows(
            "SELECT a.key, e.id, i.state, b.number FROM attempt a"
            " JOIN batch b ON b.id = a.batch_id"
            " JOIN edition e ON e.id = b.edition_id JOIN issue i ON i.id = e.issue_id"
        ):
            if key not in self.seen:
                if number > waves.get(edition, number):
                    raise Violation("a batch was claimed that waits for the first wave")
                if probes.get(edition, key) != key:
                    raise Violation("I12: a batch was claimed past an open circuit breaker")
                if state != "prepared":
                    raise Violation(f"a batch of an issue that is {state} was claimed")
                self.seen.add(key)
                free = {address for _, address in self.rows(_MAILABLE)}
                self.allowed[key] = free - self.left
                if self.pacing is not None:
                    self.pacing.claimed(key)

    def first_wave_is(self, edition: int, readers: int) -> None:
        """Check, as the audience is frozen, that the first wave has so many who may be mailed."""
        [(last,)] = self.rows("SELECT last_batch FROM wave WHERE edition_id = ?", edition)
        [(size,)] = self.rows(
            "SELECT sum(size) FROM batch WHERE edition_id = ? AND number <= ?", edition, last
        )
        if size != readers:
            raise Violation(f"a first wave of {readers} readers has {size}")

    def _starts(self) -> None:
        """Nothing is started for an issue that is paused or cancelled."""
        for key, state in self.rows(
            "SELECT a.key, i.state FROM attempt a JOIN batch b ON b.id = a.batch_id"
            " JOIN edition e ON e.id = b.edition_id JOIN issue i ON i.id = e.issue_id"
            " WHERE a.started_at IS NOT NULL"
        ):
            if key not in self.going and state != "prepared":
                raise Violation(f"a batch of an issue that is {state} was started")
            self.going.add(key)

    def leaves(self, request: PreparedRequest) -> None:
        """I4: what leaves was started, durably, and is still its sender's."""
        args = orjson.loads(request.payload)["custom_args"]
        if args[BATCH] == CANARY_BATCH:
            return self._canary(args)
        found = self.rows(
            "SELECT a.started_at, b.state, b.attempt FROM attempt a JOIN batch b"
            " ON b.id = a.batch_id WHERE a.key = ? AND b.key = ?",
            args[ATTEMPT],
            args[BATCH],
        )
        if not found or found[0][0] is None:
            raise Violation("I4: a request left whose start isn't on disk")
        if found[0][2] != args[ATTEMPT] or found[0][1] != "started":
            raise Violation(f"A13: a request left for a batch that was taken back: {found[0][1]}")
        return None

    def _canary(self, args: Any) -> None:
        """A watched copy is on record before it leaves, and leaves once."""
        attempt = args[ATTEMPT]
        if attempt in self.canaries:
            raise Violation("a watched copy left twice")
        if not self.rows("SELECT 1 FROM letter_to_send WHERE attempt = ?", attempt):
            raise Violation("I4: a watched copy left that isn't on disk")
        self.canaries.add(attempt)

    def arrives(self, body: Any, mails: list[Any]) -> None:
        """I6, I7, I9: these mails of a request are for who was free, one each, as frozen."""
        attempt = body["custom_args"][ATTEMPT]
        if attempt in self.canaries:
            return
        if any(len(mail["to"]) != 1 for mail in mails):
            raise Violation("I9: a message for more than one")
        strangers = {mail["to"][0]["email"] for mail in mails} - self.allowed[attempt]
        if strangers:
            raise Violation(f"I6: {len(strangers)} were mailed who had left before the claim")
        said = (body["subject"], body["content"][1]["value"])
        for mail in mails:
            number = int(mail["custom_args"][DELIVERY])
            [(reader,)] = self.rows("SELECT subscriber_id FROM delivery WHERE id = ?", number)
            if said != ("S", words_of(SEATS.get(reader, 0))):
                raise Violation("I7: not what was frozen for this reader")
            # A decision made while the request was still on its way was made too early.
            if (copy := Copy(attempt, number)) in self.decided:
                self.unsent_wrongly.add(copy)

    def answered(self, body: Any, answers: Sequence[SingleAnswer]) -> None:
        """Note the answers that are about to reach the engine."""
        attempt = body["custom_args"][ATTEMPT]
        for mail, answer in zip(body["personalizations"], answers, strict=True):
            copy = Copy(attempt, int(mail["custom_args"][DELIVERY]))
            self.answers[copy] = answer.outcome

    def hears(self, events: Iterable[ProviderEvent]) -> None:
        """Note what events prove: a whole request, or one copy of one answered one by one."""
        for event in events:
            if event.attempt is None or event.delivery is None:
                continue
            copy = Copy(event.attempt, int(event.delivery))
            self.heard |= {copy} if self.one_by_one else set(self.copies_of(event.attempt))

    def copies_of(self, attempt: str) -> list[Copy]:
        """Return the copies that an attempt may have had, by the range of its batch."""
        return [
            Copy(attempt, number)
            for first, last in self.rows(
                "SELECT b.first_delivery, b.last_delivery FROM attempt a JOIN batch b"
                " ON b.id = a.batch_id WHERE a.key = ?",
                attempt,
            )
            for number in range(first, last + 1)
        ]

    def _nobody_twice(self, provider: Provider) -> None:
        """I1: nobody got a copy too many, but for resends that a person ordered."""
        copies = Counter(self.rightly_mailed(provider))
        twice = sorted(number for number, times in copies.items() if times > 1)
        if twice:
            raise Violation(f"I1: deliveries {twice} were mailed twice")

    def rightly_mailed(self, provider: Provider) -> Iterator[int]:
        """Yield the delivery of each mail, but of copies that a person took for unsent."""
        for mail in provider.mails:
            if Copy(mail.attempt, mail.delivery) not in self.unsent_wrongly:
                yield mail.delivery

    def _counts(self, batches: list[Any], outcomes: dict[int, str], here: Collection[int]) -> None:
        placed: Counter[int] = Counter()
        for _, _, edition, first, last, size, state, _ in batches:
            if state == "split":
                continue
            # Who is offered it once more has another number since.
            mine = [number for number in range(first, last + 1) if number in here]
            apart = sum(1 for number in mine if number in outcomes)
            placed[edition] += size + apart
            if size + apart != len(mine):
                raise Violation(f"I2: a batch {state} counts {size} and {apart} of {len(mine)}")
        for edition, number in self.candidates.items():
            if placed[edition] != number:
                raise Violation(f"I2: {placed[edition]} of {number} candidates are accounted for")

    def _truth(
        self,
        batches: list[Any],
        outcomes: dict[int, str],
        here: Collection[int],
        provider: Provider,
    ) -> None:
        """I3: what the provider took is reserved; I2: what counts as accepted was taken."""
        everybody = {mail.delivery for mail in provider.mails}
        mailed = set(self.rightly_mailed(provider))
        for _, key, _, first, last, _, state, _ in batches:
            if state == "split":
                continue
            mine = set(range(first, last + 1)).intersection(here) - outcomes.keys()
            if state not in RESERVED and mine & mailed:
                raise Violation(f"I3: batch {key[:4]} is {state}, and the provider has its mail")
            if state == "accepted" and mine - everybody - self.accepted_wrongly:
                raise Violation(f"I2: batch {key[:4]} counts as accepted, and was never taken")
        apart = outcomes.keys() & mailed
        if apart:
            raise Violation(f"I3: deliveries {sorted(apart)} count as unsent, and were mailed")

    def _doubts(self, batches: list[Any], outcomes: dict[int, str], here: Collection[int]) -> None:
        """I3: a doubt ends by evidence, a decision, or the attempt's own late answer."""
        now = {
            Copy(attempt, number)
            for _, _, _, first, last, _, state, attempt in batches
            if state == "in-doubt"
            for number in set(range(first, last + 1)).intersection(here) - outcomes.keys()
        }
        proved = now & self.heard
        if proved:
            raise Violation(f"I3: {sorted(proved)} are in doubt, and an event proved them accepted")
        for copy in self.doubted - now:
            if copy not in self.decided and not self._is_known(copy):
                raise Violation(f"I3: the doubt about {copy} ended without evidence")
        self.doubted = now

    def _is_known(self, copy: Copy) -> bool:
        """Return whether it's known what became of a copy, or of another one for its reader."""
        answered = self.rows("SELECT outcome FROM attempt WHERE key = ?", copy.attempt)[0][0]
        if answered == SendOutcome.MIXED:
            answered = self.answers[copy]
        if answered not in {None, SendOutcome.IN_DOUBT}:
            return True
        # A late 202 of another attempt proves as much as an event does.
        others = [each for each in self.answers if each.delivery == copy.delivery]
        if any(self.answers[each] == SendOutcome.ACCEPTED for each in others):
            return True
        if any(each.delivery == copy.delivery for each in self.heard):
            return True
        accepted = self.rows("SELECT key FROM attempt WHERE outcome = 'accepted'")
        return any(Copy(key, copy.delivery) in self.copies_of(key) for (key,) in accepted)

    def _sent(self) -> None:
        """I2: sent means that nothing is pending and nothing in doubt."""
        left = self.rows(
            "SELECT b.state FROM batch b JOIN edition e ON e.id = b.edition_id"
            " JOIN issue i ON i.id = e.issue_id WHERE i.state = 'sent' AND b.state IN"
            " ('pending', 'claimed', 'started', 'in-doubt', 'parked')"
        )
        if left:
            raise Violation(f"I2: the issue counts as sent with a batch {left[0][0]}")
