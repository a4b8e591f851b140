"""The sign-up worker: requests are processed soon after, through failures and floods."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from digest.db import Database
from subscribers.abuse_prevention.rate_limits import RateLimit, RateLimits
from subscribers.address.syntax import parse
from subscribers.models import RecordedSignup
from subscribers.signup.group_commit import GroupCommit
from subscribers.signup.requests import SignupRequest, record_requests
from subscribers.signup.signup_worker import FLOOD, FLOOD_PAUSE, SignupWorker
from subscribers.tokens import Hashes
from tests.subscribers.conftest import NEWSLETTER

NO_LIMIT = RateLimit(10**6, 3_600)
UNLIMITED = RateLimits(domain=NO_LIMIT, network=NO_LIMIT, everyone=NO_LIMIT)


class FailingUnitOfWork:
    """A store whose first writes fail."""

    def __init__(self, database: Database, times: int) -> None:
        self.read = database.read
        self.left = times
        self._database = database

    @contextmanager
    def write(self) -> Iterator[Any]:
        if self.left:
            self.left -= 1
            raise OperationalError("BEGIN", None, Exception("the disk is full"))
        with self._database.write() as session:
            yield session


def record(database: Database, hashes: Hashes, now: datetime, *addresses: str) -> None:
    requests = [
        SignupRequest(
            address=parse(address),
            newsletter=NEWSLETTER,
            form="page",
            wording="Send me it.",
            language="en",
            network="192.0.2.0/24",
        )
        for address in addresses
    ]
    with database.write() as session:
        record_requests(session, requests, limits=UNLIMITED, hashes=hashes, now=now)


def test_a_sign_up_is_processed_once_the_database_is_back(
    sqlite_database: Database, hashes: Hashes, now: datetime
) -> None:
    record(sqlite_database, hashes, now, "reader@example.com")

    async def wait() -> None:
        processed = asyncio.Event()
        writer = GroupCommit(FailingUnitOfWork(sqlite_database, times=3))
        worker = SignupWorker(writer, hashes, RateLimits().address, processed.set, pause=0.001)
        worker.schedule()
        async with asyncio.timeout(10):
            await processed.wait()
        await worker.stop()
        await asyncio.to_thread(writer.stop)

    asyncio.run(wait())


@pytest.mark.parametrize(("rate", "waits"), [(FLOOD * 2, [0.2, FLOOD_PAUSE]), (FLOOD // 2, [0.2])])
def test_in_a_flood_answers_to_new_sign_ups_go_first(
    sqlite_database: Database, hashes: Hashes, now: datetime, rate: int, waits: list[float]
) -> None:
    record(sqlite_database, hashes, now, *(f"reader{n}@example.com" for n in range(300)))
    waited: list[float] = []

    async def process() -> None:
        writer = GroupCommit(sqlite_database)
        coming = iter([rate])
        done = asyncio.Event()

        async def wait(seconds: float) -> None:
            waited.append(seconds)
            for _ in range(int(next(coming, 0) * seconds)):
                worker.schedule()

        def letters() -> None:
            with sqlite_database.read() as session:
                if not session.exec(select(RecordedSignup).limit(1)).all():
                    done.set()

        worker = SignupWorker(writer, hashes, RateLimits().address, letters, pause=0.2, wait=wait)
        worker.schedule()
        async with asyncio.timeout(10):
            await done.wait()
        await worker.stop()
        await asyncio.to_thread(writer.stop)

    asyncio.run(process())
    assert waited == waits
