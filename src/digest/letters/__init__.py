"""Letters: the mails outside an issue's batches, each a row of `subscribers.letter_queue`.

The subscriber package queues a `Letter` to a reader and hands it to `sender`. `sender` looks up
what a letter says of the newsletter, puts the words of `letter_texts` into the reader's language,
and both into a `LetterView` of `letter_view`, which is all that the template sees. It renders the
letter once for all readers of a kind, substitutes the reader's links, passes the mailing to a
transport, and returns the `SendOutcome` of the transport's answer. `vote_letter` makes the link
that a visitor asked for; `verdict_audience` queues a letter for each reader who is told which
verdicts have changed, and `verdict_letter` words it. `internal_mail` sends what goes to the
publisher's own people: seed copies, test copies and notices to the editors; `review_letter` sends
the codes that editors ask for.
"""

from digest.letters.internal_mail import (
    CANARY_BATCH,
    send_notice,
    send_seed_copy,
    send_test_copy,
    test_copy_location,
)
from digest.letters.letter_view import LetterView
from digest.letters.review_letter import CodeSending, send_codes
from digest.letters.sender import LetterTransport
from digest.letters.verdict_audience import queue_verdict_letters
from digest.letters.verdict_letter import verdict_link
from digest.letters.vote_letter import vote_link

__all__ = [
    "CANARY_BATCH",
    "CodeSending",
    "LetterTransport",
    "LetterView",
    "queue_verdict_letters",
    "send_codes",
    "send_notice",
    "send_seed_copy",
    "send_test_copy",
    "test_copy_location",
    "verdict_link",
    "vote_link",
]
