"""Which reviewer a reader agrees with now, by what is stored."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlmodel import select

from digest.comparisons.models import Call, Comparison
from digest.comparisons.store import store_draft
from digest.db import Database
from digest.issues.variants import lead_with_reviewer, match_facts, match_of
from digest.issues.variants.reader_match import readers_by_seat, seats_agreed_with
from digest.votes import HeldReason
from digest.votes.models import Vote
from subscribers.models import Standing
from tests.issues.variants.conftest import PANEL, add_reader, judged, store_judged, vote_like


@pytest.mark.parametrize("seat", PANEL)
def test_who_votes_like_a_reviewer_agrees_with_that_one(
    database: Database, now: datetime, seat: int
) -> None:
    store_judged(database, now)
    reader = add_reader(database)
    vote_like(database, reader, seat, now)
    with database.read() as session:
        match = match_of(session, reader)
    assert match.best is not None
    assert match.best.reviewer == (4, seat)
    assert (match.best.agreed, match.best.compared, match.votes) == (6, 6, 6)
    assert match.reviewer("en") == f"Reviewer {seat}"
    assert not match.leads


def test_a_reviewer_has_the_name_that_is_published(database: Database, now: datetime) -> None:
    store_judged(database, now, reviewer="Ada Byron")
    reader = add_reader(database)
    vote_like(database, reader, 2, now)
    with database.read() as session:
        assert match_of(session, reader).reviewer("de") == "Ada Byron"


def test_the_newest_revision_is_what_a_vote_is_compared_with(
    database: Database, now: datetime
) -> None:
    store_judged(database, now)
    reader = add_reader(database)
    vote_like(database, reader, 2, now)
    draft = judged(0)
    turned = tuple(
        side.model_copy(
            update={
                "verdicts": tuple(
                    verdict.model_copy(update={"call": PANEL[1][0]}) for verdict in side.verdicts
                )
            }
        )
        for side in draft.contenders
    )
    with database.write() as session:
        store_draft(session, draft.model_copy(update={"contenders": turned}), now=now)
    with database.read() as session:
        match = match_of(session, reader)
    assert match.best is not None
    assert (match.best.reviewer.seat, match.best.agreed, match.best.compared) == (2, 4, 6)


def test_a_withdrawn_comparison_is_not_compared(database: Database, now: datetime) -> None:
    store_judged(database, now)
    reader = add_reader(database)
    vote_like(database, reader, 2, now)
    with database.write() as session:
        # It's there: the fixture made it.
        session.exec(select(Comparison)).first().withdrawn_at = now  # type: ignore[union-attr]
    with database.read() as session:
        match = match_of(session, reader)
    assert (match.compared, match.votes, match.best) == (4, 6, None)


def test_a_held_vote_is_still_the_reader_s_own_opinion(database: Database, now: datetime) -> None:
    store_judged(database, now)
    reader = add_reader(database)
    vote_like(database, reader, 3, now)
    with database.write() as session:
        for vote in session.exec(select(Vote)):
            vote.held = HeldReason.NETWORK
    with database.read() as session:
        assert match_of(session, reader).compared == 6


def test_only_consenting_readers_who_get_the_newsletter_are_matched_for_it(
    database: Database, now: datetime
) -> None:
    store_judged(database, now)
    agrees = {add_reader(database, leads=True): seat for seat in (2, 3, 2)}
    others = [
        add_reader(database),
        add_reader(database, leads=True, standing=Standing.UNSUBSCRIBED),
    ]
    few = add_reader(database, leads=True)
    vote_like(database, few, 1, now, tools=4)
    for reader, seat in [*agrees.items(), *((reader, 1) for reader in others)]:
        vote_like(database, reader, seat, now)
    with database.read() as session:
        assert readers_by_seat(session, "weekly", seats=4) == agrees
        assert seats_agreed_with(session, "weekly", seats=4) == [2, 3]
        assert readers_by_seat(session, "weekly", seats=3) == {}
        assert readers_by_seat(session, "daily", seats=4) == {}


def test_who_agrees_with_nobody_on_half_of_the_tools_gets_no_variant(
    database: Database, now: datetime
) -> None:
    store_judged(database, now, unanimous=Call.SHIP)
    reader = add_reader(database, leads=True)
    vote_like(database, reader, 2, now)
    with database.read() as session:
        assert seats_agreed_with(session, "weekly", seats=4) == []


def test_consent_is_kept_with_its_moment_until_it_is_taken_back(
    database: Database, now: datetime
) -> None:
    store_judged(database, now)
    reader = add_reader(database)
    vote_like(database, reader, 4, now)
    with database.write() as session:
        lead_with_reviewer(session, reader, True, now)
    with database.read() as session:
        facts = match_facts(session, reader)
        assert readers_by_seat(session, "weekly", seats=4) == {reader: 4}
    assert facts["vote_preferences"] == {"reviewer_since": now, "changes_since": None}
    assert facts["agreement"][0] == {"panel": 4, "seat": 4, "agreed": 6, "compared": 6}
    with database.write() as session:
        lead_with_reviewer(session, reader, False, now)
    with database.read() as session:
        assert match_facts(session, reader)["vote_preferences"]["reviewer_since"] is None
        assert readers_by_seat(session, "weekly", seats=4) == {}
