"""What an editor may put before or after the comparisons: blocks of words, and pictures.

The blocks of an issue are one list. Each has a number that stays its own, so that a change reaches
the block it was meant for, whatever was moved or removed in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from digest.errors import DigestError, NotFound
from digest.images import FOLDER, StoredImage
from digest.issues.content import BlockView
from digest.render.escaping import one_line
from digest.render.filters import is_web_link, link
from digest.render.rich_text import LINK_BYTES, rich_text, tidy

MOST_BLOCKS = 12  #: of one issue
LONGEST_ALT = 300  #: characters


class BadBlock(DigestError):
    """This block can't be put into a mail."""


class BlockPlace(StrEnum):
    """Where a block stands in an issue."""

    BEFORE = "before"  #: between the opening and the first comparison
    AFTER = "after"  #: between the last comparison and the footer


class BlockKind(StrEnum):
    """What a block is."""

    TEXT = "text"
    IMAGE = "image"


@dataclass(frozen=True, kw_only=True)
class Block:
    """One block; a text without words isn't shown."""

    number: int = 0  #: its own within the issue, from 1; 0 until it is added
    kind: BlockKind = BlockKind.TEXT
    place: BlockPlace = BlockPlace.BEFORE
    text: str = ""  #: Markdown
    image: str = ""  #: the last part of the picture's address on the site
    width: int = 0  #: pixels
    height: int = 0  #: pixels
    alt: str = ""  #: what the picture shows, for those who don't see it
    url: str = ""  #: where the picture leads, or empty

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Block:
        """Return the block of a dictionary of its fields."""
        fields = {**kept, "kind": BlockKind(kept["kind"]), "place": BlockPlace(kept["place"])}
        return cls(**fields)


Blocks = tuple[Block, ...]


def add(blocks: Blocks, block: Block) -> Blocks:
    """Return the blocks with one more, the last of its place; raises what `checked` does."""
    if len(blocks) >= MOST_BLOCKS:
        raise BadBlock(f"an issue has {MOST_BLOCKS} blocks at most; remove one first")
    number = max((other.number for other in blocks), default=0) + 1
    return _by_place([*blocks, checked(replace(block, number=number))])


def picture(image: StoredImage, *, place: BlockPlace, alt: str, url: str = "") -> Block:
    """Return a block that shows an image, which *alt* puts into words."""
    return Block(
        kind=BlockKind.IMAGE,
        place=place,
        image=image.name,
        width=image.width,
        height=image.height,
        alt=alt,
        url=url,
    )


def write(blocks: Blocks, number: int, *, text: str = "", alt: str = "", url: str = "") -> Blocks:
    """Return the blocks with other words in one: its text, or a picture's alt and url.

    Raises `NotFound`, `BadBlock` and `BadRichText`.
    """
    changed = checked(replace(find(blocks, number), text=text, alt=alt, url=url))
    return tuple(changed if block.number == number else block for block in blocks)


def move(blocks: Blocks, number: int, place: BlockPlace, to: int) -> Blocks:
    """Return the blocks with one at position *to*, from 1, of a place; raises `NotFound`."""
    moved = replace(find(blocks, number), place=place)
    others = remove(blocks, number)
    there = [block for block in others if block.place is place]
    at = min(max(to, 1), len(there) + 1) - 1
    elsewhere = [block for block in others if block.place is not place]
    return _by_place([*elsewhere, *there[:at], moved, *there[at:]])


def remove(blocks: Blocks, number: int) -> Blocks:
    """Return the blocks without one; raises `NotFound`."""
    gone = find(blocks, number)
    return tuple(block for block in blocks if block is not gone)


def _by_place(blocks: Iterable[Block]) -> Blocks:
    return tuple(sorted(blocks, key=lambda block: block.place is BlockPlace.AFTER))


def find(blocks: Blocks, number: int) -> Block:
    """Return the block of a number; raises `NotFound`."""
    for block in blocks:
        if block.number == number:
            return block
    raise NotFound(f"the issue has no block {number}")


def checked(block: Block) -> Block:
    """Return a block as it is stored; raises `BadBlock` and `BadRichText`."""
    if block.kind is BlockKind.TEXT:
        return replace(block, text=tidy(block.text), alt="", url="")
    alt, url = one_line(block.alt), one_line(block.url)
    if not alt or len(alt) > LONGEST_ALT:
        raise BadBlock(
            f"say in up to {LONGEST_ALT} characters what the picture shows, for readers who don't"
            " see it"
        )
    if url and not (is_web_link(url) and len(link(url)) <= LINK_BYTES):
        raise BadBlock("the picture's link isn't a web address; write https://…")
    return replace(block, text="", alt=alt, url=url)


def shown(
    blocks: Iterable[Block], place: BlockPlace, *, base_url: str, mark: str
) -> tuple[BlockView, ...]:
    """Return the blocks of a place as the mail shows them; *mark* is the colour of links."""
    return tuple(
        _view(block, base_url=base_url, mark=mark)
        for block in blocks
        if block.place is place and (block.text or block.image)
    )


def _view(block: Block, *, base_url: str, mark: str) -> BlockView:
    if block.kind is BlockKind.TEXT:
        return BlockView(text=rich_text(block.text, mark=mark))
    return BlockView(
        image=f"{base_url}{FOLDER}/{block.image}",
        width=block.width,
        height=block.height,
        alt=block.alt,
        url=block.url,
    )
