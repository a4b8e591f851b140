"""State machine: any sequence of readers, senders, clocks and provider against a model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from digest.delivery.events.event_handler import handle_events
from digest.delivery.sending import control
from digest.delivery.sending.batch_worker import (
    EditionSend,
    UnsettledResponse,
    send_batch,
    settle_and_claim,
)
from digest.delivery.sending.dispatcher import mark_sent_if_done
from digest.delivery.sending.planning import Grouping, plan_deliveries
from digest.delivery.sending.queue import Claim
from digest.delivery.sending.recovery import recover
from digest.delivery.sending.settlement import RetryPolicy
from digest.errors import WrongState
from digest.issues.models import Edition, Issue, IssueState, Newsletter
from digest.mail.mailing import Mailing
from digest.mail.sendgrid.payload import encode
from digest.mail.sendgrid.responses import classify
from digest.mail.transport import Answer, PreparedRequest
from subscribers import lifecycle, store
from subscribers.address.syntax import parse
from subscribers.models import Standing
from subscribers.store import Evidence
from tests.simulation.__main__ import folder
from tests.simulation.invariants import SEATS, InvariantChecker
from tests.simulation.provider import FAULTS, Provider
from tests.simulation.run import SimulationDatabase
from tests.simulation.world import (
    BEGIN,
    CONTENT,
    HASHES,
    NEWSLETTER,
    RECIPIENTS,
    VARIANTS,
    open_watch,
)

SOAK = bool(os.environ.get("DIGEST_SOAK"))
PEOPLE = [f"p{n}@example.org" for n in range(6)]
JUMPS = [10, 400, 86_400 * 9, -3_600, -86_400]
EVIDENCE = Evidence(channel="page")


@dataclass
class Sender:
    """One run of the sending loop, taken a step at a time."""

    sending: EditionSend
    alive: bool = True
    claim: Claim | None = None
    handed: UnsettledResponse | None = None

    def step(self) -> None:
        """Do what the loop does next: claim, hand over, or settle."""
        if self.claim is not None:
            self.handed, self.claim = send_batch(self.sending, self.claim), None
        else:
            handed, self.handed = self.handed, None
            _, self.claim = settle_and_claim(self.sending, handed, more=True)


class Machine(RuleBasedStateMachine):
    """The engine beside a model that knows only the list and the mails that were sent."""

    stage: SimulationDatabase

    def __init__(self) -> None:
        super().__init__()
        self.stage.clear()
        self.db = self.stage.database
        self.watch = InvariantChecker(open_watch(self.stage.path))
        self.provider = Provider(random=Random(0), troubles={})  # noqa: S311 - no secret
        self.now: datetime = BEGIN
        self.members: set[str] = set()  # the model: who is subscribed
        self.frozen: set[str] = set()  # the model: who was, when the audience was frozen
        self.senders: list[Sender] = []

    def teardown(self) -> None:
        self.watch.db.close()

    def clock(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def prepare(self, mailing: Mailing) -> PreparedRequest:
        return PreparedRequest(payload=encode(mailing), recipients=len(mailing.recipients))

    def hand_over(self, request: PreparedRequest) -> Answer:
        self.watch.leaves(request)
        body = orjson.loads(request.payload)
        self.watch.arrives(body, body["personalizations"])
        exchange = self.provider.answer(request.payload, self.now)
        return classify(exchange, recipients=request.recipients, now=self.now.timestamp())

    @initialize()
    def an_issue_is_built(self) -> None:
        with self.db.write() as session:
            session.add(Newsletter(id=1, slug=NEWSLETTER, name="Weekly"))
            session.flush()
            session.add(
                Issue(
                    id=1, newsletter_id=1, number=1, period="2026-W48", state=IssueState.BUILT,
                    built_at=BEGIN,
                )
            )  # fmt: skip
            session.flush()
            session.add(
                Edition(
                    id=1, issue_id=1, subject="S", html="<p>H</p>", text="T", fingerprint="f",
                    frozen_at=BEGIN,
                )
            )  # fmt: skip

    @rule(address=st.sampled_from(PEOPLE))
    def subscribe(self, address: str) -> None:
        with self.db.write() as session:
            reader = store.add(session, parse(address), self.clock())
            store.join(session, reader, NEWSLETTER, Standing.CONFIRMED, self.clock(), source="form")
        self.members.add(address)
        self.watch.left.discard(address)

    @precondition(lambda self: self.members)
    @rule(data=st.data())
    def unsubscribe(self, data: st.DataObject) -> None:
        address = data.draw(st.sampled_from(sorted(self.members)))
        with self.db.write() as session:
            reader = store.find(session, parse(address).key)
            assert reader is not None
            lifecycle.leave(session, reader.id, NEWSLETTER, EVIDENCE, self.clock())
        self.members.discard(address)
        self.watch.left.add(address)

    @precondition(lambda self: self.members and not self.frozen)
    @rule(batch_size=st.integers(1, 3))
    def freeze(self, batch_size: int) -> None:
        with self.db.write() as session:
            audience = plan_deliveries(
                session,
                issue=session.get_one(Issue, 1),
                edition=session.get_one(Edition, 1),
                newsletter=NEWSLETTER,
                batch_size=batch_size,
                groups=Grouping(seats=SEATS),
                now=self.clock(),
            )
        self.frozen = set(self.members)
        self.watch.candidates[1] = audience.candidates
        assert audience.candidates - audience.excluded == len(self._mailable())

    @precondition(lambda self: self.frozen and len(self.senders) < 4)
    @rule()
    def start_a_sender(self) -> None:
        self._recover()
        self.senders.append(
            Sender(
                EditionSend(
                    store=self.db,
                    transport=self,
                    clock=self.clock,
                    owner=str(len(self.senders)),
                    edition_id=1,
                    newsletter=NEWSLETTER,
                    issue="weekly-1",
                    content=CONTENT,
                    variants=VARIANTS,
                    recipients=RECIPIENTS,
                    lease=120.0,
                    retry_policy=RetryPolicy(jitter=lambda: 0.0),
                )
            )
        )

    @precondition(lambda self: self._living())
    @rule(data=st.data(), trouble=st.sampled_from(["", "", "", *FAULTS]))
    def step(self, data: st.DataObject, trouble: str) -> None:
        self.provider.troubles = {trouble: 1e9} if trouble else {}
        data.draw(st.sampled_from(self._living())).step()

    @precondition(lambda self: self._living())
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self._living())).alive = False

    @precondition(lambda self: self.frozen)
    @rule()
    def restart(self) -> None:
        self._recover()

    @precondition(lambda self: self.frozen)
    @rule()
    def resume(self) -> None:
        with self.db.write() as session, suppress(WrongState):
            control.resume(session, session.get_one(Issue, 1), self.clock())

    @precondition(lambda self: self.provider.news)
    @rule(data=st.data(), again=st.booleans())
    def event(self, data: st.DataObject, again: bool) -> None:
        told = data.draw(st.sampled_from(self.provider.news))
        if not again:
            self.provider.news.remove(told)
        with self.db.write() as session:
            handle_events(session, [told], hashes=HASHES, now=self.clock())
        self.watch.hears([told])

    @rule(seconds=st.sampled_from(JUMPS))
    def clock_jump(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @invariant()
    def everything_holds(self) -> None:
        self.watch.look(self.provider)

    @invariant()
    def only_the_frozen_were_mailed(self) -> None:
        mailed = [mail.address for mail in self.provider.mails]
        assert len(mailed) == len(set(mailed))
        assert set(mailed) <= self.frozen

    def _living(self) -> list[Sender]:
        return [sender for sender in self.senders if sender.alive]

    def _mailable(self) -> set[str]:
        rows = self.watch.rows(
            "SELECT s.address FROM subscriber s JOIN subscription p ON p.subscriber_id = s.id"
            " WHERE p.standing = 'confirmed' AND s.suppressed IS NULL"
        )
        return {address for (address,) in rows}

    def _recover(self) -> None:
        def alive(owner: str) -> bool:
            return self.senders[int(owner)].alive

        with self.db.write() as session:
            recover(session, edition_id=1, now=self.clock(), alive=alive)
            mark_sent_if_done(session, 1, self.clock())


@pytest.fixture(scope="module")
def stage() -> Iterator[SimulationDatabase]:
    with folder() as name:
        stage = SimulationDatabase(Path(name))
        yield stage
        stage.close()


@pytest.mark.timeout(3600)
def test_no_sequence_of_acts_breaks_an_invariant(stage: SimulationDatabase) -> None:
    class OnThisStage(Machine):
        pass

    OnThisStage.stage = stage
    run_state_machine_as_test(
        OnThisStage,
        settings=settings(
            max_examples=3000 if SOAK else 60,
            stateful_step_count=40,
            deadline=None,
            derandomize=not SOAK,
            suppress_health_check=list(HealthCheck),
        ),
    )
