"""Variants of an edition: which are made, what they say, and what they are bound to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest
from sqlmodel import select

from digest.app.installation import App
from digest.app.send_start import freeze
from digest.delivery.sending import dispatch
from digest.errors import MailUnfit
from digest.issues import approval, provenance, store
from digest.issues.build import IssueBuilder, fingerprint, mail_fingerprint
from digest.issues.content.view import IssueView
from digest.issues.models import Edition, EditionVariant, Issue, IssueState, Recipe
from digest.issues.variants import lead_with_reviewer, seats_of, variants_of
from digest.mail.memory import MemoryTransport
from digest.render.lint import Finding, error, warning
from digest.render.rendered import Rendered
from subscribers.models import Standing, Subscriber
from tests.issues.variants.conftest import add_reader, build, store_judged, vote_like

LABEL = "The reviewer you agree with most"


def edition_of(installation: App) -> tuple[Edition, dict[int, EditionVariant]]:
    with installation.database.read() as session:
        edition = store.edition_of(session, store.by_number(session, 1, 1))
        return edition, variants_of(session, edition)


def test_without_a_consenting_reader_nothing_changes(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    store_judged(installation.database, now)
    vote_like(installation.database, add_reader(installation.database), 2, now)
    left = add_reader(installation.database, leads=True, standing=Standing.UNSUBSCRIBED)
    vote_like(installation.database, left, 3, now)
    build(installation, issue_builder, week, now)

    edition, variants = edition_of(installation)
    assert variants == {}
    assert edition.fingerprint == mail_fingerprint(edition)
    with installation.database.read() as session:
        assert "variants" not in session.exec(select(Recipe)).one().made_from
        assert seats_of(session, "weekly", edition) == {}


def test_there_is_a_variant_for_each_reviewer_somebody_agrees_with(
    installation: App,
    issue_builder: IssueBuilder,
    week: str,
    now: datetime,
    readers: dict[int, int],
) -> None:
    build(installation, issue_builder, week, now)

    edition, variants = edition_of(installation)
    assert list(variants) == [2, 3]
    with installation.database.read() as session:
        stored = session.get_one(Edition, edition.id)
        notes = {note.seat: note for note in provenance.variants_of(stored)}
    for seat, variant in variants.items():
        assert notes[seat].byline.startswith({2: "The sceptic", 3: "The forecaster"}[seat])
        for words, label in ((variant.html, LABEL), (variant.text, f"{LABEL}:")):
            begin = words.index(label)
            assert begin < words.index("“", begin) < words.index(notes[seat].byline, begin)
            assert words.count(label) == 1
    assert LABEL not in edition.html + edition.text
    assert edition.fingerprint != mail_fingerprint(edition)
    with installation.database.read() as session:
        agreeing = {reader: seat for reader, seat in readers.items() if seat}
        assert seats_of(session, "weekly", edition) == agreeing


def test_the_variants_made_again_are_the_same_bytes(
    installation: App,
    issue_builder: IssueBuilder,
    week: str,
    now: datetime,
    readers: dict[int, int],
) -> None:
    build(installation, issue_builder, week, now)

    def differs() -> tuple[str, ...]:
        with installation.database.read() as session:
            issue = store.by_number(session, 1, 1)
            edition = store.edition_of(session, issue)
            rerender = installation.issues.rerender
            return provenance.rebuild(session, issue, edition, rerender).differs

    assert differs() == ()
    with installation.database.write() as session:
        # It's there: the fixture made it.
        session.exec(select(EditionVariant)).first().text += "!"  # type: ignore[union-attr]
    assert differs() == ("variant 2",)


def test_an_approval_covers_the_variants(
    installation: App,
    issue_builder: IssueBuilder,
    week: str,
    now: datetime,
    readers: dict[int, int],
) -> None:
    build(installation, issue_builder, week, now)
    with installation.database.write() as session:
        issue = store.by_number(session, 1, 1)
        approval.approve(
            session, issue, templates="t", findings=(), by="Ann", now=now, despite=None
        )
    agreeing = next(reader for reader, seat in readers.items() if seat == 3)
    with installation.database.write() as session:
        lead_with_reviewer(session, agreeing, False, now)
    build(installation, issue_builder, week, now, again=True)

    edition, variants = edition_of(installation)
    assert list(variants) == [2]
    with installation.database.read() as session:
        issue = store.by_number(session, 1, 1)
        status = approval.approval_status(session, issue, templates="t")
        first, second = store.editions(session, issue)
    assert status is not None
    assert status.void == ("the mail",)
    assert mail_fingerprint(first) == mail_fingerprint(second)
    assert fingerprint(
        Rendered(subject=edition.subject, html=edition.html, text=edition.text), edition.preheader
    ) == mail_fingerprint(edition)


def test_an_error_in_a_variant_alone_forbids_the_issue(
    installation: App,
    issue_builder: IssueBuilder,
    week: str,
    now: datetime,
    readers: dict[int, int],
) -> None:
    def check(view: IssueView, _: Rendered) -> Sequence[Finding]:
        everywhere = warning("size", "html", "it is heavy", "Cut it.")
        if not view.comparisons[0].quotes[0].label:
            return [everywhere]
        return [everywhere, error("wrong", "html", "it is wrong", "Mend it.")]

    with pytest.raises(MailUnfit, match="it is wrong"):
        build(installation, replace(issue_builder, check=check), week, now)


def test_a_frozen_variant_is_checked_like_the_edition(
    installation: App,
    issue_builder: IssueBuilder,
    week: str,
    now: datetime,
    readers: dict[int, int],
) -> None:
    build(installation, issue_builder, week, now)
    with installation.database.write() as session:
        variant = session.exec(select(EditionVariant)).first()
        assert variant is not None
        variant.html = variant.html.replace("-digest_unsubscribe_token-", "gone")
    with installation.database.read() as session:
        edition = store.edition_of(session, store.by_number(session, 1, 1))
        findings = installation.issues.findings(edition)
    assert any(finding.rule == "unsubscribe-link" for finding in findings), findings


def test_every_reader_is_sent_the_mail_that_is_theirs(
    installation: App,
    issue_builder: IssueBuilder,
    week: str,
    now: datetime,
    readers: dict[int, int],
) -> None:
    build(installation, issue_builder, week, now)
    late = add_reader(installation.database, leads=True)
    vote_like(installation.database, late, 4, now)
    edition, variants = edition_of(installation)
    transport = MemoryTransport()
    with installation.database.write() as session:
        issue = store.by_number(session, 1, 1)
        audience = freeze(installation, session, issue, store.edition_of(session, issue))
        sending = installation.sending.edition_send(session, issue)
        names = dict(session.exec(select(Subscriber.address, Subscriber.id)).all())
    assert audience.batches == len({*readers.values()})
    dispatch(replace(sending, transport=transport), concurrency=1)

    got = {
        names[reader.address]: (mailing.content.html, mailing.content.text, mailing.content.subject)
        for mailing in transport.accepted
        for reader in mailing.recipients
    }
    assert len(transport.addresses()) == len(readers) + 1
    bodies = {seat: (each.html, each.text) for seat, each in variants.items()}
    bodies[0] = (edition.html, edition.text)
    for reader, seat in {**readers, late: 0}.items():
        assert got[reader] == (*bodies[seat], edition.subject)
    with installation.database.read() as session:
        assert session.exec(select(Issue)).one().state is IssueState.SENT
