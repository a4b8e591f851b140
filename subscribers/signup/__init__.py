"""TODO face."""

from subscribers.signup.group_commit import GroupCommit, StoreBusy
from subscribers.signup.processing import process_all
from subscribers.signup.requests import SignupRequest, record_requests
from subscribers.signup.signup_worker import SignupWorker

__all__ = [
    "GroupCommit",
    "SignupRequest",
    "SignupWorker",
    "StoreBusy",
    "process_all",
    "record_requests",
]
