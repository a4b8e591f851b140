"""Blocks: what an editor puts before and after the comparisons."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digest.errors import NotFound
from digest.issues.picking import blocks, overrides
from digest.issues.picking.blocks import BadBlock, Block, BlockKind, BlockPlace
from digest.issues.picking.overrides import Decisions
from digest.render.engine import render
from digest.render.lint.runner import forbids_sending, lint_mail
from digest.render.rich_text import BadRichText
from tests.render.samples import make_copy, make_issue

PICTURE = Block(
    kind=BlockKind.IMAGE,
    image=f"{'a' * 64}.png",
    width=1200,
    height=630,
    alt="Two bars, one longer",
)


def make_blocks(*texts: str) -> blocks.Blocks:
    made: blocks.Blocks = ()
    for text in texts:
        made = blocks.add(made, Block(text=text))
    return made


def texts(of: blocks.Blocks) -> list[str]:
    return [block.text for block in of]


def test_blocks_stand_before_and_after_the_comparisons_in_both_parts() -> None:
    made = make_blocks("**Join** us on [Friday](https://a.example/friday).")
    made = blocks.add(made, Block(text="So long.", place=BlockPlace.AFTER))
    issue = overrides.apply_words(make_issue(), replace(Decisions(), blocks=made))
    mail = render("issue", {"issue": issue})
    title = issue.comparisons[0].contenders[0].name

    assert "<strong>Join</strong> us on" in mail.html
    assert "Join us on Friday (https://a.example/friday)." in mail.text
    for part in (mail.html, mail.text):
        assert part.index("Friday") < part.rindex(title) < part.index("So long.")
    assert not forbids_sending(lint_mail(make_copy(issue, mail)))


def test_a_picture_says_what_it_shows_in_both_parts() -> None:
    made = blocks.add((), replace(PICTURE, url="https://a.example/report"))
    issue = overrides.apply_words(make_issue(), replace(Decisions(), blocks=made))
    mail = render("issue", {"issue": issue})

    assert f'src="https://news.example.com/images/{PICTURE.image}"' in mail.html
    assert 'alt="Two bars, one longer" width="600"' in mail.html
    assert "Picture: Two bars, one longer\nhttps://a.example/report" in mail.text
    assert not forbids_sending(lint_mail(make_copy(issue, mail)))


def test_a_block_without_words_is_not_shown() -> None:
    issue = overrides.apply_words(make_issue(), replace(Decisions(), blocks=make_blocks("")))

    assert issue == make_issue()


@pytest.mark.parametrize(
    ("to", "order"), [(1, ["c", "a", "b"]), (2, ["a", "c", "b"]), (9, ["a", "b", "c"])]
)
def test_a_block_moves_to_the_place_it_is_put(to: int, order: list[str]) -> None:
    assert texts(blocks.move(make_blocks("a", "b", "c"), 3, BlockPlace.BEFORE, to)) == order


def test_a_block_moves_behind_the_comparisons_and_back() -> None:
    moved = blocks.move(make_blocks("a", "b"), 1, BlockPlace.AFTER, 1)

    assert [(block.text, block.place.value) for block in moved] == [("b", "before"), ("a", "after")]
    assert texts(blocks.move(moved, 1, BlockPlace.BEFORE, 1)) == ["a", "b"]


def test_a_number_stays_with_its_block() -> None:
    made = blocks.remove(make_blocks("a", "b"), 1)

    assert texts(blocks.write(made, 2, text="c")) == ["c"]
    assert blocks.add(made, Block(text="d"))[-1].number == 3
    with pytest.raises(NotFound):
        blocks.write(made, 1, text="c")


@pytest.mark.parametrize("alt", ["", " \n ", "x" * 301])
def test_a_picture_without_words_for_it_is_refused(alt: str) -> None:
    with pytest.raises(BadBlock, match="what the picture shows"):
        blocks.add((), replace(PICTURE, alt=alt))


@pytest.mark.parametrize("url", ["javascript:alert(1)", "/there", "https://a:b@c.example"])
def test_a_picture_leads_to_the_web_or_nowhere(url: str) -> None:
    with pytest.raises(BadBlock, match="https"):
        blocks.add((), replace(PICTURE, url=url))


def test_bad_words_are_refused() -> None:
    with pytest.raises(BadRichText, match="line 1"):
        make_blocks("[x](javascript:alert(1))")


def test_an_issue_has_so_many_blocks_and_no_more() -> None:
    with pytest.raises(BadBlock, match="12 blocks"):
        make_blocks(*"abcdefghijklm")


def test_blocks_survive_being_kept() -> None:
    made = blocks.add(make_blocks("*a*"), replace(PICTURE, place=BlockPlace.AFTER))
    decisions = replace(Decisions(), blocks=made)

    assert Decisions.from_dict(decisions.to_dict()) == decisions
