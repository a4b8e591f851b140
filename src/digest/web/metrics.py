"""Count what there is to monitor, and return it in Prometheus' text format (version 0.0.4).

This module hides which table or file each metric is counted from.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Executable, String, func, select, type_coerce
from sqlmodel import Session, col

from digest.app.installation import App
from digest.delivery.events import events_by_kind, waiting_posts
from digest.delivery.job_queue_figures import job_queue_figures
from digest.delivery.models import BatchState, DeadLetter
from digest.delivery.sending import restore_guard
from digest.delivery.settled_counts import sending_totals
from digest.issues.models import Issue, JobRun, Slot
from digest.web.provider_webhook import RejectedPosts
from subscribers.abuse_prevention import LET_IN
from subscribers.announcements.models import WebhookMessage
from subscribers.list_statistics import entries_by_act
from subscribers.models import LetterToSend, RecordedSignup, StoppedSignups, Subscription

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_OPEN_FILES = Path("/proc/self/fd")
_MEMORY = Path("/proc/self/statm")


def metrics_text(app: App, rejected: RejectedPosts) -> bytes:
    """Return every metric; raises `SQLAlchemyError` while the database can't be read."""
    registry = CollectorRegistry()
    registry.register(_Metrics(app, rejected))
    return generate_latest(registry)


class _Metrics(Collector):
    def __init__(self, app: App, rejected: RejectedPosts) -> None:
        self._app, self._rejected = app, rejected

    def collect(self) -> Iterator[Metric]:
        app = self._app
        with app.database.read() as session:
            yield from _sending(session)
            yield from _audience(app, session)
            yield from _ticks(app, session)
            yield from _jobs(session)
            yield _webhooks(session)
            _, waiting = waiting_posts(session)
        held = restore_guard.hold_reason(app.database, app.sending.restore_guard_file) is not None
        yield _single("digest_hold", "1 while nothing is sent after a restore.", int(held))
        spool = app.events.spool().size() + waiting
        yield _single("digest_spool_bytes", "Events kept, not all applied yet.", spool)
        yield _labelled(
            "digest_webhook_turned_away",
            "Posts turned away today and yesterday, by reason.",
            "reason",
            self._rejected.since_yesterday(app.clock()).items(),
        )
        yield _labelled(
            "digest_webhook_rejected_total",
            "Posts turned away since this process started, by reason.",
            "reason",
            self._rejected.total.items(),
        )
        yield from _process()


def _sending(session: Session) -> list[Metric]:
    totals = sending_totals(session)
    readers = totals.readers
    queue = sum(readers.get(state.value, 0) for state in _QUEUED)
    doubt = sum(readers.get(state.value, 0) for state in _IN_DOUBT)
    issues = select(col(Issue.state), func.count()).group_by(col(Issue.state))
    slots = select(col(Slot.state), func.count()).group_by(col(Slot.state))
    dead_letters = session.connection().execute(select(func.max(col(DeadLetter.id)))).scalar()
    return [
        _labelled("digest_issues", "Issues by state.", "state", _grouped(session, issues)),
        _labelled("digest_turns", "Periods by state.", "state", _grouped(session, slots)),
        _labelled("digest_batches", "Batches by state.", "state", totals.batches.items()),
        _labelled(
            "digest_batch_readers", "Readers by their batch's state.", "state", readers.items()
        ),
        _labelled(
            "digest_attempts_total",
            "Requests to the provider by outcome.",
            "outcome",
            totals.attempts.items(),
        ),
        _single("digest_queue_readers", "Readers still to be sent to.", queue),
        _single("digest_in_doubt_readers", "Readers who may have been sent to.", doubt),
        _labelled(
            "digest_events",
            "Provider's events kept, by kind.",
            "kind",
            events_by_kind(session).items(),
        ),
        _single("digest_events_set_aside", "Events that weren't usable.", dead_letters or 0),
    ]


_QUEUED = (BatchState.PENDING, BatchState.CLAIMED)
_IN_DOUBT = (BatchState.STARTED, BatchState.IN_DOUBT)


def _audience(app: App, session: Session) -> list[Metric]:
    # By newsletter first, in the order of an index: SQLite would sort them all, and take 84 ms for
    # 600,000 in place of 29.
    by_index = (col(Subscription.newsletter), col(Subscription.standing))
    numbers = select(*by_index, func.count().label("number")).group_by(*by_index).subquery()
    standing = select(numbers.c.standing, func.sum(numbers.c.number)).group_by(numbers.c.standing)
    signups = dict(
        _grouped(
            session,
            select(col(StoppedSignups.reason), func.sum(col(StoppedSignups.count))).group_by(
                col(StoppedSignups.reason)
            ),
        )
    )
    recorded = select(func.count()).select_from(RecordedSignup)
    waiting = session.connection().execute(recorded).scalar_one()
    acts = entries_by_act(session)
    let_in = signups.pop(LET_IN, 0.0)  # no reason to stop one, though it is counted beside them
    first = app.clock() - timedelta(days=app.settings.pending_days)  # older ones are purged
    # An expression, so that SQLite doesn't read every letter in the order of the states' index.
    state = type_coerce(LetterToSend.state, String).concat("")
    letters = (
        select(state, func.count())
        .where(col(LetterToSend.asked_at) >= first, col(LetterToSend.subscriber_id).is_not(None))
        .group_by(state)
    )
    return [
        _labelled("digest_subscriptions", "By standing.", "standing", _grouped(session, standing)),
        _labelled("digest_consents_total", "What readers did.", "act", acts.items()),
        _labelled(
            "digest_signups_stopped_total",
            "Sign-ups stopped, by reason.",
            "reason",
            signups.items(),
        ),
        _single("digest_signups_let_in_total", "Sign-ups that nothing stopped.", let_in),
        _single(
            "digest_signups_waiting", "Sign-ups that are recorded and not processed yet.", waiting
        ),
        _labelled("digest_letters", "Letters by state.", "state", _grouped(session, letters)),
    ]


def _ticks(app: App, session: Session) -> list[Metric]:
    runs = session.execute(select(JobRun)).scalars().all()
    now = app.clock()
    age = [(run.name, (now - run.started_at).total_seconds()) for run in runs]
    ok = [(run.name, float(run.ok)) for run in runs]
    return [
        _labelled("digest_tick_age_seconds", "Since a chore last ran.", "name", age),
        _labelled("digest_tick_ok", "1 when its last run went well.", "name", ok),
    ]


def _jobs(session: Session) -> list[Metric]:
    """Return what is known of the job queue; nothing on SQLite, which has none."""
    figures = job_queue_figures(session)
    if figures is None:
        return []
    jobs = GaugeMetricFamily("digest_jobs", "Jobs by queue and state.", labels=["queue", "state"])
    for (queue, state), number in sorted(figures.jobs.items()):
        jobs.add_metric([queue, state], number)
    return [
        jobs,
        _single("digest_workers", "Workers that are alive.", figures.workers),
        _labelled(
            "digest_job_wait_seconds",
            "How long the oldest job waits, by queue.",
            "queue",
            figures.longest_wait.items(),
        ),
    ]


def _webhooks(session: Session) -> Metric:
    states = select(col(WebhookMessage.state), func.count()).group_by(col(WebhookMessage.state))
    name = "digest_webhook_messages"
    return _labelled(name, "Outgoing messages by state.", "state", _grouped(session, states))


def _process() -> list[Metric]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    metrics = [
        _single(
            "process_cpu_seconds_total",
            "Processor time.",
            usage.ru_utime + usage.ru_stime,
        )
    ]
    if _MEMORY.exists():
        pages = int(_MEMORY.read_text(encoding="ascii").split()[1])
        resident = pages * os.sysconf("SC_PAGE_SIZE")
        metrics.append(_single("process_resident_memory_bytes", "Memory in use.", resident))
        open_ = len(list(_OPEN_FILES.iterdir()))
        metrics.append(_single("process_open_fds", "Open file handles.", open_))
    return metrics


def _grouped(session: Session, statement: Executable) -> list[tuple[str, float]]:
    rows = session.connection().execute(statement)
    return [(str(key), float(number or 0)) for key, number in rows]


def _labelled(name: str, help_: str, label: str, samples: Iterable[tuple[str, float]]) -> Metric:
    """Return a metric with one sample for each value of a label."""
    family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
    metric = family(name, help_, labels=[label])
    for value, number in sorted(samples):
        metric.add_metric([value], number)
    return metric


def _single(name: str, help_: str, number: float) -> Metric:
    """Return a metric with one sample and no labels."""
    family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
    return family(name, help_, value=number)
