"""What comes back by mail, from a mailbox or a pipe to provider events in the spool.

`bounce_mailbox` reads mails from a Maildir, an mbox or a pipe, within bounds. `returned_mail` tells
what each one is: a delivery report, a complaint, an answer, or nothing of ours; who it is about is
said by the signed token of its return path alone. `status_codes` says what a status code of a
report means. `packed_events` is the form in which the events wait in the spool until they are
applied like those of a webhook. A mail is removed once its events are on disk.
"""

from digest.mail.smtp.bounces.bounce_mailbox import (
    MAX_ASIDE,
    MailboxReading,
    MailboxUnreadable,
    ReturnedMailReader,
    mails_waiting,
)
from digest.mail.smtp.bounces.packed_events import is_packed, pack_events, parse_events
from digest.mail.smtp.bounces.returned_mail import ReturnedMail, ReturnSort, read_returned_mail

__all__ = [
    "MAX_ASIDE",
    "MailboxReading",
    "MailboxUnreadable",
    "ReturnSort",
    "ReturnedMail",
    "ReturnedMailReader",
    "is_packed",
    "mails_waiting",
    "pack_events",
    "parse_events",
    "read_returned_mail",
]
