"""Letters: transactional mails to one reader, such as the request to confirm a subscription.

The subscriber package queues a `Letter` and hands it to `sender`. `sender` looks up what a letter
says of the newsletter, takes the text in the reader's language from `letter_texts`, and puts both
into a `LetterView` of `letter_view`, which is all that the template sees. It renders the letter
once for all readers of a kind, substitutes the reader's links, passes the mailing to a transport,
and returns the `SendOutcome` of the transport's answer.
"""

from digest.letters.letter_view import LetterView
from digest.letters.sender import LetterTransport

__all__ = ["LetterTransport", "LetterView"]
