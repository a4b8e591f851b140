"""Valid MJML that the compiler turns into wrong HTML, one rule for each kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from digest.render.lint.mjml.parser import Attribute, MjmlFault, MjmlTag, ParsedMjml
from digest.render.lint.mjml.tag_schema import NO_EFFECT

_ESCAPED = re.compile("[\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]")
_IMAGES = ("img", "mj-image", "mj-carousel-image", "mj-social-element")
_FULL = 100.0


def line_breaks(scan: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of a line break or tab in an attribute, which is written as an escape sequence."""
    for tag, attribute in _attributes(scan):
        if re.search(r"[\n\r\t]", attribute.value or ""):
            yield _attribute_fault(
                "mjml-line-break",
                attribute,
                f"{attribute.name} of <{tag.name}> goes over several lines and is damaged",
                "Write it on one line.",
            )


def mangled_characters(scan: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of characters in an attribute that are written as escape sequences."""
    for tag, attribute in _attributes(scan):
        match = _ESCAPED.search(attribute.value or "")
        if match:
            yield _attribute_fault(
                "mjml-character",
                attribute,
                f"U+{ord(match[0]):04X} in {attribute.name} of <{tag.name}> is damaged",
                f"Write &#{ord(match[0])}; or use the filter attr.",
            )


def quotes_in_quotes(scan: ParsedMjml) -> Iterator[MjmlFault]:
    """Forbid a double quote in a single-quoted attribute, which ends the attribute early."""
    for tag, attribute in _attributes(scan):
        if attribute.quote == "'" and '"' in (attribute.value or ""):
            yield _attribute_fault(
                "mjml-quotes",
                attribute,
                f'a " in {attribute.name} of <{tag.name}> ends it early',
                'Quote with " and write &quot; inside.',
                grave=True,
            )


def no_inlining(scan: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of styles marked for inlining, which the compiler doesn't inline."""
    for tag in scan.tags():
        if tag.name == "mj-style" and tag.get("inline") is not None:
            yield _tag_fault(
                "mjml-inline",
                tag,
                '<mj-style inline="inline"> isn\'t inlined',
                "Use mj-attributes, or write the style on the element.",
            )


def missing_alt(scan: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of an image without an alternative text; the compiler adds none."""
    for tag in scan.tags():
        if tag.name in _IMAGES and tag.get("alt") is None:
            yield _tag_fault(
                "mjml-alt",
                tag,
                f"<{tag.name}> has no alternative text",
                'Write alt="what it shows", or alt="" if it is decoration.',
            )


def section_padding(scan: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of a section's shorthand padding, which makes its columns too wide."""
    for tag in scan.tags():
        for attribute in tag.attributes:
            if tag.name == "mj-section" and attribute.name == "padding" and _pads_sides(attribute):
                yield _attribute_fault(
                    "mjml-section-padding",
                    attribute,
                    "the columns of this section come out too wide for its padding",
                    "Use padding-left and padding-right.",
                )


def class_clashes(scan: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of classes that set one attribute twice; the compiler takes the first value."""
    defined = {
        tag.get("name"): {
            attribute.name for attribute in tag.attributes if attribute.name != "name"
        }
        for tag in scan.tags()
        if tag.name == "mj-class"
    }
    for tag in scan.tags():
        names = (tag.get("mj-class") or "").split()
        seen: dict[str, str] = {}
        for name in names:
            for clash in sorted(defined.get(name, set()) & seen.keys()):
                yield _tag_fault(
                    "mjml-class",
                    tag,
                    f"{seen[clash]} and {name} both say {clash}; {seen[clash]} counts",
                    "Say it in one of them.",
                )
            seen |= dict.fromkeys(defined.get(name, set()) - seen.keys(), name)


def unknown_classes(scan: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of an undefined class, which the compiler ignores without a message."""
    known = {tag.get("name") or "" for tag in scan.tags() if tag.name == "mj-class"}
    for tag in scan.tags():
        for name in (tag.get("mj-class") or "").split():
            if name not in known:
                close = get_close_matches(name, sorted(known), 1, 0.6)
                yield _tag_fault(
                    "mjml-unknown-class",
                    tag,
                    f"there is no <mj-class name={name!r}>",
                    f"Did you mean {close[0]}?" if close else "Define it in mj-attributes.",
                )


def shared_ids(scan: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of a second carousel or hamburger menu, which gets the id of the first."""
    for what, tags in (
        ("carousel", [tag for tag in scan.tags() if tag.name == "mj-carousel"]),
        ("hamburger menu", [tag for tag in scan.tags() if tag.get("hamburger")]),
    ):
        for tag in tags[1:]:
            yield _tag_fault(
                "mjml-shared-id", tag, f"a second {what} gets in the way of the first", "Keep one."
            )


def no_effect(scan: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of attributes that the compiler accepts and ignores."""
    for tag in scan.tags():
        for attribute in tag.attributes:
            right = attribute.name == "icon-position" and attribute.value == "right"
            if (tag.name, attribute.name) in NO_EFFECT or right:
                yield _attribute_fault(
                    "mjml-no-effect",
                    attribute,
                    f"{attribute.name} of <{tag.name}> does nothing",
                    "Take it out.",
                )


def column_widths(scan: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of columns that together are wider than their section."""
    for tag in scan.tags():
        widths = [_percent(child) for child in tag.children if child.name == "mj-column"]
        if tag.name in {"mj-section", "mj-group"} and sum(widths) > _FULL + 0.1:
            yield _tag_fault(
                "mjml-widths",
                tag,
                f"the columns take {sum(widths):g} % of the width together",
                "Make it 100 % at most, or the last one wraps.",
            )


def targets(scan: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of images without a source and of buttons without a target."""
    needed = {"mj-image": "src", "mj-carousel-image": "src", "mj-button": "href", "img": "src"}
    for tag in scan.tags():
        name = needed.get(tag.name)
        inside = tag.parent is not None and tag.parent.name == "mj-attributes"
        if name and not inside and not (tag.get(name) or "").strip():
            yield _tag_fault(
                "mjml-target", tag, f"<{tag.name}> has no {name}", f'Write {name}="https://…".'
            )


def _attributes(scan: ParsedMjml) -> Iterator[tuple[MjmlTag, Attribute]]:
    for tag in scan.tags():
        for attribute in tag.attributes:
            yield tag, attribute


def _pads_sides(attribute: Attribute) -> bool:
    """Tell whether a shorthand sets padding on the left or right."""
    sides = (attribute.value or "").split()
    return len(sides) > 1 and any(re.match(r"0*[1-9]|\.\d", side) for side in sides[1::2])


def _percent(tag: MjmlTag) -> float:
    width = re.fullmatch(r"([\d.]+)%", (tag.get("width") or "").strip())
    return float(width[1]) if width else 0.0


def _attribute_fault(
    rule: str, attribute: Attribute, message: str, mend: str, *, grave: bool = False
) -> MjmlFault:
    return MjmlFault(rule, attribute.at, attribute.name, message, mend, grave)


def _tag_fault(rule: str, tag: MjmlTag, message: str, mend: str) -> MjmlFault:
    return MjmlFault(rule, tag.at, f"<{tag.name}", message, mend, grave=False)
