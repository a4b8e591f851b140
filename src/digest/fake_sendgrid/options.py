"""The options of a fake SendGrid, and their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BODY_CAP = 30_000_000
DEFAULT_PORT = 8026


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options a fake is started with; every value can be written as JSON and read back."""

    ledger: str
    port: int = DEFAULT_PORT  #: 0 picks a free port
    key: str | None = None  #: the only API key that is accepted; ``None`` accepts any
    unscoped_key: str | None = None  #: an API key that is valid but may not send
    sender: str | None = None  #: the verified sender: an address, or a domain
    rate_limit: int | None = None  #: requests a second
    lenient: bool = False  #: accept the body where the provider's behaviour isn't documented
    events_to: str | None = None  #: the webhook's URL, on this machine
    webhook_key: str | None = None  #: the private key that signs events, PEM
    shares: Mapping[str, float] = field(default_factory=dict)  #: by outcome, 0 to 1
    hold_events: bool = False  #: post events only when asked to
    retry_after: float = 1.0  #: seconds before a refused event post is tried again; doubles
    tries: int = 8  #: how often one event post is tried
    faults: Any = None  #: the first fault script; see `faults.script`
    seed: int = 0
    may_kill: bool = False  #: whether a fault may kill the process a script names
    quiet: bool = False  #: no access log
    body_cap: int = BODY_CAP
