"""How a fake SendGrid is set up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BODY_CAP = 30_000_000
DEFAULT_PORT = 8026


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be chosen when it starts; all values survive a trip through JSON."""

    ledger: str
    port: int = DEFAULT_PORT  #: 0 takes a free one
    key: str | None = None  #: the only key that opens; ``None`` takes any
    unscoped_key: str | None = None  #: a key that is known but may not send
    sender: str | None = None  #: the verified sender: an address, or a domain
    rate_limit: int | None = None  #: requests a second
    lenient: bool = False  #: where the provider's behaviour isn't known, take the kind variant
    events_to: str | None = None  #: the webhook's URL, on this machine
    webhook_key: str | None = None  #: the private key that signs events, PEM
    shares: Mapping[str, float] = field(default_factory=dict)  #: of event kinds; see events.py
    hold_events: bool = False  #: post events only when asked to
    retry_after: float = 1.0  #: seconds before a refused event post is tried again; doubles
    tries: int = 8  #: how often one event post is tried
    faults: Any = None  #: the first fault plan; see faults.py
    seed: int = 0
    may_kill: bool = False  #: whether a fault may kill the process a script names
    quiet: bool = False  #: no access log
    body_cap: int = BODY_CAP
