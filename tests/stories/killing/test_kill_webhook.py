"""Killed while it takes the provider's events in (A09)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

from tests.stories.killing import oracle
from tests.stories.killing.loop import Yard

ANSWERED = 3  # the step of the first batch after which a death leaves a doubt the provider took


def heard(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        found: int = db.execute("SELECT count(*) FROM mail_event").fetchone()[0]
    return found


def test_A09_events_are_applied_once_whenever_the_handler_dies(
    small_place: Yard, every: int
) -> None:
    place = small_place
    for number in count(1, every):
        path = place.fresh()
        place.send(path, die_at=ANSWERED)
        place.send(path)
        with place.site(path, die_at=number) as (url, pid):
            told = place.fake.flush_events(to=url)
            survived = place.nursery.lives(pid)
        place.nursery.run("drain", path=str(path))
        # What was answered with 2xx was on disk, whatever came then.
        assert told["posts"] == 0 or heard(path) == 2 * place.readers
        if survived:
            break
        with place.site(path) as (url, _):
            again = place.fake.flush_events(to=url)
        assert again["refused"] == 0
        place.nursery.run("drain", path=str(path))
        assert heard(path) == 2 * place.readers  # processed and delivered, each once
        assert oracle.doubts(path) == []
        assert oracle.ours(path).counts.delivered == place.readers
