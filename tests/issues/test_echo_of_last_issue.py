"""The next issue opens with what readers voted on the last one that went out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from sqlmodel import Session, select

from digest.app.installation import App
from digest.comparisons.models import Call, Comparison
from digest.comparisons.store import revisions
from digest.issues import build as publish
from digest.issues import corrections, draft_history, provenance, store
from digest.issues.build import IssueBuilder
from digest.issues.checking import withdrawn_since
from digest.issues.content import IssueView
from digest.issues.models import Issue, IssueState
from digest.issues.picking import overrides
from digest.votes.models import BY_LETTER, Vote

NEXT, AFTER = "2026-W49", "2026-W50"
Build = Callable[[str], tuple[Issue, IssueView]]


@pytest.fixture
def session(installation: App) -> Iterator[Session]:
    with installation.database.write() as session:
        yield session


@pytest.fixture
def build(session: Session, issue_builder: IssueBuilder, now: datetime) -> Build:
    """Build the issue of a week."""

    def build(week: str) -> tuple[Issue, IssueView]:
        newsletter = store.newsletter(session, "weekly")
        issue, made = publish.build(
            session, newsletter, week, now=now, issue_builder=issue_builder, again=True
        )
        return issue, made.view

    return build


def send(session: Session, issue: Issue, now: datetime, *, votes: int = 10) -> str:
    """Have an issue sent, and votes against a tool it carries; return the comparison's slug."""
    issue.state, issue.prepared_at, issue.sent_at = IssueState.SENT, now, now
    edition = store.edition_of(session, issue)
    return vote(session, issue, now, edition_id=edition.id or 0, votes=votes)


def vote(session: Session, issue: Issue, now: datetime, *, edition_id: int, votes: int) -> str:
    """Vote against a tool that an issue carries; return the comparison's slug."""
    revision_id = store.placements(session, issue)[0].revision_id
    revision = revisions(session, [revision_id])[revision_id]
    session.add_all(
        Vote(
            comparison_id=revision.comparison_id,
            tool_id=revision.contenders[0].tool_id,
            call=Call.SKIP,
            edition_id=edition_id,
            at=now,
            mailbox_hash=f"{edition_id}/{number}",
        )
        for number in range(votes)
    )
    session.flush()
    return revision.comparison.slug


def told(view: IssueView) -> str:
    """Return the slug of the comparison whose votes an issue tells of, or nothing."""
    return view.echo.slug if view.echo else ""


def test_the_next_issue_tells_what_readers_voted(
    session: Session, build: Build, week: str, now: datetime
) -> None:
    slug = send(session, build(week)[0], now)
    issue, view = build(NEXT)
    edition = store.edition_of(session, issue)
    text = " ".join(edition.text.split())

    assert told(view) == slug
    assert view.echo is not None
    assert view.echo.text.startswith("Last time, 10 of you voted: 0% would ship ")
    assert text.index(view.echo.text) < text.index(view.opening)
    assert edition.html.index(view.echo.text) < edition.html.index(view.opening)
    assert f"See how readers voted: {view.echo.url}" in text
    assert f'href="{view.echo.url}"' in edition.html


def test_later_votes_do_not_change_what_an_issue_tells(
    installation: App, session: Session, build: Build, week: str, now: datetime
) -> None:
    send(session, build(week)[0], now)
    issue, view = build(NEXT)
    for each in session.exec(select(Vote)):
        each.call = Call.SHIP
    session.flush()
    made = provenance.rebuild(
        session, issue, store.edition_of(session, issue), installation.issues.rerender
    )

    assert made.differs == ()
    assert made.view.echo == view.echo
    assert build(NEXT)[1].echo != view.echo  # built again, it tells of the votes as they stand


def test_votes_that_are_not_its_readers_are_not_told_as_theirs(
    session: Session, build: Build, week: str, now: datetime
) -> None:
    first, _ = build(week)
    send(session, first, now, votes=6)
    vote(session, first, now, edition_id=BY_LETTER, votes=20)  # by visitors of the site
    other = (store.edition_of(session, first).id or 0) + 1_000
    vote(session, first, now, edition_id=other, votes=30)  # by another newsletter's readers
    _, view = build(NEXT)

    assert view.echo is not None
    assert view.echo.text.startswith("Last time, 6 of you voted: 0% would ship ")


def test_two_issues_running_do_not_tell_it_alike(
    session: Session, build: Build, week: str, now: datetime
) -> None:
    for each in (week, NEXT):
        send(session, build(each)[0], now)
    _, view = build(AFTER)

    assert view.echo is not None
    assert view.echo.text.startswith("From our last issue: 0% of your 10 votes on ")


def test_too_few_votes_and_the_first_issue_have_no_echo(
    session: Session, build: Build, week: str, now: datetime
) -> None:
    first, view = build(week)
    send(session, first, now, votes=4)

    assert told(view) == ""
    assert told(build(NEXT)[1]) == ""


@pytest.mark.parametrize("state", [IssueState.BUILT, IssueState.CANCELLED])
def test_an_issue_that_did_not_go_out_has_no_echo(
    session: Session, build: Build, week: str, now: datetime, state: IssueState
) -> None:
    slug = send(session, build(week)[0], now)
    second, _ = build(NEXT)
    send(session, second, now)
    second.state = state
    second.prepared_at = None if state is IssueState.BUILT else now

    assert told(build(AFTER)[1]) == slug


def test_an_editor_s_own_opening_leaves_the_echo(
    session: Session, build: Build, week: str, now: datetime
) -> None:
    slug = send(session, build(week)[0], now)
    newsletter = store.newsletter(session, "weekly")
    own = overrides.set_text(overrides.Decisions(), "opening", "Words of our own.")
    draft_history.decide(session, newsletter, NEXT, own, summary="opening", now=now)
    _, view = build(NEXT)

    assert (told(view), view.opening) == (slug, "Words of our own.")


def test_a_correction_has_no_echo(
    session: Session, build: Build, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    send(session, build(week)[0], now)
    second, _ = build(NEXT)
    send(session, second, now)
    _, draft = corrections.build_correction(
        session, second, now=now, issue_builder=issue_builder, why="We miscounted."
    )

    assert draft.built.view.echo is None


def test_a_withdrawn_comparison_has_no_echo_and_stops_an_issue_that_tells_of_it(
    session: Session, build: Build, week: str, now: datetime
) -> None:
    slug = send(session, build(week)[0], now)
    issue, _ = build(NEXT)
    comparison = session.exec(select(Comparison).where(Comparison.slug == slug)).one()
    comparison.withdrawn_at = now
    session.flush()

    [finding] = withdrawn_since(store.edition_of(session, issue), issue)
    assert finding.message == f"it tells of votes on {slug}, which was withdrawn"
    rebuilt, view = build(NEXT)
    assert told(view) == ""
    assert withdrawn_since(store.edition_of(session, rebuilt), rebuilt) == []
