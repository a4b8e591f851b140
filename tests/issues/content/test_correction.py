"""The difference between an issue that was wrong and its correction, and how it is worded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from digest.comparisons.models import Call, Entry, Revision
from digest.issues.content import (
    ChangeKind,
    ContentChange,
    Correction,
    correct_view,
    difference,
)
from digest.issues.content.copywriting import SUBJECT_LIMIT
from digest.votes import VoteCount
from tests.render.samples import full_week, make_contender, make_issue, make_revision

Edit = Callable[[Revision], None]


def share(revision: Revision) -> None:
    revision.contenders[0].panel_share = 50.0


def votes(revision: Revision) -> None:
    revision.contenders[0].community_share = 12.5


def entry(revision: Revision) -> None:
    revision.contenders[1].entry = Entry.FREE


def tagline(revision: Revision) -> None:
    revision.contenders[1].tagline = "Other words"


def call(revision: Revision) -> None:
    revision.contenders[0].verdicts[2].call = Call.SKIP


def name(revision: Revision) -> None:
    revision.contenders[0].name = "Lantern Code 4"


def labels(revision: Revision) -> None:
    revision.labels = ["Editor's pick"]


def link(revision: Revision) -> None:
    revision.url = "https://example.com/elsewhere"


def unseen(revision: Revision) -> None:
    """ContentChange what the mail doesn't show."""
    revision.intro, revision.question = "Other words", "Other words?"
    revision.contenders[0].description = "Other words"


LANTERN, QUAYSIDE = "Lantern Code 3", "Quayside Serverless Inference"
TITLE = f"{LANTERN} vs {QUAYSIDE}"


@pytest.mark.parametrize(
    ("edit", "what", "was", "now"),
    [
        (share, f"panel share of {LANTERN}", "75%", "50%"),
        (votes, f"community share of {LANTERN}", "—", "12.5%"),
        (entry, f"pricing of {QUAYSIDE}", "Paid", "Free"),
        (tagline, f"tagline of {QUAYSIDE}", make_revision().contenders[1].tagline, "Other words"),
        (call, f"Reviewer 3 on {LANTERN}", "not published", "would skip"),
        (name, "title", TITLE, f"Lantern Code 4 vs {QUAYSIDE}"),
        (labels, "category and labels", "Developer Tools", "Developer Tools · Editor's pick"),
        (
            link,
            "link to the full comparison",
            "https://example.org/comparisons/lantern-code-3-vs-quayside-serverless-inference",
            "https://example.com/elsewhere",
        ),
    ],
)
def test_each_kind_of_difference_is_found_and_said(
    edit: Edit, what: str, was: str, now: str
) -> None:
    after = make_revision()
    edit(after)
    words = [change.in_words() for change in difference([make_revision()], [after])]

    assert [(each.what, each.was, each.now) for each in words] == [(what, was, now)]


def test_what_the_mail_does_not_show_is_no_difference() -> None:
    after = make_revision()
    unseen(after)

    assert difference([make_revision()], [after]) == ()
    assert difference(full_week(), full_week()) == ()


def test_a_quote_counts_where_the_mail_shows_it() -> None:
    after = make_revision()
    for side in after.contenders:
        for verdict in side.verdicts:
            verdict.quote = f"Seat {verdict.seat} never said anything of the kind about it."
    found = difference([make_revision()], [after])

    assert {change.kind for change in found} == {ChangeKind.QUOTE}
    shown = {quote.seat for quote in make_issue().comparisons[0].quotes}
    shown |= {quote.seat for quote in make_issue(after).comparisons[0].quotes}
    assert {change.seat for change in found} == shown


def test_the_name_of_a_quoted_reviewer_counts_once() -> None:
    before, after = make_revision(), make_revision()
    for revision, reviewer in ((before, "Ada"), (after, "Grace")):
        for side in revision.contenders:
            for verdict in side.verdicts:
                verdict.reviewer = reviewer
    found = difference([before], [after])

    assert {(change.kind, change.was, change.now) for change in found} == {
        (ChangeKind.REVIEWER, "Ada", "Grace")
    }
    assert len({change.seat for change in found}) == len(found)


def test_sides_that_changed_places_are_compared_by_tool() -> None:
    before, after = make_revision(), make_revision()
    after.contenders = [after.contenders[1], after.contenders[0]]
    for side, contender in enumerate(after.contenders):
        contender.side = side

    assert [change.kind for change in difference([before], [after])] == [ChangeKind.TITLE]


def test_a_side_that_is_gone_is_not_compared() -> None:
    after = make_revision(make_contender(0), title=TITLE)

    assert {change.kind for change in difference([make_revision()], [after])} <= {ChangeKind.TITLE}


def correction(*changes: ContentChange, why: str = "", again: bool = False) -> Correction:
    return Correction(
        number=12, day=date(2026, 11, 24), again=again, why=why, changes=tuple(changes)
    )


def change(
    *, comparison: str = TITLE, tool: str = "Modal", was: str = "75\u00a0%", now: str = "100%"
) -> ContentChange:
    return ContentChange(
        kind=ChangeKind.PANEL_SHARE, comparison=comparison, tool=tool, was=was, now=now
    )


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ([change()], "Correction: panel share of Modal 75% → 100%"),
        ([change(tool="M" * 30)], f"Correction: panel share of {'M' * 30}"),
        ([change(tool="M" * 90, comparison="A vs B")], "Correction: A vs B"),
        ([change(comparison="A vs B"), change(comparison="A vs B")], "Correction: A vs B"),
        ([change(comparison="A vs B"), change()], "Correction: what was wrong in No. 12"),
        ([], "Correction: what was wrong in No. 12"),
    ],
)
def test_the_subject_says_as_much_as_fits(changes: list[ContentChange], subject: str) -> None:
    view = correct_view(make_issue(), correction(*changes, why="Sorry."))

    assert view.subject == subject
    assert len(view.subject) <= SUBJECT_LIMIT


def test_a_correction_is_called_by_the_number_of_what_was_wrong() -> None:
    view = correct_view(make_issue(number=100_012), correction(change()))
    again = correct_view(make_issue(number=200_012), correction(change(), again=True))

    assert view.label == again.label == "Correction to No. 12"
    assert "wrong in No. 12 of 24 November 2026." in view.opening
    assert "Our correction of 24 November 2026 to No. 12 was wrong too." in again.opening
    assert make_issue().label == "No. 12"


def test_it_is_kept_as_json_and_read_back() -> None:
    told = correction(change(), replace(change(), kind=ChangeKind.CALL, seat=3), why="Sorry.")

    assert Correction.from_dict(told.to_dict()) == told


def test_a_page_in_german_says_it_in_german() -> None:
    said = replace(change(was="ship", now="skip"), kind=ChangeKind.CALL, seat=3).in_words("de")

    assert (said.what, said.was) == ("Jurymitglied 3 zu Modal", "dafür")
    shares = change().in_words("de")
    assert (shares.what, shares.was, shares.now) == (
        "Jury-Anteil von Modal",
        "75\u00a0%",
        "100\u00a0%",
    )


def test_votes_of_our_readers_are_no_difference() -> None:
    """They are counted for a comparison, whatever its revision, so no correction tells of them."""
    was, now = full_week()[0], full_week()[0]
    counts = {1: {1: VoteCount(434, 178)}}
    was.comparison_id = now.comparison_id = 1

    assert difference([was], [now]) == ()
    shown = [
        make_issue(now, counts=each).comparisons[0].contenders[0].readers for each in (counts, {})
    ]
    assert shown == ["71% would ship · 612 votes", "No votes yet"]
