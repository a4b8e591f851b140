"""Reporting on deliveries: where an issue stands, its statistics, and what is kept of its events.

All modules read the rows that sending and event processing have written. `status` answers the
operator's question during and after a send: it combines the delivery counts with the reasons from
`exclusions` into an `IssueStatus` whose problems each name a next step; `doubt_evidence` weighs
what speaks for a batch in doubt, and `listed_issues` says which issues a list shows. `statistics`
counts what became of an edition from its events, with the table by mailbox provider from
`provider_statistics`. When events reach their retention limit, `event_retention` stores these
statistics as frozen numbers and then deletes the events. `subscriber_history` lists what was sent
to one reader, for the reader's own export.
"""

from digest.delivery.reporting.event_retention import PruneResult, prune_events
from digest.delivery.reporting.exclusions import ExclusionCount, excluded_readers
from digest.delivery.reporting.listed_issues import NEWEST, listed_issues
from digest.delivery.reporting.provider_statistics import ProviderStatistics
from digest.delivery.reporting.statistics import (
    COMPLAINTS_BAD,
    COMPLAINTS_GOOD,
    EditionStatistics,
    LinkStatistics,
    edition_statistics,
)
from digest.delivery.reporting.status import (
    IssuePhase,
    IssueStatus,
    Problem,
    issue_status,
    refused_too_many,
)
from digest.delivery.reporting.subscriber_history import issues_sent_to

__all__ = [
    "COMPLAINTS_BAD",
    "COMPLAINTS_GOOD",
    "NEWEST",
    "EditionStatistics",
    "ExclusionCount",
    "IssuePhase",
    "IssueStatus",
    "LinkStatistics",
    "Problem",
    "ProviderStatistics",
    "PruneResult",
    "edition_statistics",
    "excluded_readers",
    "issue_status",
    "issues_sent_to",
    "listed_issues",
    "prune_events",
    "refused_too_many",
]
