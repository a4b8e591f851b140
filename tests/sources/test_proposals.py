"""Proposals: nothing of a source is stored before somebody lets it, and a rule only goes so far."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlmodel import Session, col, select

from digest.comparisons import editorial, store
from digest.comparisons.models import Comparison, Tool
from digest.comparisons.schema import ComparisonDraft
from digest.comparisons.store import ImportOutcome, store_draft, summaries
from digest.db import Database
from digest.errors import DigestError, NotFound, WrongState
from digest.sources import proposals
from digest.sources.models import (
    AcceptRule,
    PageOutcome,
    Proposal,
    ProposalDecision,
    ProposalKind,
    Source,
    SourcePage,
)
from tests.sources.conftest import Followed, draft


def says(followed: Followed, content: ComparisonDraft, now: datetime) -> PageOutcome:
    """Let the page say something; return what that was to the engine."""
    with followed.database.write() as session:
        source = session.get_one(Source, followed.source_id)
        page = session.get_one(SourcePage, followed.page_id)
        return proposals.propose(session, source, page, content, now)


def goes(followed: Followed, now: datetime) -> None:
    """Let the page be gone."""
    with followed.database.write() as session:
        source = session.get_one(Source, followed.source_id)
        page = session.get_one(SourcePage, followed.page_id)
        proposals.propose_withdrawal(session, source, page, now)


def waiting(database: Database) -> list[Proposal]:
    with database.read() as session:
        return proposals.waiting(session)


def accept_all(followed: Followed, now: datetime) -> list[proposals.AcceptedProposal]:
    with followed.database.write() as session:
        return [
            proposals.accept(session, each.id or 0, "Edith", now)
            for each in proposals.waiting(session)
        ]


def set_rule(followed: Followed, rule: AcceptRule) -> None:
    with followed.database.write() as session:
        session.get_one(Source, followed.source_id).accept = rule


def comparisons(database: Database) -> dict[str, int]:
    """Map each stored comparison to the number of its newest revision."""
    with database.read() as session:
        return {row.slug: row.revision for row in summaries(session)}


def test_a_new_page_waits_and_nothing_of_it_is_stored(followed: Followed, now: datetime) -> None:
    assert says(followed, draft(), now) is PageOutcome.NEW
    assert [row.kind for row in waiting(followed.database)] == [ProposalKind.NEW]
    with followed.database.read() as session:
        assert session.exec(select(Comparison)).all() == []
        assert session.exec(select(Tool)).all() == []


def test_an_accepted_page_becomes_a_comparison(followed: Followed, now: datetime) -> None:
    says(followed, draft(source="as read"), now)
    (accepted,) = accept_all(followed, now)
    assert accepted.result is not None
    assert accepted.result.outcome is ImportOutcome.NEW
    with followed.database.read() as session:
        comparison = store.by_slug(session, "lathe-vs-mortar")
        assert store.latest(session, comparison).source == "as read"
        assert followed.page().comparison_id == comparison.id


def test_the_record_of_a_decision_says_who_and_keeps_no_content(
    followed: Followed, now: datetime
) -> None:
    says(followed, draft(source="as read"), now)
    accept_all(followed, now)
    with followed.database.read() as session:
        row = session.exec(select(Proposal)).one()
    assert (row.decision, row.by, row.by_rule) == (ProposalDecision.ACCEPTED, "Edith", False)
    assert (row.draft, row.source_text) == ({}, "")


def test_a_change_is_a_revision_with_its_difference(followed: Followed, now: datetime) -> None:
    says(followed, draft(), now)
    accept_all(followed, now)
    assert says(followed, draft(question="Which one?"), now) is PageOutcome.CHANGED
    (proposal,) = waiting(followed.database)
    with followed.database.read() as session:
        (change,) = proposals.difference(session, proposal)
    assert (change.field, change.before, change.after) == ("question", "", "Which one?")
    accept_all(followed, now)
    assert comparisons(followed.database) == {"lathe-vs-mortar": 2}


def test_a_page_stays_its_comparison_whatever_its_title(followed: Followed, now: datetime) -> None:
    says(followed, draft(), now)
    accept_all(followed, now)
    says(followed, draft("Lathe 2", title="A new title"), now)
    accept_all(followed, now)
    assert comparisons(followed.database) == {"lathe-vs-mortar": 2}
    assert says(followed, draft("Lathe 2", title="A new title"), now) is PageOutcome.UNCHANGED


def test_a_newer_change_takes_the_place_of_one_that_waits(
    followed: Followed, now: datetime
) -> None:
    says(followed, draft(), now)
    (old,) = waiting(followed.database)
    says(followed, draft(question="Which one?"), now)
    (new,) = waiting(followed.database)
    assert new.id != old.id
    assert new.draft["question"] == "Which one?"
    with followed.database.write() as session, pytest.raises(NotFound, match="newer one"):
        proposals.accept(session, old.id or 0, "Edith", now)


def test_a_change_that_is_taken_back_waits_no_longer(followed: Followed, now: datetime) -> None:
    says(followed, draft(), now)
    accept_all(followed, now)
    says(followed, draft(question="Which one?"), now)
    assert says(followed, draft(), now) is PageOutcome.UNCHANGED
    assert waiting(followed.database) == []


def test_what_was_dismissed_is_proposed_again_when_it_changes(
    followed: Followed, now: datetime
) -> None:
    says(followed, draft(), now)
    (proposal,) = waiting(followed.database)
    with followed.database.write() as session:
        proposals.dismiss(session, proposal.id or 0, "Edith", "not ours", now)
    assert says(followed, draft(), now) is PageOutcome.UNCHANGED
    assert waiting(followed.database) == []
    says(followed, draft(question="Which one?"), now)
    assert len(waiting(followed.database)) == 1


def test_what_was_imported_before_is_known(followed: Followed, now: datetime) -> None:
    with followed.database.write() as session:
        store_draft(session, draft(), now=now)
    assert says(followed, draft(), now) is PageOutcome.UNCHANGED
    assert followed.page().comparison_id is not None


def test_a_value_that_an_editor_has_set_is_no_difference(followed: Followed, now: datetime) -> None:
    says(followed, draft(), now)
    accept_all(followed, now)
    with followed.database.write() as session:
        editorial.set_values(session, "lathe-vs-mortar", weight=2.0, now=now)
    says(followed, draft(question="Which one?"), now)
    (proposal,) = waiting(followed.database)
    with followed.database.read() as session:
        assert [each.field for each in proposals.difference(session, proposal)] == ["question"]


def test_a_page_that_is_gone_is_only_proposed(followed: Followed, now: datetime) -> None:
    set_rule(followed, AcceptRule.ALL)
    says(followed, draft(), now)
    goes(followed, now)
    assert [row.kind for row in waiting(followed.database)] == [ProposalKind.WITHDRAWAL]
    with followed.database.read() as session:
        assert store.by_slug(session, "lathe-vs-mortar").withdrawn_at is None
    (accepted,) = accept_all(followed, now)
    assert accepted.slug == "lathe-vs-mortar"
    with followed.database.read() as session:
        assert store.by_slug(session, "lathe-vs-mortar").withdrawn_at == now


def test_a_page_that_comes_back_ends_its_withdrawal(followed: Followed, now: datetime) -> None:
    says(followed, draft(), now)
    accept_all(followed, now)
    goes(followed, now)
    assert says(followed, draft(), now) is PageOutcome.UNCHANGED
    assert waiting(followed.database) == []


def test_a_page_that_went_before_anybody_decided_proposes_nothing(
    followed: Followed, now: datetime
) -> None:
    says(followed, draft(), now)
    goes(followed, now)
    assert waiting(followed.database) == []
    assert says(followed, draft(), now) is PageOutcome.NEW


def test_the_rule_changes_lets_a_change_through_but_nothing_new(
    followed: Followed, now: datetime
) -> None:
    set_rule(followed, AcceptRule.CHANGES)
    says(followed, draft(), now)
    assert len(waiting(followed.database)) == 1
    accept_all(followed, now)
    says(followed, draft(question="Which one?"), now)
    assert waiting(followed.database) == []
    assert comparisons(followed.database) == {"lathe-vs-mortar": 2}
    with followed.database.read() as session:
        rows = session.exec(select(Proposal).order_by(col(Proposal.id))).all()
    assert [row.by_rule for row in rows] == [False, True]


def test_no_rule_changes_a_comparison_that_another_way_brought(
    followed: Followed, now: datetime
) -> None:
    set_rule(followed, AcceptRule.ALL)
    with followed.database.write() as session:
        store_draft(session, draft(), now=now)
    foreign = draft("Anvil", slug="lathe-vs-mortar")
    assert says(followed, foreign, now) is PageOutcome.CHANGED
    assert [row.kind for row in waiting(followed.database)] == [ProposalKind.REVISION]
    assert comparisons(followed.database) == {"lathe-vs-mortar": 1}


def test_a_proposal_is_decided_once(followed: Followed, now: datetime) -> None:
    says(followed, draft(), now)
    (proposal,) = waiting(followed.database)
    accept_all(followed, now)
    with followed.database.write() as session, pytest.raises(NotFound, match="accepted by Edith"):
        proposals.dismiss(session, proposal.id or 0, "Berta", "", now)


def test_a_decision_has_a_name(followed: Followed, now: datetime) -> None:
    says(followed, draft(), now)
    (proposal,) = waiting(followed.database)
    with followed.database.write() as session, pytest.raises(DigestError, match="who you are"):
        proposals.accept(session, proposal.id or 0, " ", now)
    assert len(waiting(followed.database)) == 1


def test_a_source_of_one_newsletter_says_so_on_what_it_brings(
    followed: Followed, now: datetime
) -> None:
    with followed.database.write() as session:
        session.get_one(Source, followed.source_id).newsletter = "weekly"
    says(followed, draft(), now)
    accept_all(followed, now)
    with followed.database.read() as session:
        assert summaries(session)[0].set_by_editors == {"newsletter": "weekly"}


def test_a_proposal_of_another_version_says_what_to_do(followed: Followed, now: datetime) -> None:
    says(followed, draft(), now)
    with followed.database.write() as session:
        proposal = proposals.waiting(session)[0]
        proposal.draft = {**proposal.draft, "tomorrow": True}
    with (
        followed.database.write() as session,
        pytest.raises(WrongState, match="this version") as fault,
    ):
        proposals.accept(session, proposal.id or 0, "Edith", now)
    assert str(fault.value.next_step).startswith("digest sources dismiss")


def test_old_decisions_are_forgotten(followed: Followed, now: datetime, later: datetime) -> None:
    says(followed, draft(), now)
    accept_all(followed, now)
    says(followed, draft(question="Which one?"), now)

    def forget(session: Session) -> int:
        return proposals.forget_decided(session, later)

    with followed.database.write() as session:
        assert forget(session) == 1
    assert len(waiting(followed.database)) == 1


def test_a_revision_of_a_withdrawn_comparison_says_that_it_stays_so(
    followed: Followed, now: datetime
) -> None:
    says(followed, draft(), now)
    accept_all(followed, now)
    goes(followed, now)
    accept_all(followed, now)
    says(followed, draft(question="Which one now?"), now)
    (accepted,) = accept_all(followed, now)
    assert accepted.result is not None
    assert accepted.result.warnings[-1].endswith("digest comparisons restore lathe-vs-mortar")


def test_a_new_page_that_takes_the_place_of_another_says_so(
    followed: Followed, now: datetime
) -> None:
    says(followed, draft(), now)
    with followed.database.write() as session:
        store_draft(session, draft(question="Which one now?"), now=now)
    (accepted,) = accept_all(followed, now)
    assert accepted.result is not None
    assert "--revision 1" in accepted.result.warnings[-1]
