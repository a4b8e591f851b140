"""Define what the application that mounts the pages has to give them.

This module hides how the flood guard, the group commit and the sign-up worker are put together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Literal, NamedTuple

from sqlalchemy.orm import Session

from subscribers.abuse_prevention import ProofOfWork, RateLimits
from subscribers.lifecycle import EraseElsewhere, nothing_elsewhere
from subscribers.retention import KEPT, RetentionPeriods
from subscribers.signup import GroupCommit, SignupWorker
from subscribers.sql import UnitOfWork
from subscribers.tokens import Hashes, Links, Tokens
from subscribers.web.client import Network, network
from subscribers.web.flood_guard import FloodGuard
from subscribers.web.page_model import Renderer


class NetworkPrecision(StrEnum):
    """How much of a visitor's network address the consent record keeps."""

    NONE = "none"  #: nothing
    PREFIX = "prefix"  #: the network, an IPv4 /24 or IPv6 /48
    FULL = "full"  #: the whole address

    def kept(self, address: IPv4Address | IPv6Address | None) -> str | None:
        """Return the part of an address that the consent record may keep."""
        if self is NetworkPrecision.NONE or address is None:
            return None
        return str(address) if self is NetworkPrecision.FULL else network(address)


@dataclass(frozen=True, kw_only=True)
class NewsletterInfo:
    """What the pages say of a newsletter."""

    slug: str
    name: str
    description: str = ""  #: what comes
    comes: Mapping[str, str] = field(default_factory=dict)  #: by language, after "comes"
    tracking: Literal["off", "anonymous", "reader"] = "off"  #: how opens and clicks are counted
    latest: str = ""  #: path of the issue to look at first
    topics: Sequence[tuple[str, str]] = ()  #: (value, label); empty where there is no choice
    public: bool = True  #: false: only its own readers are told that it exists
    open: bool = True  #: strangers may sign up
    responsible: str = ""  #: its controller, where it isn't the site's


class SectionText(NamedTuple):
    """What a section of a reader's own page says, and what its button would switch to."""

    text: str  #: a paragraph
    button: str = ""  #: empty for none
    on: bool = False  #: whether the choice is switched on now; the button does the opposite


@dataclass(frozen=True, kw_only=True)
class OwnPageSection:
    """A section that the application adds to a reader's own page, with a choice on or off."""

    name: str  #: what its form calls it
    #: Returns its words for a subscriber in a language; ``None`` where there is nothing to say.
    show: Callable[[Session, int, str], SectionText | None]
    #: Switches a subscriber's choice on or off, at a moment; the caller commits.
    switch: Callable[[Session, int, bool, datetime], object]


def _no_data(_session: Session, _subscriber_id: int) -> Mapping[str, Any]:
    """Return nothing: the application keeps no data on readers itself."""
    return {}


def _ignore_erasure() -> None:
    """Do nothing after an erasure."""


def _ignore_letter() -> None:
    """Do nothing for a new letter: the sender of letters polls for them."""


@dataclass(frozen=True, kw_only=True)
class SiteConfig:
    """The configuration of one installation's pages, and the workers that they share."""

    sessions: UnitOfWork
    tokens: Tokens
    hashes: Hashes
    clock: Callable[[], datetime]
    base_url: str
    newsletters: Mapping[str, NewsletterInfo]  #: by slug; the first open one is the default
    render: Renderer
    limits: RateLimits = RateLimits()  # noqa: RUF009 - frozen
    trusted_proxies: Sequence[Network] = ()
    keep_network: NetworkPrecision = NetworkPrecision.PREFIX
    disposable: frozenset[str] = frozenset()  #: domains whose addresses are refused
    proof: ProofOfWork | None = None  #: the usual proof of work; ``None`` for none
    harder: ProofOfWork | None = None  #: the proof of work that leads past a cap; ``None`` for none
    embed_origins: Sequence[str] = ()  #: sites that may show the form in a frame: https://a.example
    #: Returns what the application keeps on a reader, for the export of personal data.
    elsewhere: Callable[[Session, int], Mapping[str, Any]] = _no_data
    erase_elsewhere: EraseElsewhere = nothing_elsewhere  #: erases that data with the reader
    own_sections: Sequence[OwnPageSection] = ()  #: that a reader's own page gets besides
    responsible: str = ""  #: the controller (GDPR, Art. 4): name and postal address
    carrier: str = ""  #: the company that delivers the mails; empty for none
    #: Days for which backups hold deleted data; ``None`` where the application can't know.
    copies_kept: int | None = 0
    #: What becomes of an erased reader's votes; empty where nobody votes.
    votes_of_erased: Literal["", "keep", "remove"] = ""
    files_kept: bool = False  #: each mail is also kept in a file until somebody deletes it
    mailto: str = ""  #: address to unsubscribe at by mail while the database is down
    retention: RetentionPeriods = KEPT
    on_erased: Callable[[], None] = _ignore_erasure  #: called after a reader was erased
    on_letter: Callable[[], None] = _ignore_letter  #: called after a letter was enqueued
    link_hours: int = 48  #: how long a link to confirm lasts
    undo: timedelta = timedelta(hours=1)  #: how long an unsubscription can be undone
    form_hours: int = 6  #: how long a form's token is valid
    form_seconds: float = 2.0  #: a form sent sooner after it was shown is a robot's
    pause: float = 0.2  #: seconds from the answer to the processing of a sign-up
    hold: float = 0.5  #: seconds that each answer to a stopped network is delayed
    group_commit: GroupCommit = field(init=False)
    signup_worker: SignupWorker = field(init=False)
    flood_guard: FloodGuard = field(init=False)
    links: Links = field(init=False)

    def __post_init__(self) -> None:
        """Make the workers that the pages share."""
        object.__setattr__(self, "group_commit", GroupCommit(self.sessions))
        worker = SignupWorker(
            self.group_commit, self.hashes, self.limits.address, self.on_letter, self.pause
        )
        object.__setattr__(self, "signup_worker", worker)
        object.__setattr__(
            self, "flood_guard", FloodGuard(self.group_commit, self.clock, hold=self.hold)
        )
        object.__setattr__(self, "links", Links(self.base_url, self.tokens))

    async def stop(self) -> None:
        """Finish pending writes; await this before the database is closed."""
        await self.signup_worker.stop()
        await self.flood_guard.finish()
        await asyncio.to_thread(self.group_commit.stop)

    def newsletter(self, slug: str) -> NewsletterInfo | None:
        """Return a newsletter by slug, for its own readers; ``None`` if unknown."""
        return self.newsletters.get(slug)

    def public_newsletter(self, slug: str) -> NewsletterInfo | None:
        """Return a newsletter for strangers, the first open one for an empty slug."""
        infos = self.newsletters.values()
        if not slug:
            return next((info for info in infos if info.open), None)
        info = self.newsletters.get(slug)
        return info if info and info.public else None
