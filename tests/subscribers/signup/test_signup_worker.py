"""The sign-up worker: requests are processed soon after, through failures of the store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy.exc import OperationalError

from digest.db import Database
from subscribers.abuse_prevention.rate_limits import RateLimits
from subscribers.address.syntax import parse
from subscribers.signup.group_commit import GroupCommit
from subscribers.signup.requests import SignupRequest, record_requests
from subscribers.signup.signup_worker import SignupWorker
from subscribers.tokens import Hashes
from tests.subscribers.conftest import NEWSLETTER


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


def test_a_sign_up_is_processed_once_the_database_is_back(
    sqlite_database: Database, hashes: Hashes, now: datetime
) -> None:
    request = SignupRequest(
        address=parse("reader@example.com"),
        newsletter=NEWSLETTER,
        form="page",
        wording="Send me it.",
        language="en",
        network="192.0.2.0/24",
    )
    with sqlite_database.write() as session:
        record_requests(session, [request], limits=RateLimits(), hashes=hashes, now=now)

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
