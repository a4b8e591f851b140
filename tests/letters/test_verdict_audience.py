"""Who is told by a letter that a verdict has changed: exactly those readers, and once each."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlmodel import Session

from digest.comparisons.models import Comparison
from digest.db import Database
from digest.delivery.models import BatchState, Delivery, DeliveryOutcome, DeliveryStatus
from digest.letters import queue_verdict_letters
from digest.votes import erase_voter
from digest.votes.models import VoterPreference
from subscribers.models import LetterKind, LetterState, LetterToSend, Standing
from tests.letters.conftest import HOUR, World


def test_exactly_those_are_told_who_voted_or_whose_issue_carried_it(world: World) -> None:
    carried, voted, both, taken_back, neither = (world.reader() for _ in range(5))
    off = world.reader(wants=False)
    world.send(carried, both, off)
    for each in (voted, both, off):
        world.vote(each)
    world.vote(taken_back, None)
    world.send(neither, carries=False)
    revision = world.revise(75.0)

    assert world.told() == [carried, voted, both]
    [first, *_] = world.letters()
    assert (first.kind, first.state) == (LetterKind.VERDICT_CHANGED, LetterState.WAITING)
    assert first.about == f"verdict/{revision}/{carried}"
    assert first.asks_for == f"1 1 {revision}"


@pytest.mark.parametrize(
    ("standing", "suppressed"),
    [
        (Standing.UNSUBSCRIBED, None),
        (Standing.PAUSED, None),
        (Standing.PENDING, None),
        (Standing.CONFIRMED, "complaint"),
    ],
)
def test_who_may_not_be_mailed_is_not_told(
    world: World, standing: Standing, suppressed: str | None
) -> None:
    gone = world.reader(standing=standing, suppressed=suppressed)
    world.send(gone)
    world.vote(gone)
    world.revise(75.0)

    assert world.told() == []


def test_who_was_erased_is_not_told(world: World, reader: int) -> None:
    world.vote(reader)
    world.revise(75.0)
    with world.database.write() as session:
        erase_voter(session, reader, keep=True, now=world.now)

    assert world.told() == []


@pytest.mark.parametrize("state", [BatchState.IN_DOUBT, BatchState.PENDING])
def test_a_copy_that_may_not_have_arrived_carried_nothing(world: World, state: BatchState) -> None:
    world.send(world.reader(), state=state)
    world.revise(75.0)

    assert world.told() == []


@pytest.mark.parametrize(
    "values", [{"outcome": DeliveryOutcome.REFUSED}, {"news": DeliveryStatus.BOUNCED}]
)
def test_a_copy_that_never_arrived_carried_nothing(
    world: World, reader: int, values: dict[str, str]
) -> None:
    with world.database.write() as session:
        session.connection().execute(update(Delivery).values(values))
    world.revise(75.0)

    assert world.told() == []


def test_nobody_is_told_before_a_verdict_has_stood_for_an_hour(world: World, reader: int) -> None:
    world.revise(75.0)
    queue_verdict_letters(world.database, world.now + HOUR - timedelta(seconds=1))
    assert world.letters() == []
    assert world.told() == [reader]


def test_a_slip_that_is_put_right_within_the_hour_is_told_to_nobody(
    world: World, reader: int
) -> None:
    world.revise(75.0)
    world.revise(100.0)

    assert world.told() == []


def test_other_words_are_told_to_nobody(world: World, reader: int) -> None:
    world.revise(100.0, tagline="Other words")

    assert world.told() == []


def test_of_several_changes_the_net_one_is_told_once(world: World, reader: int) -> None:
    world.revise(75.0)
    newest = world.revise(50.0)

    assert world.told() == world.told() == [reader]
    assert world.letters()[0].asks_for == f"1 1 {newest}"


def test_each_change_is_told_against_the_letter_before(world: World, reader: int) -> None:
    second = world.revise(75.0)
    world.told()
    world.settle(LetterState.SENT)
    third = world.revise(100.0)

    assert world.told() == [reader, reader]
    assert world.letters()[1].asks_for == f"1 {second} {third}"


def test_a_letter_that_never_left_told_nothing(world: World, reader: int) -> None:
    world.revise(75.0)
    world.told()
    world.settle(LetterState.WITHHELD)
    third = world.revise(50.0)

    world.told()
    assert world.letters()[1].asks_for == f"1 1 {third}"


def test_what_an_issue_has_told_needs_no_letter(world: World, reader: int) -> None:
    second = world.revise(75.0)
    world.send(reader, carries=False, tells=second)

    assert world.told() == []


def test_who_voted_on_the_new_verdict_knows_it(world: World) -> None:
    voter = world.reader()
    world.revise(75.0)
    world.vote(voter)

    assert world.told() == []


def test_what_changed_before_a_reader_asked_for_letters_is_not_told(world: World) -> None:
    late = world.reader(wants=False)
    world.send(late)
    world.revise(75.0)
    with world.database.write() as session:
        session.add(VoterPreference(subscriber_id=late, changes_since=world.now + HOUR / 2))

    assert world.told() == []


def test_a_withdrawn_comparison_is_told_to_nobody(world: World, reader: int) -> None:
    world.revise(75.0)
    with world.database.write() as session:
        session.connection().execute(update(Comparison).values(withdrawn_at=world.now))

    assert world.told() == []


def test_the_letter_comes_from_the_newsletter_that_carried_it(world: World) -> None:
    other = world.newsletter("other")
    reader = world.reader("weekly", "other")
    world.send(reader, newsletter=other)
    voter = world.reader("other")
    world.vote(voter)
    world.revise(75.0)

    world.told()
    assert [letter.newsletter for letter in world.letters()] == ["other", "other"]


def test_of_several_that_carried_it_one_in_the_letter_s_language_sends_it(world: World) -> None:
    for slug, language in (("wochen", "de"), ("other", "en")):
        number = world.newsletter(slug, language=language)
        reader = world.reader("weekly", slug)
        world.send(reader)
        world.send(reader, newsletter=number)
    world.revise(75.0)

    world.told()
    assert [letter.newsletter for letter in world.letters()] == ["weekly", "weekly"]


def test_a_pass_goes_on_where_it_stopped(world: World) -> None:
    readers = [world.reader() for _ in range(7)]
    world.send(*readers[:5])
    world.revise(75.0)
    later = world.now + HOUR
    queued = []
    for _ in range(4):
        queued.append(queue_verdict_letters(world.database, later, at_most=2, readers=3))
        world.settle(LetterState.SENT)

    assert queued == [2, 2, 1, 0]
    assert [letter.subscriber_id for letter in world.letters()] == readers[:5]


def test_no_more_are_queued_while_many_wait(world: World) -> None:
    readers = [world.reader() for _ in range(3)]
    world.send(*readers)
    world.revise(75.0)
    later = world.now + HOUR

    assert queue_verdict_letters(world.database, later, at_most=2) == 2
    assert queue_verdict_letters(world.database, later, at_most=2) == 0


def test_a_newer_verdict_begins_with_the_first_reader_again(world: World) -> None:
    readers = [world.reader() for _ in range(3)]
    world.send(*readers)
    second = world.revise(75.0)
    queue_verdict_letters(world.database, world.now + HOUR, at_most=2)
    world.settle(LetterState.SENT)
    third = world.revise(50.0)

    world.told()
    changes = [letter.asks_for for letter in world.letters()]
    assert changes[2:] == [f"1 {second} {third}", f"1 {second} {third}", f"1 1 {third}"]


TOOLS = tuple(f"Lathe{number}" for number in range(1, 13))


def changes_of(letter: LetterToSend) -> list[tuple[int, int, int]]:
    """Return the comparison, the revision told last, and the one of now, as a letter has them."""
    texts = (each.split(" ") for each in letter.asks_for.split(";"))
    return [(int(comparison), int(was), int(now)) for comparison, was, now in texts]


def test_of_twelve_changes_by_one_import_each_reader_gets_one_letter(world: World) -> None:
    first = world.bulk(100.0, *TOOLS)
    all_twelve, one, none = (world.reader() for _ in range(3))
    world.send(all_twelve, tools=TOOLS)
    world.vote(one, on=TOOLS[2])
    world.send(none)
    second = world.bulk(75.0, *TOOLS)

    assert world.told() == world.told() == [all_twelve, one]
    [to_all, to_one] = world.letters()
    assert to_all.about == f"verdict/{second[-1]}/{all_twelve}"
    told = {(was, now) for _, was, now in changes_of(to_all)}
    assert told == set(zip(first, second, strict=True))
    assert [(was, now) for _, was, now in changes_of(to_one)] == [(first[2], second[2])]


def test_changes_that_one_letter_has_no_room_for_stand_in_a_second_one(world: World) -> None:
    many = [f"Lathe{number}" for number in range(1, 61)]
    world.bulk(100.0, *many)
    reader = world.reader()
    world.send(reader, tools=many)
    second = world.bulk(75.0, *many)
    later = world.now + HOUR

    assert queue_verdict_letters(world.database, later, at_most=1) == 0
    assert queue_verdict_letters(world.database, later) == 2
    letters = world.letters()
    about = f"verdict/{second[-1]}/{reader}"
    assert [letter.about for letter in letters] == [about, f"{about}/2"]
    assert max(len(letter.asks_for) for letter in letters) <= 400
    told = [now for letter in letters for _, _, now in changes_of(letter)]
    assert sorted(told) == second


def test_who_asked_for_letters_between_two_changes_is_told_of_the_later_one(world: World) -> None:
    world.bulk(100.0, *TOOLS[:2])
    late, early = world.reader(wants=False), world.reader()
    world.send(late, early, tools=TOOLS[:2])
    world.revise(75.0, tool=TOOLS[0])
    with world.database.write() as session:
        session.add(VoterPreference(subscriber_id=late, changes_since=world.now))
    second = world.revise(75.0, tool=TOOLS[1])

    assert world.told() == [late, early]
    to_late, to_early = world.letters()
    assert [now for *_, now in changes_of(to_late)] == [second]
    assert len(changes_of(to_early)) == 2


def test_what_a_list_told_is_not_told_again(world: World) -> None:
    world.bulk(100.0, *TOOLS[:2])
    reader = world.reader()
    world.send(reader, tools=TOOLS[:2])
    second = world.bulk(75.0, *TOOLS[:2])
    world.told()
    world.settle(LetterState.SENT)
    third = world.revise(50.0, tool=TOOLS[0])

    assert world.told() == [reader, reader]
    assert [(was, now) for _, was, now in changes_of(world.letters()[1])] == [(second[0], third)]


def test_a_change_within_a_pass_waits_for_the_next_one(world: World) -> None:
    world.bulk(100.0, *TOOLS[:2])
    readers = [world.reader() for _ in range(2)]
    world.send(*readers, tools=TOOLS[:2])
    second = world.bulk(75.0, *TOOLS[:2])
    queue_verdict_letters(world.database, world.now + HOUR, at_most=1)
    world.settle(LetterState.SENT)
    third = world.revise(50.0, tool=TOOLS[0])

    assert world.told() == [readers[0], readers[1], readers[0], readers[1]]
    told = [[now for *_, now in changes_of(letter)] for letter in world.letters()]
    assert told == [second[::-1], [second[1]], [third], [third]]


def test_the_letter_comes_from_the_newsletter_that_carried_most_of_it(world: World) -> None:
    world.bulk(100.0, *TOOLS[:3])
    other = world.newsletter("other", language="de")
    reader = world.reader("weekly", "other")
    world.send(reader, tools=TOOLS[:1])
    world.send(reader, tools=TOOLS[1:3], newsletter=other)
    world.bulk(75.0, *TOOLS[:3])

    world.told()
    assert [letter.newsletter for letter in world.letters()] == ["other"]


class Killed(Exception):
    """The process died."""


@dataclass
class DyingStore:
    """A store whose process dies before its *last* commit."""

    database: Database
    last: int

    def read(self) -> AbstractContextManager[Session]:
        return self.database.read()

    @contextmanager
    def write(self) -> Iterator[Session]:
        with self.database.write() as session:
            yield session
            self.last -= 1
            if not self.last:
                raise Killed


def test_killed_at_each_commit_a_pass_loses_nobody_and_tells_nobody_twice(world: World) -> None:
    readers = [world.reader() for _ in range(5)]
    world.send(*readers)
    world.revise(75.0)
    later = world.now + HOUR
    for last in (1, 2, 1):
        with pytest.raises(Killed):
            queue_verdict_letters(DyingStore(world.database, last), later, readers=2)

    queue_verdict_letters(world.database, later, readers=2)
    assert [letter.subscriber_id for letter in world.letters()] == readers


@pytest.mark.parametrize("last", [1, 2, 3])
def test_killed_at_a_commit_a_pass_tells_all_changes_by_one_letter(world: World, last: int) -> None:
    world.bulk(100.0, *TOOLS)
    readers = [world.reader() for _ in range(5)]
    world.send(*readers, tools=TOOLS)
    world.bulk(75.0, *TOOLS)
    later = world.now + HOUR
    with pytest.raises(Killed):
        queue_verdict_letters(DyingStore(world.database, last), later, readers=2)

    queue_verdict_letters(world.database, later, readers=2)
    assert [letter.subscriber_id for letter in world.letters()] == readers
    assert {len(changes_of(letter)) for letter in world.letters()} == {12}


def test_of_two_services_at_once_each_reader_gets_one_letter(world: World) -> None:
    world.bulk(100.0, *TOOLS)
    readers = [world.reader() for _ in range(6)]
    world.send(*readers, tools=TOOLS)
    world.bulk(75.0, *TOOLS)
    later = world.now + HOUR

    def run(_: int) -> int:
        return queue_verdict_letters(world.database, later, readers=2)

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(run, range(2))) == 6
    assert [letter.subscriber_id for letter in world.letters()] == readers
