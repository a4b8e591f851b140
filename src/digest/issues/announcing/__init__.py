"""Tell other programs what happens to an issue: built, approved, held, sent.

What changes an issue calls `announce_issue` in its own transaction. An issue that stays back is
announced by `announce_held_slot` while it is due, and by `announce_paused` on its way. They hand
the facts that identify the issue to `subscribers.announcements`, which writes the messages.
"""

from digest.issues.announcing.issue_announcements import (
    announce_held_slot,
    announce_issue,
    announce_paused,
)

__all__ = ["announce_held_slot", "announce_issue", "announce_paused"]
