"""Actions beside a send: readers leave, editors decide, clocks jump, events arrive."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from digest.delivery import pace
from digest.delivery.events.event_handler import handle_events
from digest.delivery.sending import control, rollout
from digest.delivery.sending.planning import Grouping, plan_deliveries
from digest.errors import DigestError, WrongState
from digest.issues.models import Edition, Issue
from subscribers import lifecycle, store
from subscribers.models import Subscriber, SuppressionReason
from subscribers.store import Evidence
from subscribers.suppression import suppress
from subscribers.tokens import DatedTarget
from tests.simulation.invariants import SEATS, Copy
from tests.simulation.world import HASHES, NEWSLETTER, World

Acts = dict[Callable[[World], None], float]  #: things that happen, each with its weight
EVIDENCE = Evidence(channel="page")
JUMPS = (5, 200, 3_700, 8 * 86_400, -86_400, -200)


def act(world: World) -> None:
    """Do one action, chosen by the seed."""
    acts = _ACTS | (_OF_JOBS if world.by_jobs else {}) | (_OF_WARM_UP if world.pace.warm_up else {})
    world.random.choices(list(acts), list(acts.values()))[0](world)


def _edition(world: World) -> tuple[int, int, str]:
    """An issue of this world: its id, its edition's, its state."""
    rows = world.rows(
        "SELECT i.id, e.id, i.state FROM issue i JOIN edition e ON e.issue_id = i.id ORDER BY i.id"
    )
    issue, edition, state = world.random.choice(rows)
    return issue, edition, state


def send(world: World) -> None:
    """Send, after freezing the audience if that isn't done."""
    issue, edition, state = _edition(world)
    if state == "built":
        freeze(world, issue, edition)
    elif state in {"prepared", "sent"} and world.by_jobs and world.chance(0.9):
        world.work(world.random.randint(1, 6))
    elif state in {"prepared", "sent"}:
        world.send(edition)
    elif state == "cancelled":
        world.look_after(edition)


def minute(world: World) -> None:
    """A minute is over, for workers."""
    world.now += timedelta(seconds=world.random.choice([60, 60, 900]))
    world.minute()


def _enqueue(world: World, session: Session) -> None:
    """Enqueue what has become pending, in the same transaction."""
    if world.by_jobs:
        world.jobs.enqueue_batches(session, world.clock())


def freeze(world: World, issue: int, edition: int) -> None:
    """Freeze an issue's audience; one with nobody in it isn't sent."""
    try:
        with world.write() as session:
            frozen = plan_deliveries(
                session,
                issue=session.get_one(Issue, issue),
                edition=session.get_one(Edition, edition),
                newsletter=NEWSLETTER,
                batch_size=world.random.randint(1, 4),
                first_wave=world.wave,
                groups=Grouping(seats=SEATS, pace=world.pace),
                now=world.clock(),
            )
            if world.wave:
                rollout.start_rollout(session, edition, readers=world.wave, wait_seconds=600)
            _enqueue(world, session)
        world.watch.candidates[edition] = frozen.candidates
        if world.wave:
            may_be_mailed = frozen.candidates - frozen.excluded
            world.watch.first_wave_is(edition, min(world.wave, may_be_mailed))
    except WrongState:
        world.note(f"edition {edition} has nobody to go to")
        return
    world.note(f"edition {edition} is prepared for {frozen.candidates}")


def _reader(world: World) -> tuple[int, str] | None:
    rows = world.rows("SELECT id, address FROM subscriber ORDER BY id")
    return world.random.choice(rows) if rows else None


def leave(world: World) -> None:
    """A reader unsubscribes, or undoes it."""
    reader = _reader(world)
    if reader is None:
        return
    number, address = reader
    back = address in world.watch.left
    with world.write() as session:
        now = world.clock()
        if back:
            done = _come_back(session, number, now)
        else:
            done = lifecycle.leave(session, number, NEWSLETTER, EVIDENCE, now)
        if done and back:
            world.watch.left.discard(address)
        elif not back:
            world.watch.left.add(address)
    world.note(f"reader {number} {'comes back' if back else 'leaves'}")


def _come_back(session: Session, number: int, now: datetime) -> bool:
    place = store.standing_with(session, number, NEWSLETTER)
    left = DatedTarget(number, NEWSLETTER, place.since if place else now)
    return lifecycle.come_back(session, left, EVIDENCE, HASHES, now)


def forget(world: World) -> None:
    """A reader is erased."""
    reader = _reader(world)
    if reader is None:
        return
    with world.write() as session:
        lifecycle.erase(session, reader[0], EVIDENCE, HASHES, world.clock())
        world.watch.left.add(reader[1])
    world.note(f"reader {reader[0]} is erased")


def suppress_one(world: World) -> None:
    """An operator suppresses an address."""
    reader = _reader(world)
    if reader is None:
        return
    with world.write() as session:
        manual = SuppressionReason.MANUAL
        suppress(session, reader[1], manual, HASHES, world.clock())
    world.note(f"reader {reader[0]} is suppressed")


def readdress(world: World) -> None:
    """A reader's address changes."""
    reader = _reader(world)
    if reader is None:
        return
    new = f"{reader[0]}-at-{len(world.trace)}@example.org"
    with world.write() as session:
        row = session.get_one(Subscriber, reader[0])
        row.address = row.address_key = new
        if reader[1] in world.watch.left:
            world.watch.left.add(new)
    world.note(f"reader {reader[0]} moves")


def _control(world: World, what: str) -> None:
    issue, *_ = _edition(world)
    try:
        with world.write() as session:
            row = session.get_one(Issue, issue)
            if what == "resume":
                control.resume(session, row, world.clock())
                _enqueue(world, session)
            elif what == "pause":
                control.pause(session, row, "by hand", world.clock())
            else:
                control.cancel(session, row, "by hand")
    except DigestError:
        return
    world.note(f"a person lets issue {issue} {what}")


def pause(world: World) -> None:
    """A person pauses an issue."""
    _control(world, "pause")


def resume(world: World) -> None:
    """A person resumes an issue."""
    _control(world, "resume")


def cancel(world: World) -> None:
    """A person cancels an issue; rarely, since it ends the story."""
    if world.chance(0.1):
        _control(world, "cancel")


def resolve(world: World) -> None:
    """A person decides on a doubt: mostly by the provider's log, sometimes blindly."""
    rows = world.rows("SELECT key FROM batch WHERE state = 'in-doubt' ORDER BY id")
    if rows:
        [key] = world.random.choice(rows)
        decide(world, key, rightly=world.chance(0.8))


def decide(world: World, key: str, *, rightly: bool = True) -> None:
    """Record a decision, and note the readers whom a wrong one affects.

    Where the provider took a part of the batch alone, every decision is wrong about somebody.
    """
    [(attempt, first, last)] = world.rows(
        "SELECT attempt, first_delivery, last_delivery FROM batch WHERE key = ?", key
    )
    places = set(range(first, last + 1))
    taken = world.provider.took(attempt) & places
    accepted = bool(taken) is rightly
    verdict = control.DoubtResolution.ACCEPTED if accepted else control.DoubtResolution.UNSENT
    world.watch.decided |= {Copy(attempt, number) for number in places}
    if accepted:
        world.watch.accepted_wrongly |= places - taken
    else:
        world.watch.unsent_wrongly |= {Copy(attempt, number) for number in taken}
    with world.write() as session:
        control.resolve(session, key, verdict, by="Ada", why="the log", now=world.clock())
        _enqueue(world, session)
    world.note(f"Ada decides that {'it was' if accepted else 'it was not'} accepted")


def offer_again(world: World) -> None:
    """A person sends an issue again to the readers whom the provider refused."""
    issue, *_ = _edition(world)
    try:
        with world.write() as session:
            row = session.get_one(Issue, issue)
            number = control.requeue_refused(session, row, world.random.randint(1, 4))
            _enqueue(world, session)
    except DigestError:
        return
    world.note(f"issue {issue} is offered once more to {number}")


def jump(world: World) -> None:
    """The clock jumps, back or ahead."""
    seconds = world.random.choice(JUMPS)
    if world.pace.is_limited:  # all machines go by the server's clock, and it isn't set back
        seconds = abs(seconds)
    world.now += timedelta(seconds=seconds)
    world.note(f"the clock jumps by {seconds} s")


def warm_up(world: World) -> None:
    """A person begins a warm-up, or lets one that stopped go on, or ends it."""
    with world.write() as session:
        plan, now = pace.active_warm_up(session), world.clock()
        if plan is None:
            first, factor = world.random.randint(1, 4), world.random.randint(1, 3)
            pace.start_warm_up(session, now=now, days=4, first=first, last=first * factor)
        elif plan.stopped_at is not None and world.chance(0.5):
            pace.go_on(session, plan, now)
        elif plan.stopped_at is not None or world.chance(0.1):
            pace.end_warm_up(session, by="Ada", why="the log", now=now)
        pace.ask_again(session, world.pace.per_hour, now)
    world.note("Ada looks after the warm-up")


def judge(world: World) -> None:
    """The service judges the warm-up by its news."""
    with world.write() as session:
        why = pace.judge_warm_up(session, world.clock(), pace.WarmUpLimits())
    world.note(f"the warm-up {f'stops: {why}' if why else 'is fine'}")


def news(world: World) -> None:
    """The provider posts some of its events: out of order, again, or never."""
    random, provider = world.random, world.provider
    if not provider.news and not provider.told:
        return
    post = [
        provider.news.pop(random.randrange(len(provider.news)))
        for _ in range(min(4, len(provider.news)))
    ]
    if world.chance(0.1):
        return  # lost for good
    post += random.sample(provider.told, min(len(provider.told), random.randint(0, 3)))
    if provider.one_by_one and world.chance(0.2):
        post += provider.forge()
    random.shuffle(post)
    tell(world, post)


def tell(world: World, post: list[Any]) -> None:
    """Apply events as the webhook does."""
    with world.write() as session:
        handle_events(session, post, hashes=HASHES, now=world.clock())
        world.watch.hears(post)
    world.provider.told += post
    world.note(f"{len(post)} events come in")


_ACTS: Acts = {
    send: 30,
    news: 14,
    leave: 10,
    jump: 6,
    resolve: 8,
    resume: 8,
    readdress: 3,
    pause: 3,
    forget: 2,
    suppress_one: 2,
    cancel: 1,
    offer_again: 2,
}
_OF_JOBS: Acts = {minute: 10}
_OF_WARM_UP: Acts = {warm_up: 4, judge: 8}
