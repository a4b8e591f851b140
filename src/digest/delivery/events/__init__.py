"""TODO face."""

from digest.delivery.events.dead_letters import ACCOUNT, count_dead_letters
from digest.delivery.events.event_consumer import ConsumerThread, EventConsumer
from digest.delivery.events.event_handler import TO_EDITOR, handle_events
from digest.delivery.events.event_privacy import change_tracking, pseudonym
from digest.delivery.events.provider_suppressions import lift_provider_blocks
from digest.delivery.events.rejected_posts import RejectedPosts, RejectionReason
from digest.delivery.events.spool import Spool
from digest.delivery.events.unmatched_events import LATE_BOUNCE

__all__ = [
    "ACCOUNT",
    "LATE_BOUNCE",
    "TO_EDITOR",
    "ConsumerThread",
    "EventConsumer",
    "RejectedPosts",
    "RejectionReason",
    "Spool",
    "change_tracking",
    "count_dead_letters",
    "handle_events",
    "lift_provider_blocks",
    "pseudonym",
]
