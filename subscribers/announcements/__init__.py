"""Tell other programs what happened: a message for each webhook endpoint that asked for it.

Whoever changes something calls `announce` in the same transaction, or `announce_all` for many
things at once. One statement writes a message for each endpoint of `models` that asked for this
kind, and none where there is no such endpoint. `announce_once` does so the first time only. The
messages wait in the table until the application posts them. None holds an address: it is read from
the reader's row when the message is posted, so nothing is told of who was erased since.
"""

from subscribers.announcements.announcing import (
    Announcement,
    announce,
    announce_all,
    announce_once,
    has_announced,
    wrote_messages,
)

__all__ = [
    "Announcement",
    "announce",
    "announce_all",
    "announce_once",
    "has_announced",
    "wrote_messages",
]
