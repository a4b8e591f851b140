"""The service behind `digest run`: the jobs it runs without a person, and when.

`scheduler` asks every minute, through APScheduler, whether a job is due; `jobs` claims the due run
in the database, so that one of many processes runs it, and records the result. `job_registry` wires
the jobs to an installation: `publisher` moves each newsletter's slots from claim to release,
`send_job` sends the issues that are released, `editor_notifications` mails the editors about slots
that need them, and `backup` copies a SQLite database. For people and programs, `issue_decisions`
approves, sends back, pauses, cancels and moves an issue, and `sender_warm_up` starts, shows and
ends the plan that limits each day of a new sender. `overview` reads slots and job runs back for
`digest status` and `digest schedule`, `installation_status` puts them together for the command line
and the API, and `issue_outlook` says what is ahead of an issue; `logging_setup` formats and scrubs
every log line.
"""

from digest.service.backup import copies
from digest.service.installation_status import (
    hold_facts,
    running_newsletters,
    service_facts,
    worker_facts,
)
from digest.service.issue_decisions import (
    ApprovedIssue,
    MovedIssue,
    ReturnedIssue,
    approve_issue,
    cancel_issue,
    move_issue,
    pause_issue,
    return_issue,
)
from digest.service.issue_outlook import (
    IssueOutlook,
    issue_outlook,
    issue_status_of,
    moment_words,
    newest_statuses,
    service_is_up,
    status_facts,
    step_ahead,
)
from digest.service.job_registry import jobs_of, release_decision
from digest.service.jobs import MINUTE, Job, run_if_due
from digest.service.logging_setup import set_up_logs
from digest.service.overview import (
    UpcomingMoment,
    job_facts,
    job_runs,
    recent_slots,
    slot_facts,
    upcoming,
)
from digest.service.scheduler import ClockJumpDetector, Scheduler
from digest.service.send_job import begin_send, pause_interrupted
from digest.service.sender_warm_up import (
    WarmUpStatus,
    begin_warm_up,
    stop_warm_up,
    warm_up_status,
)

__all__ = [
    "MINUTE",
    "ApprovedIssue",
    "ClockJumpDetector",
    "IssueOutlook",
    "Job",
    "MovedIssue",
    "ReturnedIssue",
    "Scheduler",
    "UpcomingMoment",
    "WarmUpStatus",
    "approve_issue",
    "begin_send",
    "begin_warm_up",
    "cancel_issue",
    "copies",
    "hold_facts",
    "issue_outlook",
    "issue_status_of",
    "job_facts",
    "job_runs",
    "jobs_of",
    "moment_words",
    "move_issue",
    "newest_statuses",
    "pause_interrupted",
    "pause_issue",
    "recent_slots",
    "release_decision",
    "return_issue",
    "run_if_due",
    "running_newsletters",
    "service_facts",
    "service_is_up",
    "set_up_logs",
    "slot_facts",
    "status_facts",
    "step_ahead",
    "stop_warm_up",
    "upcoming",
    "warm_up_status",
    "worker_facts",
]
