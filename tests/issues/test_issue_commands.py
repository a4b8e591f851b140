"""How commands name an issue, where each newsletter counts its own from 1."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlmodel import Session

from digest.app.installation import App
from digest.errors import NotApproved
from digest.issues import build, newsletters, store
from digest.issues.approval import require_approved
from digest.issues.build import IssueBuilder
from digest.issues.issue_commands import build_again, named, option_of, repeated
from digest.issues.models import Issue

NOW = datetime.fromisoformat("2026-11-24T09:00:00Z")


@pytest.fixture
def session(installation: App) -> Iterator[Session]:
    with installation.database.write() as session:
        yield session


def built(session: Session, slug: str, week: str, issue_builder: IssueBuilder) -> Issue:
    newsletter = store.newsletter(session, slug)
    return build.build(session, newsletter, week, now=NOW, issue_builder=issue_builder)[0]


def test_an_issue_of_another_newsletter_is_named_with_it(
    session: Session, issue_builder: IssueBuilder, week: str
) -> None:
    newsletters.create(session, "tools", {"name": "Tools"})
    usual, other = (built(session, slug, week, issue_builder) for slug in ("weekly", "tools"))

    assert (named(usual), named(other)) == ("1", "1 --newsletter tools")
    assert build_again(usual) == f"digest build --period {week} --again"
    assert build_again(other) == f"digest build --period {week} --newsletter tools --again"
    assert (repeated(1, "weekly"), repeated(1, "tools")) == ("1", "1 --newsletter tools")


def test_the_only_newsletter_goes_without_saying(
    session: Session, issue_builder: IssueBuilder, week: str
) -> None:
    newsletter = store.newsletter(session, "weekly")
    newsletter.slug = "tools"
    session.flush()

    assert named(built(session, "tools", week, issue_builder)) == "1"
    assert option_of(newsletter) == ""


def test_a_refusal_leads_to_the_issue_it_is_about(
    session: Session, issue_builder: IssueBuilder, week: str
) -> None:
    newsletters.create(session, "tools", {"name": "Tools"})
    issue = built(session, "tools", week, issue_builder)

    with pytest.raises(NotApproved) as refused:
        require_approved(session, issue, templates="", findings=[])
    assert refused.value.next_step == "digest approve 1 --newsletter tools"
