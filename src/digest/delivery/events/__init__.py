"""Processing of the provider's events, from a webhook post on disk to a changed status.

`event_consumer` keeps each signed post in `spool`, or on a database server in `shared_posts`, where
any machine may take it. It reads the posts in order of arrival and passes the events to
`event_handler`, in the transaction that also advances the spool position or deletes the posts. The
handler calls `status_updates`, which records the events in bulk, under the number that
`event_privacy` chooses, and raises the statuses of deliveries; then `unmatched_events`, which binds
events without ids to readers by address; then `bounce_processing`, which suppresses addresses and
unsubscribes readers. What matches nothing goes to `dead_letters`, and `event_counts` keeps how many
there are. Apart from this flow, `provider_suppressions` lifts the provider's own blocks for readers
who confirmed again, and `replay` applies the stored events once more.
"""

from digest.delivery.events.dead_letters import ACCOUNT, count_dead_letters
from digest.delivery.events.event_consumer import ConsumerThread, EventConsumer
from digest.delivery.events.event_counts import events_by_kind, forget_event_counts
from digest.delivery.events.event_handler import TO_EDITOR, handle_events
from digest.delivery.events.event_privacy import IS_PSEUDONYM, change_tracking, pseudonym
from digest.delivery.events.provider_suppressions import lift_provider_blocks
from digest.delivery.events.shared_posts import waiting_posts
from digest.delivery.events.spool import Spool
from digest.delivery.events.unmatched_events import LATE_BOUNCE

__all__ = [
    "ACCOUNT",
    "IS_PSEUDONYM",
    "LATE_BOUNCE",
    "TO_EDITOR",
    "ConsumerThread",
    "EventConsumer",
    "Spool",
    "change_tracking",
    "count_dead_letters",
    "events_by_kind",
    "forget_event_counts",
    "handle_events",
    "lift_provider_blocks",
    "pseudonym",
    "waiting_posts",
]
