"""Ask for work that any worker may do: what a job is called, and on which queue it waits.

A job says no more than "look at this batch now", or "see what is due": the ledger alone decides
whether a batch is sent, and each service job asks the database what there is to do. So a job that
runs twice does nothing twice, and one that is lost is found by the next minute's run.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sqlmodel import Session

SEND_BATCH = "send_batch"  #: the task that sends one batch
#: The priority of service jobs: a letter needn't wait for the batches of an issue, which have 0.
BEFORE_BATCHES = 1
SEND_JOB = "send"  #: the service job that looks after every issue on its way


class QueueName(StrEnum):
    """What a worker may be told to work on."""

    SEND = "send"  #: batches of issues
    LETTERS = "letters"  #: letters to readers, and notices to the editors
    EVENTS = "events"  #: what the provider reports, what follows from it, and webhooks
    SCHEDULE = "schedule"  #: what is due by the calendar or the clock, and upkeep


#: The queue of each service job that isn't on `QueueName.SCHEDULE`.
_QUEUES = {
    "letters": QueueName.LETTERS,
    "verdicts": QueueName.LETTERS,
    "editors": QueueName.LETTERS,
    "bounces": QueueName.EVENTS,
    "events": QueueName.EVENTS,
    "votes": QueueName.EVENTS,
    "webhooks": QueueName.EVENTS,
}


def queue_of(job: str) -> QueueName:
    """Return the queue on which runs of the service job called *job* wait."""
    return _QUEUES.get(job, QueueName.SCHEDULE)


class JobQueue(Protocol):
    """Where jobs wait for any worker, in the database of what they are about."""

    def enqueue_batches(self, session: Session, now: datetime, *, root: str | None = None) -> int:
        """Enqueue a job for each batch that may be sent now and has none waiting.

        Return how many. Of very many only the first get one, and their jobs enqueue the others. For
        those that may be sent at a known time, ask for a run of the job "send" then. With *root*,
        look at the batches that were cut from that one only. The caller commits.
        """
        ...

    def wake(self, session: Session, *names: str, at: datetime | None = None) -> None:
        """Ask for a run of these service jobs, now or *at* a time; the caller commits.

        A run that waits already is enough, or is brought forward.
        """
        ...


class NoJobQueue:
    """No queue: on SQLite the scheduler asks each job every minute, and is woken in its process."""

    def enqueue_batches(self, *_: object, **__: object) -> int:
        """Do nothing: the scheduler's process sends what is due."""
        return 0

    def wake(self, *_: object, **__: object) -> None:
        """Do nothing: the scheduler's minute finds what waits."""
