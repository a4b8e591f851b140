"""Requests to other people's servers, which may be hostile.

`OutboundClient` makes them. `checked_network` resolves a host once, asks the `AddressRules` which
of its addresses may be connected to, and connects to one of those; `answer_body` reads what comes
back within the `Limits`. Every redirect goes the same way again. What isn't allowed or doesn't work
ends in `OutboundRefused`, whose `OutboundFault` a caller may store.
"""

from digest.http_client.address_rules import AddressRules
from digest.http_client.answer_body import inflated
from digest.http_client.outbound_client import Answer, Limits, OutboundClient
from digest.http_client.outbound_refused import OutboundFault, OutboundRefused

__all__ = [
    "AddressRules",
    "Answer",
    "Limits",
    "OutboundClient",
    "OutboundFault",
    "OutboundRefused",
    "inflated",
]
