"""Record what became of a request, and move its batch on.

An answer goes to `settling`, which records it on the attempt and decides what becomes of the batch:
accepted, sent again, in doubt, or, by `refusals`, without those who were refused. Where the readers
of a request fared differently, `mixed_answers` groups those who fared alike, and `batch_parts`
makes a batch of each group. `reported_copies` takes those out of a doubt whom an event reports on.
What an answer means for the whole issue, such as a pause, is decided in `consequences`.
"""

from digest.delivery.sending.settlement.batch_parts import BatchPart, divide
from digest.delivery.sending.settlement.consequences import RetryPolicy, Settlement, pause_issue
from digest.delivery.sending.settlement.reported_copies import settle_reported
from digest.delivery.sending.settlement.settling import settle

__all__ = [
    "BatchPart",
    "RetryPolicy",
    "Settlement",
    "divide",
    "pause_issue",
    "settle",
    "settle_reported",
]
