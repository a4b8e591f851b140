"""What happens by itself, and when; APScheduler is only the alarm clock."""

from digest.service.backup import copies
from digest.service.job_registry import database_file, freeze, jobs_of, ruling
from digest.service.jobs import Job, run_if_due
from digest.service.logging_setup import set_up_logs
from digest.service.overview import (
    UpcomingMoment,
    job_facts,
    job_runs,
    recent_slots,
    slot_facts,
    upcoming,
)
from digest.service.scheduler import ClockWatch, Scheduler

__all__ = [
    "ClockWatch",
    "Job",
    "Scheduler",
    "UpcomingMoment",
    "copies",
    "database_file",
    "freeze",
    "job_facts",
    "job_runs",
    "jobs_of",
    "recent_slots",
    "ruling",
    "run_if_due",
    "set_up_logs",
    "slot_facts",
    "upcoming",
]
