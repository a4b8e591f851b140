"""TODO face."""

from subscribers.address.mailbox_providers import providers
from subscribers.address.syntax import Address, mailbox, parse, wire

__all__ = ["Address", "mailbox", "parse", "providers", "wire"]
