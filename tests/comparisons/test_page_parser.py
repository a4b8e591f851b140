"""The page parser: published Markdown pages, tolerated variations, and refusals."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.comparisons.models import Entry
from digest.comparisons.page_parser import parse_page
from digest.comparisons.schema import ComparisonDraft
from digest.errors import ComparisonUnreadable
from tests.comparisons.conftest import PAGE


def changed(old: str, new: str) -> str:
    assert old in PAGE
    return PAGE.replace(old, new)


def refusal(text: str) -> ComparisonUnreadable:
    with pytest.raises(ComparisonUnreadable) as caught:
        parse_page(text, source="page.txt")
    return caught.value


def test_the_lines_around_the_tools_are_read(page: str) -> None:
    draft = parse_page(page)
    assert (draft.kicker, draft.title) == ("AI tool comparison", "Lathe vs Mortar Studio")
    assert draft.question == "Which one would you build on?"
    assert draft.intro == "A look at both sides: price, panel and readers."
    assert draft.closing == ("Weekly verdicts", "Have the next one sent to you")


def test_both_sides_are_read(page: str) -> None:
    left, right = parse_page(page).contenders
    assert (left.name, left.category, left.tagline) == (
        "Lathe",
        "Coding Assistants",
        "A pair programmer that lives in the terminal",
    )
    assert (left.panel_share, left.community_share, left.entry, left.entry_text) == (
        75.0,
        None,
        Entry.FREE,
        "Free",
    )
    assert (right.panel_share, right.community_share, right.entry, right.entry_text) == (
        100.0,
        62.0,
        Entry.PAID,
        "Paid",
    )


def test_paragraphs_of_a_description_stay_apart(page: str) -> None:
    left, right = parse_page(page).contenders
    assert left.description == (
        "Lathe reads a repository and proposes small patches.\n\n"
        "It runs on a laptop without a network."
    )
    assert right.description.endswith("a whiteboard.")


def test_quotes_alternate_between_the_sides_seat_by_seat(page: str) -> None:
    draft = parse_page(page)
    words = ["one", "two", "three", "four"]
    for contender, name in zip(draft.contenders, ["Lathe", "Mortar"], strict=True):
        starts = [f"Seat {word} about {name}:" for word in words]
        assert [verdict.seat for verdict in contender.verdicts] == [1, 2, 3, 4]
        assert all(
            verdict.quote.startswith(start)
            for verdict, start in zip(contender.verdicts, starts, strict=True)
        )


def test_a_page_never_tells_a_call(page: str) -> None:
    draft = parse_page(page)
    assert {verdict.call for side in draft.contenders for verdict in side.verdicts} == {None}


def test_quotation_marks_inside_a_quote_stay(page: str) -> None:
    assert parse_page(page).contenders[0].verdicts[1].quote.endswith("it says “no” when it should.")


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param("\ufeff" + PAGE, id="byte order mark"),
        pytest.param(PAGE.replace("\n", "\r\n"), id="windows"),
        pytest.param(PAGE.replace("\n", "  \t\n"), id="trailing blanks"),
        pytest.param("\n\n" + PAGE.replace("\n", "\n \n\n"), id="blank lines"),
        pytest.param(PAGE.replace("\n“", '\n"').replace("”\n", '"\n'), id="straight quotes"),
        pytest.param(PAGE.rstrip(), id="no newline at the end"),
        pytest.param(PAGE.replace("Panel ship", "panel SHIP"), id="letter case"),
        pytest.param(PAGE.replace("75%", "75\u00a0%"), id="a space before the percent sign"),
    ],
)
def test_what_a_copied_page_suffers_makes_no_difference(spoilt: str) -> None:
    read, expected = parse_page(spoilt), parse_page(PAGE)
    assert (read.title, read.contenders, read.closing) == (
        expected.title,
        expected.contenders,
        expected.closing,
    )


def test_letters_are_composed() -> None:
    draft = parse_page(changed("Coding Assistants", "Caf\u0065\u0301"))
    assert draft.contenders[0].category == "Café"


@pytest.mark.parametrize(
    ("word", "entry", "text"),
    [
        ("free", Entry.FREE, "free"),
        ("Freemium", Entry.OTHER, "Freemium"),
        ("Contact sales", Entry.OTHER, "Contact sales"),
        ("—", None, ""),
    ],
)
def test_an_entry_word_is_kept_as_published(word: str, entry: Entry | None, text: str) -> None:
    left = parse_page(changed("Free\n", f"{word}\n")).contenders[0]
    assert (left.entry, left.entry_text) == (entry, text)


@pytest.mark.parametrize("dash", ["\u2014", "\u2013", "-"])
def test_a_dash_is_no_votes_and_not_zero(dash: str) -> None:
    assert parse_page(changed("62%", dash)).contenders[1].community_share is None


@pytest.mark.parametrize(("said", "share"), [("0%", 0.0), ("66.7%", 66.7), ("66,7 %", 66.7)])
def test_shares_are_percent(said: str, share: float) -> None:
    assert parse_page(changed("62%", said)).contenders[1].community_share == share


def test_a_page_may_do_without_kicker_tagline_question_and_closing() -> None:
    text = changed("AI tool comparison\n", "")
    text = text.replace("A pair programmer that lives in the terminal\n", "")
    text = text.replace("Which one would you build on? ", "").split("Weekly verdicts")[0]
    draft = parse_page(text)
    assert (draft.kicker, draft.contenders[0].tagline, draft.question, draft.closing) == (
        "",
        "",
        "",
        (),
    )


def test_a_name_may_hold_the_word_that_parts_a_title() -> None:
    text = PAGE.replace("Mortar Studio\nTurns", "Mortar vs Mortar\nTurns")
    draft = parse_page(text.replace("Lathe vs Mortar Studio", "Lathe vs Mortar vs Mortar"))
    assert [side.name for side in draft.contenders] == ["Lathe", "Mortar vs Mortar"]


def test_a_quote_may_have_paragraphs() -> None:
    draft = parse_page(changed("enough to read.”", "enough to read.\n\nI read them all.”"))
    assert draft.contenders[0].verdicts[0].quote.endswith("to read.\n\nI read them all.")
    assert draft.seats == 4


PARAGRAPHS = {
    "Lathe reads a repository and proposes small patches.",
    "It runs on a laptop without a network.",
}
CLOSING = {"Weekly verdicts", "Have the next one sent to you"}
MAY_BE_MISSING = {
    "AI tool comparison",
    "A pair programmer that lives in the terminal",
    "Turns sketches into working screens",
    *PARAGRAPHS,
    *CLOSING,
}
MAY_BE_TWICE = {
    "Which one would you build on? A look at both sides: price, panel and readers.",
    "Mortar Studio draws the screens of an app from a photo of a whiteboard.",
    *PARAGRAPHS,
    *CLOSING,
}
TWO_SEATS = PAGE[: PAGE.index("“Seat three")] + PAGE[PAGE.index("Weekly") :]


@pytest.mark.parametrize("gone", range(len(PAGE.splitlines())))
def test_a_page_that_lost_a_line_is_refused_unless_it_may_be_missing(gone: int) -> None:
    lines = PAGE.splitlines()
    read = outcome("\n".join(lines[:gone] + lines[gone + 1 :]))
    assert isinstance(read, ComparisonDraft) == (lines[gone] in MAY_BE_MISSING)


@pytest.mark.parametrize("twice", range(len(PAGE.splitlines())))
def test_a_page_with_a_line_doubled_is_refused_unless_that_is_prose(twice: int) -> None:
    lines = PAGE.splitlines()
    read = outcome("\n".join(lines[: twice + 1] + lines[twice:]))
    assert isinstance(read, ComparisonDraft) == (lines[twice] in MAY_BE_TWICE)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", None, "no line “Reviewer scorecard”"),
        (changed("Reviewer scorecard\n", ""), 34, "no line “Reviewer scorecard”"),
        (
            changed("75%\nPanel ship\n", ""),
            23,
            "“Panel ship” twice, once for each tool; here it has 1",
        ),
        (TWO_SEATS, 25, "the scorecard has 4 quotes"),
        (changed("Free\nEntry\n", ""), 8, "a line each"),
        (changed("75%", "101%"), 7, "a share from 0% to 100%"),
        (changed("75%", "three of four"), 7, "a share from 0% to 100%"),
        (changed("62%", "no votes"), 20, "a share from 0% to 100%"),
        (changed("Lathe vs Mortar Studio", "Lathe and Mortar Studio"), 1, "“A vs B”"),
        (changed("Lathe vs Mortar Studio", "Lathe vs Trowel"), 2, "“A vs B”"),
        (PAGE.replace("Mortar Studio", "LATHE!"), 2, "can't be compared with itself"),
        (PAGE.split("“Seat one about Lathe")[0], 25, "no quote follows"),
        (changed("“Seat four about Mortar: agencies will.”\n", ""), 25, "7 quotes"),
        (changed("agencies will.”", "agencies will."), 33, "never closed"),
        (changed("to read.”", "to read."), 26, "never closed"),
        (
            changed("“Seat one about Lathe: the patches are small enough to read.”", "“ ”"),
            26,
            "empty",
        ),
        (changed("“Seat two about Lathe", "SHIP\n“Seat two about Lathe"), 29, "cut off"),
        (changed("Design Tools", "Design\x00Tools"), 15, "a control character (U+0000)"),
        (changed("Design Tools", "Design\x1b[31m"), 15, "a control character (U+001B)"),
        (changed("Design Tools", "Design\u202eslooT"), 15, "(U+202E)"),
        (changed("Design Tools", "D" * 101), 15, "101 characters; 100 at most"),
        (changed("agencies will.", "a" * 20_001), 33, "20,000 at most"),
    ],
)
def test_a_page_that_cannot_be_read_is_refused_with_its_place(
    text: str, line: int | None, reason: str
) -> None:
    fault = refusal(text)
    assert reason in fault.reason
    assert (fault.line, fault.source) == (line, "page.txt")


LINES = [*PAGE.split("\n"), "—", "“", '"', "Panel ship", "Community", "Entry", "50%", "a vs b"]


def outcome(text: str) -> ComparisonDraft | ComparisonUnreadable:
    try:
        return parse_page(text)
    except ComparisonUnreadable as fault:
        return fault


@given(st.text() | st.lists(st.sampled_from(LINES), max_size=60).map("\n".join))
def test_any_text_is_a_draft_or_refused(text: str) -> None:
    assert outcome(text)


@given(st.data())
def test_a_page_with_lines_lost_or_doubled_is_seated_evenly_or_refused(
    data: st.DataObject,
) -> None:
    copies = st.sampled_from([1, 1, 1, 1, 0, 2])
    kept = [line for line in PAGE.split("\n") for _ in range(data.draw(copies))]
    read = outcome("\n".join(kept))
    drafts = [read] if isinstance(read, ComparisonDraft) else []
    assert all(
        [len(side.verdicts) for side in draft.contenders] == [draft.seats] * 2 for draft in drafts
    )


WORDS = st.text(
    st.characters(categories=["L", "N", "Zs", "P", "S"], exclude_characters='“"”\u3000'),
    min_size=1,
    max_size=30,
).map(lambda text: f"w{text}w")


@given(st.lists(WORDS, min_size=8, max_size=8))
def test_every_quote_comes_back_at_its_seat(quotes: list[str]) -> None:
    head = PAGE[: PAGE.index("“Seat one")]
    draft = parse_page(head + "\n".join(f"“{quote}”" for quote in quotes))
    seated = zip(*(side.verdicts for side in draft.contenders), strict=True)
    parsed = [verdict.quote for pair in seated for verdict in pair]
    assert [plain(quote) for quote in parsed] == [plain(quote) for quote in quotes]


def plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
