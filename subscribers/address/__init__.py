"""Parses email addresses and names the mailbox behind each one.

A text goes through `syntax`: `parse` checks it and returns an `Address`, which holds the text as
given, the key two addresses are compared by, and the domain in ASCII; `parse_named` reads an
address with a name, `mailbox` reduces a key to what all spellings of one mailbox share, and `wire`
gives the form a provider is sent.
`mailbox_providers` reads the list of domains that belong to a mailbox provider, so that a limit on
a domain can tell a provider's from a company's, and a report can name the largest. Nothing here
asks the network or the database.
"""

from subscribers.address.mailbox_providers import is_among, providers
from subscribers.address.syntax import Address, mailbox, parse, parse_named, wire

__all__ = ["Address", "is_among", "mailbox", "parse", "parse_named", "providers", "wire"]
