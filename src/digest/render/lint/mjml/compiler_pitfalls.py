"""Valid MJML that the compiler turns into wrong HTML, one rule for each kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from digest.render.lint.finding import RuleText
from digest.render.lint.mjml.parser import Attribute, MjmlFault, MjmlTag, ParsedMjml

_ESCAPED = re.compile("[\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]")
_IMAGES = ("img", "mj-image", "mj-carousel-image", "mj-social-element")
_FULL = 100.0
#: Attributes that this compiler accepts and ignores; the reference compiler applies them.
_IGNORED = frozenset(
    {
        ("mj-section", "gutter"),
        ("mj-wrapper", "gap"),
        ("mj-column", "inner-border-radius"),
        ("mj-hero", "border-radius"),
        ("mj-accordion-title", "font-weight"),
        ("mj-social", "border"),
        ("mj-social-element", "border"),
        ("mj-social-element", "srcset"),
        ("mj-social-element", "sizes"),
        ("mj-image", "sizes"),
        ("mj-image", "border-top"),
        ("mj-image", "border-right"),
        ("mj-image", "border-bottom"),
        ("mj-image", "border-left"),
        ("mj-button", "title"),
        ("mj-table", "role"),
        ("mj-body", "id"),
    }
)


@RuleText(
    name="mjml-line-break",
    level="warning",
    why="It becomes the letters `\\n`, and a style loses everything after them.",
    example_of="mjml",
    fails='<mj-text><p style="\ncolor:#111111">Words</p></mj-text>',
    passes='<mj-text><p style="color:#111111">Words</p></mj-text>',
)
def line_breaks(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of a line break or tab in an attribute."""
    for tag, attribute in _attributes(parsed):
        if re.search(r"[\n\r\t]", attribute.value or ""):
            yield _attribute_fault(
                line_breaks.name,
                attribute,
                f"{attribute.name} of <{tag.name}> spans several lines, which breaks it",
                "Write it on one line.",
            )


@RuleText(
    name="mjml-character",
    level="warning",
    why="The compiler turns them into code.",
    example_of="mjml",
    fails='<mj-text><p title="75\u00a0%">Words</p></mj-text>',
    passes='<mj-text><p title="75&#160;%">Words</p></mj-text>',
)
def mangled_characters(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of no-break spaces and characters without a width in an attribute."""
    for tag, attribute in _attributes(parsed):
        match = _ESCAPED.search(attribute.value or "")
        if match:
            yield _attribute_fault(
                mangled_characters.name,
                attribute,
                f"U+{ord(match[0]):04X} in {attribute.name} of <{tag.name}> is broken",
                f"Write &#{ord(match[0])}; or use the filter attr.",
            )


@RuleText(
    name="mjml-quotes",
    level="error",
    why="It ends the attribute early.",
    example_of="mjml",
    fails="<mj-text><p title='the \"best\" one'>Words</p></mj-text>",
    passes='<mj-text><p title="the &quot;best&quot; one">Words</p></mj-text>',
)
def quotes_in_quotes(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Forbid a double quote in a single-quoted attribute."""
    for tag, attribute in _attributes(parsed):
        if attribute.quote == "'" and '"' in (attribute.value or ""):
            yield _attribute_fault(
                quotes_in_quotes.name,
                attribute,
                f'a " in {attribute.name} of <{tag.name}> ends it early',
                'Quote with " and write &quot; inside.',
                is_error=True,
            )


@RuleText(
    name="mjml-inline",
    level="warning",
    why="The compiler doesn't inline it.",
    example_of="head",
    fails='<mj-style inline="inline">p { margin: 0; }</mj-style>',
    passes="<mj-style>p { margin: 0; }</mj-style>",
)
def no_inlining(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of a style sheet that is to be inlined."""
    for tag in parsed.tags:
        if tag.name == "mj-style" and tag.get("inline") is not None:
            yield _tag_fault(
                no_inlining.name,
                tag,
                '<mj-style inline="inline"> isn\'t inlined',
                "Use mj-attributes, or write the style on the element.",
            )


@RuleText(
    name="mjml-alt",
    level="warning",
    why="The compiler adds none, and `image-alt` then blocks the finished mail.",
    example_of="mjml",
    fails='<mj-image src="https://a.example/a.png" />',
    passes='<mj-image src="https://a.example/a.png" alt="Lathe leads" />',
)
def missing_alt(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of an image without words that stand for it."""
    for tag in parsed.tags:
        if tag.name in _IMAGES and tag.get("alt") is None:
            yield _tag_fault(
                missing_alt.name,
                tag,
                f"<{tag.name}> has no alternative text",
                'Write alt="what it shows", or alt="" if it is decoration.',
            )


@RuleText(
    name="mjml-section-padding",
    level="warning",
    why="It makes the columns too wide.",
    example_of="body",
    fails='<mj-section padding="0 20px"></mj-section>',
    passes='<mj-section padding-left="20px" padding-right="20px"></mj-section>',
)
def section_padding(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of padding at the sides of a section that is written in short."""
    for tag in parsed.tags:
        for attribute in tag.attributes:
            if tag.name == "mj-section" and attribute.name == "padding" and _pads_sides(attribute):
                yield _attribute_fault(
                    section_padding.name,
                    attribute,
                    "the columns of this section are too wide for its padding",
                    "Use padding-left and padding-right.",
                )


@RuleText(
    name="mjml-class",
    level="warning",
    why="Here the first one counts; in other compilers, the last.",
    example_of="mjml",
    fails='<mj-text mj-class="big huge">Words</mj-text>',
    passes='<mj-text mj-class="big">Words</mj-text>',
)
def class_clashes(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of classes that set the same attribute."""
    defined = {
        tag.get("name"): {
            attribute.name for attribute in tag.attributes if attribute.name != "name"
        }
        for tag in parsed.tags
        if tag.name == "mj-class"
    }
    for tag in parsed.tags:
        names = (tag.get("mj-class") or "").split()
        seen: dict[str, str] = {}
        for name in names:
            for clash in sorted(defined.get(name, set()) & seen.keys()):
                yield _tag_fault(
                    class_clashes.name,
                    tag,
                    f"{seen[clash]} and {name} both set {clash}; {seen[clash]} counts",
                    "Set it in one of them.",
                )
            seen |= dict.fromkeys(defined.get(name, set()) - seen.keys(), name)


@RuleText(
    name="mjml-unknown-class",
    level="warning",
    why="The compiler silently ignores it.",
    example_of="mjml",
    fails='<mj-text mj-class="bigg">Words</mj-text>',
    passes='<mj-text mj-class="big">Words</mj-text>',
)
def unknown_classes(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of a class that nobody defined."""
    known = {tag.get("name") or "" for tag in parsed.tags if tag.name == "mj-class"}
    for tag in parsed.tags:
        for name in (tag.get("mj-class") or "").split():
            if name not in known:
                close = get_close_matches(name, sorted(known), 1, 0.6)
                yield _tag_fault(
                    unknown_classes.name,
                    tag,
                    f"there is no <mj-class name={name!r}>",
                    f"Did you mean {close[0]}?" if close else "Define it in mj-attributes.",
                )


@RuleText(
    name="mjml-shared-id",
    level="warning",
    why="Both get the same ID, and using the second one moves the first.",
    example_of="mjml",
    fails='<mj-navbar hamburger="hamburger"></mj-navbar>\n' * 2,
    passes='<mj-navbar hamburger="hamburger"></mj-navbar>',
)
def shared_ids(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of a second carousel or hamburger menu."""
    for what, tags in (
        ("carousel", [tag for tag in parsed.tags if tag.name == "mj-carousel"]),
        ("hamburger menu", [tag for tag in parsed.tags if tag.get("hamburger")]),
    ):
        for tag in tags[1:]:
            yield _tag_fault(
                shared_ids.name, tag, f"a second {what} interferes with the first", "Keep one."
            )


@RuleText(
    name="mjml-no-effect",
    level="warning",
    why="The compiler accepts them and does nothing with them.",
    example_of="mjml",
    fails='<mj-table role="none"><tr><td>1</td></tr></mj-table>',
    passes="<mj-table><tr><td>1</td></tr></mj-table>",
)
def no_effect(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of attributes without an effect."""
    for tag in parsed.tags:
        for attribute in tag.attributes:
            right = attribute.name == "icon-position" and attribute.value == "right"
            if (tag.name, attribute.name) in _IGNORED or right:
                yield _attribute_fault(
                    no_effect.name,
                    attribute,
                    f"{attribute.name} of <{tag.name}> does nothing",
                    "Remove it.",
                )


@RuleText(
    name="mjml-widths",
    level="warning",
    why="The last column wraps below the others.",
    example_of="body",
    fails='<mj-section><mj-column width="60%" /><mj-column width="60%" /></mj-section>',
    passes='<mj-section><mj-column width="60%" /><mj-column width="40%" /></mj-section>',
)
def column_widths(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of columns that together are wider than their section."""
    for tag in parsed.tags:
        widths = [_percent(child) for child in tag.children if child.name == "mj-column"]
        if tag.name in {"mj-section", "mj-group"} and sum(widths) > _FULL + 0.1:
            yield _tag_fault(
                column_widths.name,
                tag,
                f"the columns take {sum(widths):g}% of the width in total",
                "Keep the total at 100% or below, or the last one wraps.",
            )


@RuleText(
    name="mjml-target",
    level="warning",
    why="The mail shows an empty frame, or a button that does nothing.",
    example_of="mjml",
    fails="<mj-button>Read the comparison</mj-button>",
    passes='<mj-button href="https://a.example/">Read the comparison</mj-button>',
)
def targets(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of images without a source and of buttons that lead nowhere."""
    needed = {"mj-image": "src", "mj-carousel-image": "src", "mj-button": "href", "img": "src"}
    for tag in parsed.tags:
        name = needed.get(tag.name)
        inside = tag.parent is not None and tag.parent.name == "mj-attributes"
        if name and not inside and not (tag.get(name) or "").strip():
            yield _tag_fault(
                targets.name, tag, f"<{tag.name}> has no {name}", f'Write {name}="https://…".'
            )


def _attributes(parsed: ParsedMjml) -> Iterator[tuple[MjmlTag, Attribute]]:
    for tag in parsed.tags:
        for attribute in tag.attributes:
            yield tag, attribute


def _pads_sides(attribute: Attribute) -> bool:
    """Return whether a shorthand sets padding on the left or right."""
    sides = (attribute.value or "").split()
    return len(sides) > 1 and any(re.match(r"0*[1-9]|\.\d", side) for side in sides[1::2])


def _percent(tag: MjmlTag) -> float:
    width = re.fullmatch(r"([\d.]+)%", (tag.get("width") or "").strip())
    return float(width[1]) if width else 0.0


def _attribute_fault(
    rule: str, attribute: Attribute, message: str, mend: str, *, is_error: bool = False
) -> MjmlFault:
    return MjmlFault(rule, attribute.at, attribute.name, message, mend, is_error)


def _tag_fault(rule: str, tag: MjmlTag, message: str, mend: str) -> MjmlFault:
    return MjmlFault(rule, tag.at, f"<{tag.name}", message, mend, is_error=False)
