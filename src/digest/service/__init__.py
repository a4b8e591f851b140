"""The service behind `digest run`: the jobs it runs without a person, and when.

`scheduler` asks every minute, through APScheduler, whether a job is due; `jobs` claims the due run
in the database, so that one of many processes runs it, and records the result. `job_registry` wires
the jobs to an installation: `publisher` moves each newsletter's slots from claim to release,
`send_job` sends the issues that are released, `editor_notifications` mails the editors about
slots that need them, and `backup` copies a SQLite database. `send_start` starts a send that a
person asked for, by `digest send` or at the desk; `sender_warm_up` starts, shows and ends the plan
that limits each day of a new sender. `overview` reads slots and job runs back for
`digest status` and `digest schedule`, `installation_status` puts them together for the command line
and the API, and `issue_outlook` says what is ahead of an issue;
`logging_setup` formats and scrubs every log line.
"""

from digest.service.backup import copies
from digest.service.installation_status import (
    hold_facts,
    running_newsletters,
    service_facts,
    worker_facts,
)
from digest.service.issue_outlook import (
    IssueOutlook,
    issue_outlook,
    moment_words,
    service_is_up,
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
from digest.service.send_start import ResumedSend, require_real_send, resume_send, start_send
from digest.service.sender_warm_up import (
    WarmUpStatus,
    begin_warm_up,
    stop_warm_up,
    warm_up_status,
)

__all__ = [
    "MINUTE",
    "ClockJumpDetector",
    "IssueOutlook",
    "Job",
    "ResumedSend",
    "Scheduler",
    "UpcomingMoment",
    "WarmUpStatus",
    "begin_send",
    "begin_warm_up",
    "copies",
    "hold_facts",
    "issue_outlook",
    "job_facts",
    "job_runs",
    "jobs_of",
    "moment_words",
    "pause_interrupted",
    "recent_slots",
    "release_decision",
    "require_real_send",
    "resume_send",
    "run_if_due",
    "running_newsletters",
    "service_facts",
    "service_is_up",
    "set_up_logs",
    "slot_facts",
    "start_send",
    "stop_warm_up",
    "upcoming",
    "warm_up_status",
    "worker_facts",
]
