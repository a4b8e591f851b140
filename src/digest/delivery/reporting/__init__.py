"""TODO face."""

from digest.delivery.reporting.event_retention import PruneResult, prune_events
from digest.delivery.reporting.exclusions import excluded_readers
from digest.delivery.reporting.provider_statistics import ProviderStatistics
from digest.delivery.reporting.statistics import (
    COMPLAINTS_BAD,
    COMPLAINTS_GOOD,
    EditionStatistics,
    LinkStatistics,
    edition_statistics,
)
from digest.delivery.reporting.status import IssueStatus, Problem, issue_status, refused_too_many
from digest.delivery.reporting.subscriber_history import issues_sent_to

__all__ = [
    "COMPLAINTS_BAD",
    "COMPLAINTS_GOOD",
    "EditionStatistics",
    "IssueStatus",
    "LinkStatistics",
    "Problem",
    "ProviderStatistics",
    "PruneResult",
    "edition_statistics",
    "excluded_readers",
    "issue_status",
    "issues_sent_to",
    "prune_events",
    "refused_too_many",
]
