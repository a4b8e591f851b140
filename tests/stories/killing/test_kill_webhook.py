"""Killed while processing provider events (A09), or an unsubscribe request (A10)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from digest.delivery.sending.personalization import recipient_builder
from subscribers.tokens import Tokens
from tests.stories.killing import installation, oracle
from tests.stories.killing.loop import KillHarness

ANSWERED = 3  # the step of the first batch after which a death leaves a doubt the provider took


def heard(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        found: int = db.execute("SELECT count(*) FROM mail_event").fetchone()[0]
    return found


def test_A09_events_are_applied_once_whenever_the_handler_dies(
    small_harness: KillHarness, every: int
) -> None:
    harness = small_harness
    for number in count(1, every):
        path = harness.fresh()
        harness.send(path, die_at=ANSWERED)
        harness.send(path)
        with harness.site(path, die_at=number) as (url, pid):
            told = harness.fake.flush_events(to=url)
            survived = harness.nursery.lives(pid)
        harness.nursery.run("drain", path=str(path))
        # What was answered with 2xx was on disk, whatever came then.
        assert told["posts"] == 0 or heard(path) == 2 * harness.readers
        if survived:
            break
        with harness.site(path) as (url, _):
            again = harness.fake.flush_events(to=url)
        assert again["refused"] == 0
        harness.nursery.run("drain", path=str(path))
        assert heard(path) == 2 * harness.readers  # processed and delivered, each once
        assert oracle.doubts(path) == []
        assert oracle.ours(path).counts.delivered == harness.readers


def test_A10_leaving_is_on_record_before_the_answer_and_counts_once(
    small_harness: KillHarness, every: int
) -> None:
    harness = small_harness
    address = recipient_builder(
        installation.NEWSLETTER,
        base_url=installation.BASE_URL,
        tokens=Tokens([installation.SECRET]),
    )
    link = address([(1, 1, "r1@example.org")])[0].headers["List-Unsubscribe"].split(">")[0]
    page = link.removeprefix(f"<{installation.BASE_URL}")
    for number in count(1, every):
        path = harness.fresh()
        with harness.site(path, die_at=number) as (url, pid):
            answered = leave(url, page)
            # An answer that was given means that it is on disk, whatever came then.
            assert not answered or left(path) == 1
            survived = harness.nursery.lives(pid)
        with harness.site(path) as (url, _):
            assert leave(url, page)
            assert left(path) == 1
        if survived:
            break


def leave(url: str, page: str) -> bool:
    """Click as a mail program does; false without an answer."""
    try:
        link = url.removesuffix("/webhooks/sendgrid") + page
        # It's our own server.
        with urlopen(link, data=b"List-Unsubscribe=One-Click", timeout=20) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False


def left(path: Path) -> int:
    """Count the entries that say a reader left."""
    with closing(sqlite3.connect(path)) as db:
        gone = db.execute("SELECT count(*) FROM subscription WHERE standing = 'unsubscribed'")
        entries = db.execute("SELECT count(*) FROM consent WHERE act = 'withdrawn'")
        number: int = entries.fetchone()[0]
        assert gone.fetchone()[0] == number
    return number
