"""Turns sign-up requests into pending subscriptions and letters that ask for confirmation.

A page's handler gives its `SignupRequest` to `group_commit`, whose one thread writes all requests
that wait in a single transaction by `record_requests` of `requests`: the rate limits are checked
and a row is added, with no look at what is known of the address, so that neither the answer nor its
time reveals who is on the list. `signup_worker` wakes a moment later and has `processing` take the
oldest rows: it checks each mailbox's limits and its owner's wishes, and writes the subscriber, the
pending subscription, the consent entry and the letter, which `subscribers.letter_queue` then sends.
"""

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
