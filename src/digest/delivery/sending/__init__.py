"""Send a built issue to its audience, so that no reader gets two copies.

`candidates` decides whom an issue is for, `audience_size` counts them beforehand, and `planning`
freezes them into deliveries, cut into batches, in one transaction. `dispatcher` runs threads that
empty the queue, and `worker_processes` forks further processes for a large audience. Each thread
runs the steps of `batch_worker`: `queue` claims a batch and records its start, `personalization`
addresses each reader, the transport hands the request over, and `settlement` records the response.
`circuit_breaker` slows an issue down while its requests fail, and `rollout` holds the rest back
until the first wave has been judged by its events. `recovery` moves on what a dead sender held, and
`confirmation` settles a batch that an event proves to be accepted. A person pauses, resumes,
cancels and decides on doubts through `control`. `restore_guard` comes before all of this: nothing
is sent from a database that was restored from a copy, until a person accepts the restore.
"""

from digest.delivery.sending.audience_size import (
    ExpectedAudience,
    count_audience,
    expected_audience,
)
from digest.delivery.sending.batch_worker import EditionSend, rehearse, send_one
from digest.delivery.sending.candidates import (
    LeftOut,
    Reach,
    correction_reach,
    require_real_copies,
)
from digest.delivery.sending.confirmation import (
    ATTEMPT_LENGTH,
    KnownAttempt,
    confirm_acceptance,
    known_attempts,
    settle_confirmed,
)
from digest.delivery.sending.control import count_outbox_copies, discard_outbox_copies, pause
from digest.delivery.sending.dispatcher import (
    WAITS,
    dispatch,
    mark_sent_if_done,
    rare_garbage_collection,
    requests_per_process,
    send_alongside,
)
from digest.delivery.sending.personalization import (
    recipient_builder,
    unsubscribe_headers,
    vote_part_maker,
)
from digest.delivery.sending.planning import Grouping, PlannedAudience, plan_deliveries
from digest.delivery.sending.queue import (
    FREE_AT,
    MAY_GO_NOW,
    TOO_LATE,
    is_moving,
    pending_batches,
)
from digest.delivery.sending.recovery import is_presumed_dead, recover
from digest.delivery.sending.restore_guard import RestoreGuardFile
from digest.delivery.sending.rollout import RolloutLimits, judge_rollout, waiting
from digest.delivery.sending.settlement import Settlement, settle_reported
from digest.delivery.sending.worker_processes import (
    MIN_BATCHES,
    StopSignal,
    WorkerProcesses,
    usable_cores,
    worker_pool,
)

__all__ = [
    "ATTEMPT_LENGTH",
    "FREE_AT",
    "MAY_GO_NOW",
    "MIN_BATCHES",
    "TOO_LATE",
    "WAITS",
    "EditionSend",
    "ExpectedAudience",
    "Grouping",
    "KnownAttempt",
    "LeftOut",
    "PlannedAudience",
    "Reach",
    "RestoreGuardFile",
    "RolloutLimits",
    "Settlement",
    "StopSignal",
    "WorkerProcesses",
    "confirm_acceptance",
    "correction_reach",
    "count_audience",
    "count_outbox_copies",
    "discard_outbox_copies",
    "dispatch",
    "expected_audience",
    "is_moving",
    "is_presumed_dead",
    "judge_rollout",
    "known_attempts",
    "mark_sent_if_done",
    "pause",
    "pending_batches",
    "plan_deliveries",
    "rare_garbage_collection",
    "recipient_builder",
    "recover",
    "rehearse",
    "requests_per_process",
    "require_real_copies",
    "send_alongside",
    "send_one",
    "settle_confirmed",
    "settle_reported",
    "unsubscribe_headers",
    "usable_cores",
    "vote_part_maker",
    "waiting",
    "worker_pool",
]
