"""Fixtures for letters: a comparison whose verdict changes, its issues, and its readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from sqlmodel import Session, col, select

from digest.comparisons import store as comparisons
from digest.comparisons.models import Call
from digest.db import Database
from digest.delivery.models import Batch, BatchState, Delivery
from digest.issues.models import (
    Edition,
    Issue,
    IssueState,
    Newsletter,
    Placement,
    Recipe,
    TemplateSet,
)
from digest.letters import queue_verdict_letters
from digest.votes.models import Vote, VoterPreference
from subscribers.models import LetterState, LetterToSend, Standing, Subscriber, Subscription
from tests.directory.conftest import make_draft

HOUR = timedelta(hours=1)
LATHE = "Lathe"


def slug_of(tool: str) -> str:
    """Return the slug of a tool's comparison with Mortar."""
    return f"{tool.lower()}-vs-mortar"


@dataclass
class World:
    """A newsletter whose issues carry a tool's comparison with Mortar, which readers vote on."""

    database: Database
    now: datetime
    issues: int = 0
    readers: list[int] = field(default_factory=list)

    def newsletter(self, slug: str = "weekly", *, language: str = "en") -> int:
        with self.database.write() as session:
            row = Newsletter(slug=slug, name=slug.title(), language=language)
            session.add(row)
            session.flush()
            return row.id or 0

    def reader(
        self,
        *newsletters: str,
        standing: Standing = Standing.CONFIRMED,
        suppressed: str | None = None,
        wants: bool = True,
    ) -> int:
        """Put a reader on the list, who wants letters on changes."""
        with self.database.write() as session:
            name = f"reader-{len(self.readers)}@example.org"
            row = Subscriber(
                address=name, address_key=name, suppressed=suppressed, created_at=self.now
            )
            session.add(row)
            session.flush()
            number = row.id or 0
            for slug in newsletters or ("weekly",):
                session.add(
                    Subscription(
                        subscriber_id=number, newsletter=slug, standing=standing, since=self.now
                    )
                )
            if wants:
                session.add(VoterPreference(subscriber_id=number, changes_since=self.now))
        self.readers.append(number)
        return number

    def revise(self, share: float = 75.0, *, tagline: str = "", tool: str = LATHE) -> int:
        """Store a comparison with another share, a minute later, and return its revision."""
        return self.bulk(share, tool, tagline=tagline)[0]

    def bulk(self, share: float, *tools: str, tagline: str = "") -> list[int]:
        """Store several comparisons by one import, a minute later, and return their revisions."""
        self.now += timedelta(minutes=1)
        with self.database.write() as session:
            for tool in tools:
                draft = make_draft(tool, "Mortar", shares=(share, 25.0), tagline=tagline)
                comparisons.store_draft(session, draft, now=self.now)
            stored = (comparisons.by_slug(session, slug_of(tool)) for tool in tools)
            return [comparisons.latest(session, each).id or 0 for each in stored]

    def send(
        self,
        *readers: int,
        newsletter: int = 1,
        carries: bool = True,
        tells: int = 0,
        state: BatchState = BatchState.ACCEPTED,
        tools: Sequence[str] = (LATHE,),
    ) -> None:
        """Send an issue that carries the comparisons of *tools*, or tells of Lathe's *tells*."""
        self.now += timedelta(minutes=1)
        self.issues += 1
        with self.database.write() as session:
            issue = Issue(
                newsletter_id=newsletter,
                number=self.issues,
                period=f"2026-W{self.issues:02}",
                state=IssueState.SENT,
                built_at=self.now,
                prepared_at=self.now,
            )
            session.add(issue)
            session.flush()
            edition = Edition(
                issue_id=issue.id or 0, subject="", html="", text="", fingerprint="",
                frozen_at=self.now,
            )  # fmt: skip
            session.add(edition)
            session.flush()
            for position, tool in enumerate(tools if carries else (), 1):
                comparison = comparisons.by_slug(session, slug_of(tool))
                revision = comparisons.latest(session, comparison)
                session.add(
                    Placement(
                        issue_id=issue.id or 0,
                        position=position,
                        comparison_id=comparison.id or 0,
                        revision_id=revision.id or 0,
                    )
                )
            if tells:
                comparison = comparisons.by_slug(session, slug_of(LATHE))
                block = {"comparison_id": comparison.id, "now": tells}
                session.add(TemplateSet(hash=str(edition.id), files={}))
                session.flush()
                session.add(
                    Recipe(
                        edition_id=edition.id or 0,
                        made_from={"background": {"changes": [block]}},
                        templates=str(edition.id),
                    )
                )
            self._deliver(session, edition.id or 0, readers, state)

    def _deliver(
        self, session: Session, edition: int, readers: tuple[int, ...], state: BatchState
    ) -> None:
        rows = [Delivery(edition_id=edition, subscriber_id=reader) for reader in readers]
        session.add_all(rows)
        session.flush()
        if rows:
            session.add(
                Batch(
                    key=f"batch-{edition}",
                    edition_id=edition,
                    number=1,
                    root=f"batch-{edition}",
                    first_delivery=rows[0].id or 0,
                    last_delivery=rows[-1].id or 0,
                    size=len(rows),
                    state=state,
                )
            )

    def vote(self, reader: int, call: Call | None = Call.SHIP, *, on: str = LATHE) -> None:
        self.now += timedelta(minutes=1)
        with self.database.write() as session:
            comparison = comparisons.by_slug(session, slug_of(on))
            tool = comparisons.latest(session, comparison).contenders[0].tool_id
            session.add(
                Vote(
                    comparison_id=comparison.id or 0,
                    tool_id=tool,
                    subscriber_id=reader,
                    call=call,
                    at=self.now,
                )
            )

    def told(self) -> list[int]:
        """Run the job an hour later, and return all readers who have a letter so far."""
        self.now += HOUR
        queue_verdict_letters(self.database, self.now)
        return [letter.subscriber_id or 0 for letter in self.letters()]

    def letters(self) -> list[LetterToSend]:
        with self.database.read() as session:
            chosen = select(LetterToSend).order_by(col(LetterToSend.id))
            return list(session.exec(chosen).all())

    def settle(self, state: LetterState) -> None:
        with self.database.write() as session:
            session.connection().execute(update(LetterToSend).values(state=state))


@pytest.fixture
def world(database: Database, now: datetime) -> World:
    """A newsletter, and a comparison whose left tool all of the panel would ship."""
    made = World(database, now)
    made.newsletter()
    made.revise(100.0)
    return made


@pytest.fixture
def reader(world: World) -> int:
    """A reader whose issue carried the comparison."""
    made = world.reader()
    world.send(made)
    return made
