"""Kept answers: made once, never older than their question, within a bound of memory."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import pytest
from pydantic import RootModel
from sqlmodel import Session

from digest.api.public_answers import Found, PublicAnswer, PublicAnswers
from digest.app.installation import App
from digest.comparisons import editorial, store
from digest.db import Database
from digest.directory import Filters, Terms, part_of_list
from digest.errors import NotFound
from digest.settings import load
from tests.conftest import NOW
from tests.directory.conftest import make_draft


def app_on(database: Database) -> App:
    return App(settings=load({}), database=database, clock=lambda: NOW)


def publish(database: Database, name: str) -> str:
    with database.write() as session:
        return store.store_draft(session, make_draft(name, "Mortar"), now=NOW).slug


class TitleList(RootModel[str]):
    pass


@dataclass
class Titles:
    """Answers with the titles of what is public, and counts how often it was asked to."""

    made: int = 0

    def __call__(self, session: Session, terms: Terms) -> Found:
        self.made += 1
        part = part_of_list(session, terms, Filters(), at_most=9)
        return Found(TitleList(" ".join(each.title for each in part.summaries)))


@contextmanager
def other_process(database: Database) -> Iterator[Database]:
    other = Database(database.url.render_as_string(hide_password=False))
    yield other
    other.close()


def test_an_answer_is_made_once_while_nothing_changes(database: Database) -> None:
    publish(database, "Lathe")
    answers, titles = PublicAnswers(app_on(database)), Titles()

    async def ask() -> list[PublicAnswer]:
        together = await asyncio.gather(*(answers.get("all", titles) for _ in range(20)))
        return [*together, await answers.get("all", titles)]

    told = asyncio.run(ask())
    assert {answer.body for answer in told} == {b'"Lathe vs Mortar"'}
    assert titles.made == 1


def test_what_another_process_changes_is_told_with_the_next_answer(database: Database) -> None:
    slug = publish(database, "Lathe")
    answers, titles = PublicAnswers(app_on(database)), Titles()

    async def ask() -> list[bytes]:
        told = [await answers.get("all", titles)]
        with other_process(database) as other:
            publish(other, "Adze")
            told.append(await answers.get("all", titles))
            with other.write() as session:
                editorial.withdraw(session, slug, "wrong", NOW)
            told.append(await answers.get("all", titles))
        return [answer.body for answer in told]

    before, added, withdrawn = asyncio.run(ask())
    assert (before, withdrawn) == (b'"Lathe vs Mortar"', b'"Adze vs Mortar"')
    assert added in (b'"Adze vs Mortar Lathe vs Mortar"', b'"Lathe vs Mortar Adze vs Mortar"')


def test_a_refusal_is_raised_and_not_kept(sqlite_database: Database) -> None:
    answers, titles = PublicAnswers(app_on(sqlite_database)), Titles()

    def refuse(_session: Session, _terms: Terms) -> Found:
        raise NotFound

    async def ask() -> bytes:
        with pytest.raises(NotFound):
            await answers.get("one", refuse)
        return (await answers.get("one", titles)).body

    assert asyncio.run(ask()) == b'""'


def test_the_answers_asked_for_last_are_kept_within_the_bound(sqlite_database: Database) -> None:
    publish(sqlite_database, "Lathe")  # an answer takes some 1,100 bytes
    answers, titles = PublicAnswers(app_on(sqlite_database), most_bytes=2_500), Titles()

    async def ask(*keys: str) -> int:
        for key in keys:
            await answers.get(key, titles)
        return titles.made

    async def asked() -> list[int]:
        return [await ask("a", "b", "a", "c"), await ask("a"), await ask("b")]

    assert asyncio.run(asked()) == [3, 3, 4]


def test_the_bound_counts_the_words_of_the_question(sqlite_database: Database) -> None:
    publish(sqlite_database, "Lathe")
    answers, titles = PublicAnswers(app_on(sqlite_database), most_bytes=5_000), Titles()

    async def made(*keys: str) -> int:
        for key in keys:
            await answers.get(key, titles)
        return titles.made

    long, longer = "a" * 3_000, "b" * 3_000
    assert asyncio.run(made(long, longer, longer, long)) == 3


def test_a_look_that_has_begun_answers_no_later_question(sqlite_database: Database) -> None:
    """Else a change between the two would be missed."""
    began, go_on = threading.Event(), threading.Event()

    class Slow:
        """A database that waits once a session has read, as if its answer took its time."""

        mark = object  # never one that was there before

        @contextmanager
        def read(self) -> Iterator[Session]:
            with sqlite_database.read() as session:
                yield session
                began.set()
                go_on.wait(20)

    slow = cast(Any, Slow())
    answers, titles = PublicAnswers(app_on(slow)), Titles()

    async def ask() -> list[bytes]:
        first = asyncio.create_task(answers.get("all", titles))
        await asyncio.to_thread(began.wait, 20)
        publish(sqlite_database, "Lathe")
        second = asyncio.create_task(answers.get("all", titles))
        await asyncio.sleep(0)  # it has asked
        go_on.set()
        return [(await each).body for each in (first, second)]

    assert asyncio.run(ask())[1] == b'"Lathe vs Mortar"'
