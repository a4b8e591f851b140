"""Cast the votes of many requests in one transaction, and read there what their pages show.

This module hides the group commit: a press waits for its commit, a look at a link waits for none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from digest.app.installation import App
from digest.comparisons.models import Call
from digest.votes import (
    Ballot,
    BallotResult,
    HeldReason,
    ScanSign,
    VoteCount,
    VoteCounts,
    VoteLinkLook,
    VoteTarget,
    cast_votes,
    counts_of,
    note_looks,
    standing_votes,
)
from digest.web.voting.ballot_papers import BallotPaper, BallotPapers
from subscribers import lifecycle
from subscribers import store as subscribers
from subscribers.lifecycle import ConfirmResult
from subscribers.signup import StoreBusy
from subscribers.tokens import DatedTarget
from subscribers.web import SiteConfig

log = logging.getLogger(__name__)

_MOST_LOOKS = 1_000  # written later at once; one more is waited for, so that the queue has room


class BallotSlip(NamedTuple):
    """What one press of a button hands in, before the comparison was looked up."""

    target: VoteTarget
    language: str
    choices: Mapping[str, Call | None]  #: by the tool's slug; ``None`` takes the vote back
    network: str
    address: str
    machine: bool


@dataclass(frozen=True, kw_only=True)
class OpenedLink:
    """What a token opens: a comparison and a reader, each as far as it is still there."""

    paper: BallotPaper | None
    known: bool  #: the reader is on our list, subscribed or not
    standing: Mapping[str, Call] = field(default_factory=dict)  #: by slug
    joins: bool = False  #: a press also subscribes to the newsletter that the token names


@dataclass(frozen=True, kw_only=True)
class CastVote(OpenedLink):
    """What has become of a ballot slip."""

    pressed: Mapping[str, Call | None] = field(default_factory=dict)  #: by slug
    held: HeldReason | None = None
    sign: ScanSign | None = None  #: what made the press look like a program's
    counts: Mapping[int, VoteCount] = field(default_factory=dict)  #: by tool id
    joined: ConfirmResult | None = None  #: of a press that was to subscribe, too

    def facts(self) -> tuple[object, ...]:
        """Return all that is in it, to be compared and hashed."""
        return tuple(
            tuple(value.items()) if isinstance(value, Mapping) else value
            for value in vars(self).values()
        )


#: Subscribes the reader of a letter's link, and returns what came of it; the caller commits.
Join = Callable[[Session], ConfirmResult]


class BallotBox:
    """The way of presses and looks into the database, by the group commit of all the pages.

    Raises `BadSetting`.
    """

    def __init__(self, app: App, config: SiteConfig) -> None:
        self._app = app
        self._config = config
        self._terms = app.votes.terms  # here, so that a bad setting keeps the site from starting
        self._papers = BallotPapers()
        self._looks: set[asyncio.Task[None]] = set()

    def open(self, target: VoteTarget, language: str) -> OpenedLink:
        """Return what a token opens; blocks while it reads."""
        key = (target.comparison_id, language)
        with self._config.sessions.read() as session:
            paper = self._papers.find(session, [key]).get(key)
            own = standing_votes(session, target.subscriber_id, target.comparison_id)
            return OpenedLink(
                paper=paper,
                known=subscribers.find_by_id(session, target.subscriber_id) is not None,
                standing=paper.by_slug(own) if paper else {},
                joins=self._joins(session, target),
            )

    def _joins(self, session: Session, target: VoteTarget) -> bool:
        if not target.newsletter:
            return False
        letter = DatedTarget(target.subscriber_id, target.newsletter, target.sent_at)
        now, hours = self._app.clock(), self._config.link_hours
        foreseen = lifecycle.foresee(session, letter, now, hours=hours)
        return foreseen is ConfirmResult.DONE

    async def cast(self, slip: BallotSlip) -> CastVote:
        """Cast the vote of a slip, and return what became of it after the commit.

        Nothing is cast for a reader who was erased, on a comparison that was withdrawn, or for
        tools that aren't in it. Raises what `GroupCommit.together` raises.
        """
        return await self._config.group_commit.together(self._write, slip)

    def _write(
        self, session: Session, items: Sequence[BallotSlip | VoteLinkLook]
    ) -> list[CastVote]:
        """Write looks and slips in one transaction: one by one they would each wait for a commit.

        A reader's look mostly comes just before the press. For a look the result says nothing.
        """
        looks = [item for item in items if isinstance(item, VoteLinkLook)]
        note_looks(session, looks, self._terms, self._app.clock())
        cast = iter(self._cast(session, [item for item in items if isinstance(item, BallotSlip)]))
        return [_NOTHING if isinstance(item, VoteLinkLook) else next(cast) for item in items]

    async def cast_and_join(self, slip: BallotSlip, join: Join) -> CastVote:
        """Do what `cast` does, and subscribe the reader in the same transaction.

        A press that may be a program's subscribes nobody.
        """
        return await self._config.group_commit.alone(
            lambda session: self._cast_and_join(session, slip, join)
        )

    def _cast_and_join(self, session: Session, slip: BallotSlip, join: Join) -> CastVote:
        [cast] = self._cast(session, [slip])
        valid = cast.known and _ballot(slip, cast.paper) is not None
        if not valid or cast.held is HeldReason.SCANNER:
            return replace(cast, joins=self._joins(session, slip.target))
        joined = join(session)
        if joined is ConfirmResult.DONE and cast.held is HeldReason.SUPPRESSED:
            [cast] = self._cast(session, [slip])  # the confirmation has lifted the suppression
        return replace(cast, joined=joined)

    def _cast(self, session: Session, slips: Sequence[BallotSlip]) -> list[CastVote]:
        """Cast the votes of *slips*, by few statements however many there are."""
        papers = self._papers.find(
            session, {(slip.target.comparison_id, slip.language) for slip in slips}
        )
        opened = [papers.get((slip.target.comparison_id, slip.language)) for slip in slips]
        ballots = {
            number: ballot
            for number, (slip, paper) in enumerate(zip(slips, opened, strict=True))
            if (ballot := _ballot(slip, paper))
        }
        cast = cast_votes(session, list(ballots.values()), self._terms, self._app.clock())
        results = dict(zip(ballots, cast, strict=True))
        counts = counts_of(session, [slip.target.comparison_id for slip in slips])
        return [
            _cast_vote(slip, paper, results.get(number) or _nothing_cast(session, slip), counts)
            for number, (slip, paper) in enumerate(zip(slips, opened, strict=True))
        ]

    async def note(self, look: VoteLinkLook) -> None:
        """Note a look at a link a moment later; the visitor waits only while many are waiting."""
        task = asyncio.create_task(self._note_soon(look))
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)
        if len(self._looks) > _MOST_LOOKS:
            await task

    async def finish(self) -> None:
        """Wait for the looks that aren't written yet."""
        await asyncio.gather(*self._looks)

    async def _note_soon(self, look: VoteLinkLook) -> None:
        try:
            await self._config.group_commit.together(self._write, look)
        except (SQLAlchemyError, StoreBusy, TimeoutError) as fault:
            log.error("a look at a vote link can't be noted: %s", type(fault).__name__)


_NOTHING = CastVote(paper=None, known=False)


def _ballot(slip: BallotSlip, paper: BallotPaper | None) -> Ballot | None:
    """Return what is cast for a slip; ``None`` for nothing."""
    if paper is None or paper.withdrawn:
        return None
    calls = paper.by_id(slip.choices)
    return Ballot(slip.target, calls, slip.network, slip.address, slip.machine) if calls else None


def _nothing_cast(session: Session, slip: BallotSlip) -> BallotResult:
    target = slip.target
    own = standing_votes(session, target.subscriber_id, target.comparison_id)
    return BallotResult(standing=own)


def _cast_vote(
    slip: BallotSlip, paper: BallotPaper | None, result: BallotResult, counts: VoteCounts
) -> CastVote:
    return CastVote(
        paper=paper,
        known=not result.gone,
        standing=paper.by_slug(result.standing) if paper else {},
        pressed=slip.choices,
        held=result.held,
        sign=result.sign,
        counts=counts.get(slip.target.comparison_id, {}),
    )
