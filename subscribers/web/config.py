"""What the pages are given to work with: whoever mounts them fills this in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy.orm import Session

from subscribers.abuse_prevention import ProofOfWork, RateLimits
from subscribers.lifecycle import Elsewhere, nothing_elsewhere
from subscribers.retention import KEPT, RetentionPeriods
from subscribers.signup import GroupCommit, SignupWorker
from subscribers.store import Sessions
from subscribers.tokens import Hashes, Links, Tokens
from subscribers.web.client import Network
from subscribers.web.flood_guard import FloodGuard
from subscribers.web.page_model import Renderer, plain


class KeepNetwork(StrEnum):
    """What the consent ledger keeps of where a form was sent from."""

    NONE = "none"  #: nothing
    PREFIX = "prefix"  #: the /24 or /48
    FULL = "full"  #: the address


@dataclass(frozen=True, kw_only=True)
class NewsletterInfo:
    """What readers are told of a newsletter."""

    slug: str
    name: str
    description: str = ""  #: what comes
    comes: Mapping[str, str] = field(default_factory=dict)  #: by language, after "comes"
    tracking: Literal["off", "anonymous", "reader"] = "off"  #: what opens and clicks tell
    latest: str = ""  #: path of the issue to look at first
    topics: Sequence[tuple[str, str]] = ()  #: (value, words); none when there is nothing to choose


def _nothing_else(_session: Session, _subscriber_id: int) -> Mapping[str, Any]:
    """Keep nothing of a reader but what this package keeps."""
    return {}


def _nothing_more() -> None:
    """Do nothing: what was deleted is gone."""


def _nobody_waits() -> None:
    """Do nothing: whoever sends letters looks for them by itself."""


@dataclass(frozen=True, kw_only=True)
class SiteConfig:
    """One installation's public side."""

    sessions: Sessions
    tokens: Tokens
    hashes: Hashes
    clock: Callable[[], datetime]
    base_url: str
    newsletters: Mapping[str, NewsletterInfo]  #: by slug; the first is the one a bare form is for
    render: Renderer = plain
    limits: RateLimits = RateLimits()  # noqa: RUF009 - frozen
    trusted_proxies: Sequence[Network] = ()
    keep_network: KeepNetwork = KeepNetwork.PREFIX
    disposable: frozenset[str] = frozenset()  #: domains whose addresses aren't taken
    proof: ProofOfWork | None = None  #: the sum a browser does before it signs somebody up
    harder: ProofOfWork | None = None  #: the one past a cap; without it, nobody gets past
    embed_origins: Sequence[str] = ()  #: sites that may show the form in a frame: https://a.example
    #: What the rest of the house keeps of a reader, for the file of everything that is kept.
    elsewhere: Callable[[Session, int], Mapping[str, Any]] = _nothing_else
    erase_elsewhere: Elsewhere = nothing_elsewhere  #: forgets that, when a reader is forgotten
    responsible: str = ""  #: who keeps the list, with where they can be found
    carrier: str = ""  #: whom the mails are handed to: a company, where it is one
    #: For how many days copies of the store hold what was deleted; ``None`` where nobody can tell.
    copies_kept: int | None = 0
    files_kept: bool = False  #: each mail is also kept as a file, until somebody deletes it
    mailto: str = ""  #: where one can leave by mail while the store is out of order
    retention: RetentionPeriods = KEPT
    on_erased: Callable[[], None] = _nothing_more  #: called when somebody was forgotten
    on_letter: Callable[[], None] = _nobody_waits  #: called when a letter waits
    link_hours: int = 48  #: how long a link to confirm lasts
    undo: timedelta = timedelta(hours=1)  #: how long leaving can be taken back
    form_hours: int = 6  #: how long an open form stays good
    form_seconds: float = 2.0  #: nobody fills one in faster
    pause: float = 0.2  #: seconds after which a sign-up is taken in, apart from the answer
    hold: float = 0.5  #: seconds a network that was stopped waits for each further answer
    writer: GroupCommit = field(init=False)
    taking: SignupWorker = field(init=False)
    shield: FloodGuard = field(init=False)
    links: Links = field(init=False)

    def __post_init__(self) -> None:
        """Put together what follows from the rest."""
        object.__setattr__(self, "writer", GroupCommit(self.sessions))
        taking = SignupWorker(
            self.writer, self.hashes, self.limits.address, self.on_letter, self.pause
        )
        object.__setattr__(self, "taking", taking)
        object.__setattr__(self, "shield", FloodGuard(self.writer, self.clock, hold=self.hold))
        object.__setattr__(self, "links", Links(self.base_url, self.tokens))

    async def stop(self) -> None:
        """Finish what is being written: call it before the store is closed."""
        await self.taking.stop()
        await self.shield.finish()
        await asyncio.to_thread(self.writer.stop)

    def about(self, slug: str) -> NewsletterInfo | None:
        """Return what is told of a newsletter, of the first one for an empty name."""
        return self.newsletters.get(slug or next(iter(self.newsletters), ""))
