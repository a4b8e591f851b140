"""Rules that hold MJML to its schema: tags, nesting, attributes and their values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from digest.render.lint.finding import RuleText
from digest.render.lint.mjml.parser import Attribute, MjmlFault, MjmlTag, ParsedMjml
from digest.render.lint.mjml.tag_schema import attributes_of, fits, tag_specs, takes

_UNSUPPORTED = {
    "mj-include": "Use Jinja's {% include %}: files can't be read from MJML here.",
    "mj-html-attributes": "Write the attributes where they belong.",
    "mj-selector": "Write the attributes where they belong.",
    "mj-html-attribute": "Write the attributes where they belong.",
}


@RuleText(
    name="mjml-tag",
    level="error",
    why="The compiler copies it into the mail, where it means nothing. Digest won't render it.",
    example_of="mjml",
    fails="<mj-txt>Words</mj-txt>",
    passes="<mj-text>Words</mj-text>",
)
def known_tags(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Forbid a tag that MJML doesn't have."""
    for tag in parsed.tags:
        low = tag.name.lower()
        if not low.startswith("mj") or tag.name in tag_specs():
            continue
        if low in tag_specs():
            yield _fault(known_tags.name, tag, "has capital letters", f"Write <{low}>.")
        elif low in _UNSUPPORTED:
            yield _fault(known_tags.name, tag, "isn't supported", _UNSUPPORTED[low])
        else:
            yield _fault(known_tags.name, tag, "isn't an MJML tag", _suggestion(low, tag_specs()))


@RuleText(
    name="mjml-nesting",
    level="error",
    why="Elsewhere it's broken or missing in the mail.",
    example_of="mjml",
    fails="<mj-section><mj-column /></mj-section>",
    passes='<mj-spacer height="12px" />',
)
def nesting(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Require every tag to stand where MJML has a place for it."""
    yield from _root(parsed)
    for tag in parsed.tags:
        yield from _inside(tag)


def _root(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    roots = [tag for tag in parsed.tags if tag.parent is None]
    for tag in roots:
        if tag.name.lower() != "mjml":
            yield _fault(nesting.name, tag, "is outside <mjml>", "Move it inside.")
    tops = [tag for tag in roots if tag.name == "mjml"]
    for tag in tops[1:]:
        yield _fault(nesting.name, tag, "appears twice", "Keep one.")
    for name in ("mj-head", "mj-body"):
        children = [child for tag in tops for child in tag.children if child.name == name]
        for tag in children[1:]:
            yield _fault(nesting.name, tag, "appears twice", "Keep one.")
        if name == "mj-body" and tops and not children:
            yield _fault(
                nesting.name, tops[0], "has no <mj-body>", "Add one: it contains the mail."
            )


def _inside(tag: MjmlTag) -> Iterator[MjmlFault]:
    parent, kind = tag.parent, tag_specs().get(tag.name)
    if parent is None or parent.name not in tag_specs():
        if kind is not None and parent is not None:
            yield _misplaced(tag)
    elif kind is None:
        if not tag.name.lower().startswith("mj"):
            yield from _html_in(tag, parent)
    elif parent.name != "mj-attributes" and parent.name not in kind.inside:
        yield _misplaced(tag)
    elif parent.name == "mj-attributes" and tag.children:
        yield _fault(nesting.name, tag.children[0], f"isn't allowed in <{tag.name}>", "Move it.")


def _misplaced(tag: MjmlTag) -> MjmlFault:
    assert tag.parent is not None  # noqa: S101 - checked by the caller
    places = ", ".join(f"<{name}>" for name in tag_specs()[tag.name].inside)
    return _fault(
        nesting.name,
        tag,
        f"isn't allowed in <{tag.parent.name}>",
        f"Put it in {places}." if places else "It must enclose everything.",
    )


def _html_in(tag: MjmlTag, parent: MjmlTag) -> Iterator[MjmlFault]:
    if tag_specs()[parent.name].content == "html":
        return
    mend = "Put HTML in <mj-text>, <mj-table> or <mj-raw>."
    yield _fault(nesting.name, tag, f"isn't allowed in <{parent.name}>", mend)


@RuleText(
    name="mjml-stray-text",
    level="warning",
    why="They end up in the wrong place, or not at all.",
    example_of="mjml",
    fails="Words",
    passes="<mj-text>Words</mj-text>",
)
def stray_text(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of words between tags."""
    for tag in parsed.tags:
        if tag.name not in tag_specs() or tag_specs()[tag.name].content not in {"tags", "nothing"}:
            continue
        for at, text in tag.texts:
            if text.strip():
                near = text.strip().split("\n")[0][:40]
                start = at + len(text) - len(text.lstrip())
                yield MjmlFault(
                    stray_text.name,
                    start,
                    near,
                    f"“{near}” is in <{tag.name}>, which can only contain tags",
                    "Put text in <mj-text>.",
                    is_error=False,
                )


@RuleText(
    name="mjml-attribute",
    level="error",
    why="The compiler silently drops it.",
    example_of="mjml",
    fails='<mj-text colour="#111111">Words</mj-text>',
    passes='<mj-text color="#111111">Words</mj-text>',
)
def known_attributes(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Forbid an attribute that a tag doesn't have."""
    for tag, attribute in _mjml_attributes(parsed):
        if attribute.name not in attributes_of(tag.name):
            yield MjmlFault(
                known_attributes.name,
                attribute.at,
                attribute.name,
                f"<{tag.name}> has no attribute {attribute.name}",
                _suggestion(attribute.name, attributes_of(tag.name)),
            )


@RuleText(
    name="mjml-twice",
    level="warning",
    why="Here the last one counts; in other compilers, the first.",
    example_of="mjml",
    fails='<mj-text color="#111111" color="#222222">Words</mj-text>',
    passes='<mj-text color="#111111">Words</mj-text>',
)
def repeated_attributes(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Warn of an attribute that stands twice."""
    for tag in parsed.tags:
        names: set[str] = set()
        for attribute in tag.attributes:
            if attribute.name in names:
                yield MjmlFault(
                    repeated_attributes.name,
                    attribute.at,
                    attribute.name,
                    f"{attribute.name} appears twice in <{tag.name}>; the last one counts",
                    "Keep one.",
                    is_error=False,
                )
            names.add(attribute.name)


@RuleText(
    name="mjml-value",
    level="error",
    why="The compiler writes it into the mail anyway.",
    example_of="mjml",
    fails='<mj-text align="middle">Words</mj-text>',
    passes='<mj-text align="center">Words</mj-text>',
)
def attribute_values(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Forbid a value that an attribute can't take."""
    for tag, attribute in _mjml_attributes(parsed):
        kind = tag_specs()[tag.name].attributes.get(attribute.name)
        value = attribute.value
        if kind and value is not None and not fits(kind, value):
            yield MjmlFault(
                attribute_values.name,
                attribute.at,
                f'{attribute.name}="{value}"',
                f"{attribute.name} of <{tag.name}> can't be “{value[:40]}”",
                f"It must be {takes(kind)}.",
            )


def _mjml_attributes(parsed: ParsedMjml) -> Iterator[tuple[MjmlTag, Attribute]]:
    for tag in parsed.tags:
        if tag.name in tag_specs():
            for attribute in tag.attributes:
                yield tag, attribute


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, sorted(known), 1, 0.6)
    return f"Did you mean {close[0]}?" if close else "Remove it."


def _fault(rule: str, tag: MjmlTag, message: str, mend: str) -> MjmlFault:
    return MjmlFault(rule, tag.at, f"<{tag.name}", f"<{tag.name}> {message}", mend)
