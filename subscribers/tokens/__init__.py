"""Links that work for one reader and one purpose, and keyed hashes of addresses.

`link_tokens` says what a link names, and makes and reads the links of letters and pages.
`token_signing` turns such a subject into a token and back, with a key for each purpose and secret.
The links of an issue are made for a whole batch at once, by `batch_cipher`.
"""

from subscribers.tokens.link_tokens import (
    DatedTarget,
    LetterCause,
    Links,
    LinkTarget,
    address_mark,
    own_pages,
)
from subscribers.tokens.token_signing import (
    MIN_SECRET,
    Hashes,
    MailTokens,
    Purpose,
    Tokens,
    mark_of,
)

__all__ = [
    "MIN_SECRET",
    "DatedTarget",
    "Hashes",
    "LetterCause",
    "LinkTarget",
    "Links",
    "MailTokens",
    "Purpose",
    "Tokens",
    "address_mark",
    "mark_of",
    "own_pages",
]
