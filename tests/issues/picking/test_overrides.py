"""Overrides: an editor's changes to a pick and to the text around it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from digest.issues.content import QuoteChoice
from digest.issues.content.view import SponsorView
from digest.issues.picking import overrides
from digest.issues.picking.overrides import BadText, Decisions
from digest.issues.picking.pick_result import (
    Candidate,
    ExclusionReason,
    Pick,
    PickPoints,
    PickRule,
)
from digest.render.engine import render
from digest.render.lint.runner import forbids_sending, lint_mail
from digest.render.rich_text import BadRichText
from tests.render.samples import make_copy, make_issue

DAY = date(2026, 11, 24)


def make_candidate(slug: str, *tools: str, days: int = 1) -> Candidate:
    return Candidate(
        slug=slug,
        title=slug.title(),
        comparison_id=sum(map(ord, slug)),
        revision_id=sum(map(ord, slug)),
        tools=frozenset(tools or (f"{slug}-one", f"{slug}-two")),
        categories=frozenset({slug}),
        published_on=date.fromordinal(DAY.toordinal() - days),
        imported_on=DAY,
    )


SHELF = [make_candidate(slug, days=days) for days, slug in enumerate("abcde", 1)]


def chosen(decisions: Decisions, *more: Candidate, most: int = 3) -> Pick:
    return overrides.choose(
        [*SHELF, *more], [], PickRule(max_per_issue=most), decisions, period="2026-W48", day=DAY
    )


def slugs(pick: Pick) -> list[str]:
    return [entry.candidate.slug for entry in pick.chosen]


def why(pick: Pick, slug: str) -> ExclusionReason:
    return next(entry.why for entry in pick.left_out if entry.candidate.slug == slug)


def test_without_decisions_the_rule_alone_picks() -> None:
    assert slugs(chosen(Decisions())) == ["a", "b", "c"]


def test_a_pin_has_the_points_that_the_newsletter_gives() -> None:
    rule = PickRule(points=PickPoints(freshness=0, gap=20))
    apart = replace(make_candidate("f"), readers_gap=50.0)
    decisions = overrides.pin(Decisions(), "f")
    pick = overrides.choose([*SHELF, apart], [], rule, decisions, period="2026-W48", day=DAY)

    assert (slugs(pick)[0], pick.chosen[0].score.total) == ("f", 20.0)
    assert pick.chosen[0].reason.endswith("readers and panel 50% apart (+10)")


def test_a_pin_is_carried_whatever_the_rule_says() -> None:
    pick = chosen(overrides.pin(Decisions(), "e"))

    assert slugs(pick) == ["a", "b", "e"]
    assert pick.chosen[2].reason.startswith("pinned by an editor; ")
    assert next(entry.reason for entry in pick.left_out).startswith("the issue is full with 3;")


def test_a_pin_of_what_is_in_already_keeps_its_place() -> None:
    assert slugs(chosen(overrides.pin(Decisions(), "b"))) == ["a", "b", "c"]


def test_what_comes_out_later_can_be_pinned_all_the_same() -> None:
    later = make_candidate("later", days=-3)

    assert why(chosen(Decisions(), later), "later") is ExclusionReason.NOT_YET
    assert "later" in slugs(chosen(overrides.pin(Decisions(), "later"), later))


def test_more_pins_than_an_issue_carries_are_all_carried() -> None:
    decisions = Decisions(pinned=("a", "b", "c", "d"))

    assert slugs(chosen(decisions)) == ["a", "b", "c", "d"]


def test_a_tool_that_was_pinned_is_not_shown_twice() -> None:
    rival = make_candidate("rival", "a-one", "rival-two", days=0)
    pick = chosen(overrides.pin(Decisions(), "a"), rival)

    assert "rival" not in slugs(pick)
    assert why(pick, "rival") is ExclusionReason.TOOL_TAKEN


def test_what_an_editor_drops_stays_out_and_the_next_moves_up() -> None:
    pick = chosen(overrides.drop(Decisions(), "a"))

    assert slugs(pick) == ["b", "c", "d"]
    assert why(pick, "a") is ExclusionReason.DROPPED
    assert "1 taken out by an editor" in pick.note


def test_what_was_dropped_can_be_left_to_the_rule_again() -> None:
    decisions = overrides.release(overrides.drop(Decisions(), "a"), "a")

    assert slugs(chosen(decisions)) == ["a", "b", "c"]


def test_pinning_takes_back_a_drop_and_the_other_way_round() -> None:
    assert overrides.pin(overrides.drop(Decisions(), "a"), "a").dropped == ()
    assert overrides.drop(overrides.pin(Decisions(), "a"), "a").pinned == ()


@pytest.mark.parametrize(
    ("to", "order"),
    [(1, ["c", "a", "b"]), (2, ["a", "c", "b"]), (99, ["a", "b", "c"]), (-1, ["c", "a", "b"])],
)
def test_a_comparison_moves_to_the_place_it_is_put(to: int, order: list[str]) -> None:
    decisions = overrides.move(Decisions(), ["a", "b", "c"], "c", to)
    pick = chosen(decisions)

    assert slugs(pick) == order
    assert [entry.position for entry in pick.chosen] == [1, 2, 3]


def test_an_unknown_slug_is_passed_over() -> None:
    decisions = Decisions(pinned=("gone",), dropped=("lost",), order=("never",))

    assert slugs(chosen(decisions)) == ["a", "b", "c"]


def test_every_candidate_is_chosen_or_left_out_once() -> None:
    pick = chosen(Decisions(pinned=("d",), dropped=("a",), order=("c",)))
    out = [entry.candidate.slug for entry in pick.left_out]

    assert sorted([*slugs(pick), *out]) == ["a", "b", "c", "d", "e"]


def test_words_an_editor_wrote_stand_in_place_of_the_engines() -> None:
    decisions = overrides.set_text(Decisions(), "subject", "Two tools, one verdict")
    issue = overrides.apply_words(make_issue(), decisions)

    assert issue.subject == "Two tools, one verdict"
    assert issue.opening == make_issue().opening


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("One\r\nBcc: thief@example.com", "One Bcc: thief@example.com"),
        ("a\u202eb\u2066c", "abc"),
        (" \u200b\t ", ""),
        ("x" * 2_000, "x" * 2_000),
    ],
)
def test_F11_a_subject_is_normalised_once_when_it_is_typed(typed: str, kept: str) -> None:
    assert overrides.set_text(Decisions(), "subject", typed).subject == kept


def test_F11_a_subject_of_only_spaces_leaves_the_engines_own() -> None:
    decisions = overrides.set_text(Decisions(), "subject", " \u200b ")

    assert overrides.apply_words(make_issue(), decisions).subject == make_issue().subject


def test_F11_a_subject_of_2000_characters_may_not_go() -> None:
    issue = overrides.apply_words(
        make_issue(), overrides.set_text(Decisions(), "subject", "x" * 2_000)
    )
    findings = lint_mail(make_copy(issue, render("issue", {"issue": issue})))

    assert forbids_sending(findings)
    assert "2000 characters" in findings[0].message


def test_a_sponsor_is_shown_as_one_in_both_parts() -> None:
    words = SponsorView(name="Bellows", text="Air for forges.", url="https://bellows.example/")
    issue = overrides.apply_words(make_issue(), overrides.sponsor(Decisions(), words))
    mail = render("issue", {"issue": issue})

    for part in (mail.html, mail.text):
        assert "Sponsored by Bellows" in part
        assert "https://bellows.example/" in part
    assert not forbids_sending(lint_mail(make_copy(issue, mail)))


def test_a_sponsor_without_words_is_none() -> None:
    decisions = overrides.sponsor(Decisions(), SponsorView(name="Bellows"))

    assert overrides.apply_words(make_issue(), decisions).sponsor is None


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//evil.example", "https://a:b@c.example"])
def test_a_sponsors_link_must_be_a_web_address(url: str) -> None:
    with pytest.raises(BadText, match="https"):
        overrides.sponsor(Decisions(), SponsorView(text="Buy.", url=url))


MARKDOWN = "**Two** tools.\n\n- [Modal](https://modal.example/a)\n- none"


def test_desk_1_an_opening_in_markdown_is_shown_in_both_parts() -> None:
    issue = overrides.apply_words(
        make_issue(), overrides.set_text(Decisions(), "opening", MARKDOWN)
    )
    mail = render("issue", {"issue": issue})

    assert issue.opening == "Two tools. Modal none"
    assert "<strong>Two</strong> tools.</p>" in mail.html
    assert 'href="https://modal.example/a">Modal</a>' in mail.html
    assert "Two tools.\n\n- Modal (https://modal.example/a)\n- none\n" in mail.text
    assert not forbids_sending(lint_mail(make_copy(issue, mail)))


def test_desk_1_a_note_on_a_comparison_is_shown_with_it_in_both_parts() -> None:
    slug = make_issue().comparisons[0].slug
    issue = overrides.apply_words(make_issue(), overrides.set_note(Decisions(), slug, MARKDOWN))
    mail = render("issue", {"issue": issue})

    assert issue.comparisons[0].words_of_editor is not None
    assert "Editor’s note" in mail.html
    assert "<strong>Two</strong> tools.</p>" in mail.html
    assert "EDITOR’S NOTE\nTwo tools.\n\n- Modal (https://modal.example/a)" in mail.text
    assert not forbids_sending(lint_mail(make_copy(issue, mail)))


def test_a_note_can_be_taken_away_and_one_without_its_comparison_is_not_shown() -> None:
    noted = overrides.set_note(Decisions(), "a", "Look *here*.")

    assert overrides.set_note(noted, "a", " \n ") == Decisions()
    assert overrides.apply_words(make_issue(), noted) == make_issue()


def test_words_that_cannot_be_put_into_a_mail_are_refused_with_their_line() -> None:
    words = "One.\n\n[x](javascript:alert(1))"

    with pytest.raises(BadRichText, match="line 3: “javascript:”"):
        overrides.set_text(Decisions(), "opening", words)
    with pytest.raises(BadRichText, match="line 3: “javascript:”"):
        overrides.set_note(Decisions(), "a", words)


def test_a_chosen_quote_can_be_left_to_the_engine_again() -> None:
    chosen = overrides.quote(Decisions(), "a", QuoteChoice(side=0, seat=1))

    assert overrides.quote(chosen, "a", None) == Decisions()


def test_provider_tags_in_an_editors_words_are_words() -> None:
    words = "-digest_unsubscribe_token- [x](https://a.example/-digest_unsubscribe_token-)"
    issue = overrides.apply_words(make_issue(), overrides.set_text(Decisions(), "opening", words))
    mail = render("issue", {"issue": issue})

    assert not forbids_sending(lint_mail(make_copy(issue, mail)))


@pytest.mark.parametrize("words", ["1. *Two* tools", "[a](https://a.example)", "- and so on"])
def test_an_opening_kept_before_markdown_reads_as_it_did(words: str) -> None:
    kept = Decisions.from_dict({"opening": words})

    assert overrides.apply_words(make_issue(), kept).opening == words
    assert Decisions.from_dict(kept.to_dict()) == kept


def test_decisions_survive_being_kept() -> None:
    decisions = Decisions(
        pinned=("a",),
        order=("b", "a"),
        subject="Hi",
        opening="*Hi*",
        notes={"a": "**So**"},
        quotes={"a": QuoteChoice(side=1, seat=2, passage="So.")},
        sponsor=SponsorView(text="Buy."),
    )

    assert Decisions.from_dict(decisions.to_dict()) == decisions
    assert Decisions().to_dict() == {}


@pytest.mark.parametrize(("count", "carried"), [(1, "a"), (2, "ab"), (5, "abcde")])
def test_an_editor_asks_for_fewer_or_more_comparisons(count: int, carried: str) -> None:
    pick = chosen(overrides.set_count(Decisions(), count))

    assert slugs(pick) == list(carried)
    assert (pick.count, pick.to_dict()["count"], pick.rule.max_per_issue) == (count, count, 3)
    assert pick.note.endswith(f"; an editor asked for {count}")


def test_the_number_asked_for_is_said_where_others_are_left_out() -> None:
    pick = chosen(overrides.set_count(Decisions(), 2))
    reasons = [entry.reason for entry in pick.left_out]

    assert all(
        words.startswith("the issue is full with 2, as an editor asked;") for words in reasons
    )


def test_the_number_can_be_left_to_the_rule_again() -> None:
    asked = overrides.set_count(Decisions(), 2)

    assert overrides.set_count(asked, 0) == Decisions()


@pytest.mark.parametrize("count", [-1, overrides.MOST + 1])
def test_a_number_no_issue_carries_is_refused(count: int) -> None:
    with pytest.raises(overrides.BadCount, match="1 to 12"):
        overrides.set_count(Decisions(), count)


def test_fewer_than_are_pinned_can_not_be_asked_for() -> None:
    with pytest.raises(overrides.BadCount, match="2 comparisons are pinned"):
        overrides.set_count(Decisions(pinned=("a", "b")), 1)


def test_dropping_need_not_refill() -> None:
    pick = chosen(overrides.drop(Decisions(), "a", refill=False))

    assert slugs(pick) == ["b", "c"]
    assert next(entry.reason for entry in pick.left_out if entry.candidate.slug == "a") == (
        "an editor took it out; its place stays empty"
    )
    assert pick.note.endswith("; 1 place kept empty")


def test_an_empty_place_is_filled_again_once_it_is_released_or_dropped_the_other_way() -> None:
    emptied = overrides.drop(Decisions(), "a", refill=False)

    assert slugs(chosen(overrides.release(emptied, "a"))) == ["a", "b", "c"]
    assert slugs(chosen(overrides.drop(emptied, "a"))) == ["b", "c", "d"]
    assert slugs(chosen(overrides.pin(emptied, "a"))) == ["a", "b", "c"]


def test_the_number_asked_for_is_that_of_the_whole_issue() -> None:
    emptied = overrides.drop(Decisions(), "a", refill=False)

    assert slugs(chosen(overrides.set_count(emptied, 3))) == ["b", "c", "d"]


def test_numbers_and_empty_places_are_kept_with_the_draft() -> None:
    decisions = overrides.drop(overrides.set_count(Decisions(), 4), "a", refill=False)

    assert Decisions.from_dict(decisions.to_dict()) == decisions


def test_a_withdrawn_comparison_is_left_out_although_it_is_pinned() -> None:
    gone = replace(make_candidate("gone"), withdrawn=True)
    pick = chosen(overrides.pin(Decisions(), "gone"), gone)
    assert slugs(pick) == ["a", "b", "c"]
    assert why(pick, "gone") is ExclusionReason.WITHDRAWN
