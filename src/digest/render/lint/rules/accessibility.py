"""Rules for readers with screen readers, low vision, or images turned off."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from digest.render.lint.css import (
    CssNode,
    CssRule,
    Rgb,
    contrast_ratio,
    first_colour,
    parse_colour,
    read_rules,
    read_style,
)
from digest.render.lint.finding import Finding, LintedMail, RuleText, error, warning
from digest.render.lint.html_reader import HtmlEvent

ENOUGH, ENOUGH_LARGE = 4.5, 3.0  # contrast ratios of WCAG 2.1, 1.4.3 (AA)
_MAIL = """\
<html{lang}><title>{title}</title><body><p>Weekly<br>12 Example Street</p>
<a clicktracking=off href="https://news.example.com/u/-digest_unsubscribe_token-">Leave</a>"""
_LARGE, _LARGE_BOLD = 24.0, 18.66  # pixels; large text is 18 pt, or 14 pt bold
_VOID = frozenset({"area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"})
_UNSEEN = frozenset({"style", "script", "title", "head"})
_BOLD = frozenset({"b", "strong", "h1", "h2", "h3", "th"})
_PROPERTIES = frozenset(  #: properties that matter to contrast
    {
        "color",
        "background",
        "background-color",
        "font",
        "font-size",
        "font-weight",
        "display",
        "opacity",
        "max-height",
    }
)
_WORD = re.compile(r"\w")
_SIZE = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)px")
_WHITE, _BLACK, _DARK_BACKGROUND = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (0.07, 0.07, 0.07)


@RuleText(
    name="contrast",
    level="warning",
    why="Faint words can't be read by everybody, and by nobody in the sun. Where the mail has rules"
    " for the dark scheme, they are checked as well.",
    source="WCAG 2.1, 1.4.3",
    example_of="html",
    fails='<p style="color:#aaaaaa">Faint</p>',
    passes='<p style="color:#5a606b">Soft, and legible</p>',
)
def text_contrast(mail: LintedMail) -> Iterator[Finding]:
    """Warn of text with a contrast below 4.5 to 1, or 3 to 1 where it is large."""
    events = mail.markup.events
    sheets = re.findall(r"<style[^>]*>(.*?)</style>", mail.html, re.DOTALL | re.IGNORECASE)
    rules = [rule for sheet in sheets for rule in read_rules(sheet)]
    for dark in (False, True) if _has_dark_scheme(mail.html) else (False,):
        for run in _StyleResolver(events, rules, dark=dark).runs:
            needed = ENOUGH_LARGE if run.large else ENOUGH
            ratio = contrast_ratio(run.colour, run.background)
            if ratio < needed:
                yield warning(
                    text_contrast.name,
                    "html",
                    f"“{run.text[:40]}” has a contrast of {ratio:.1f} to 1 in the"
                    f" {'dark' if dark else 'light'}; {needed} to 1 is enough",
                    "Make the text darker or lighter"
                    + (", in the style sheet's dark part." if dark else "."),
                    line=run.line,
                )


def _has_dark_scheme(html: str) -> bool:
    return bool(re.search(r"prefers-color-scheme\s*:\s*dark", html, re.IGNORECASE))


@dataclass
class _State:
    """The style that an element's descendants inherit."""

    node: CssNode | None
    colour: Rgb
    background: Rgb
    size: float = 16.0
    bold: bool = False
    shown: bool = True
    #: The same for each kind of element right inside it, once there was one: a mail repeats them.
    inside: dict[_Kind, _State] = field(default_factory=dict)


@dataclass(frozen=True)
class _OwnStyle:
    """What an element's style says; ``None`` where it says nothing."""

    colour: Rgb | None
    background: Rgb | None
    size: float | None
    bold: bool | None
    hidden: bool

    @classmethod
    def of(cls, style: Mapping[str, str]) -> _OwnStyle:
        """Return what these declarations say."""
        size = _SIZE.search(style.get("font-size", "")) or _SIZE.search(style.get("font", ""))
        weight = style.get("font-weight") or style.get("font", "")
        return cls(
            colour=parse_colour(style.get("color", "")),
            background=first_colour(style.get("background-color", style.get("background", ""))),
            size=float(size[1]) if size else None,
            bold=bool(re.search(r"\bbold|\b[6-9]00\b", weight)) if weight else None,
            hidden=_hidden(style),
        )


class _Kind(NamedTuple):
    """What an element's style depends on, besides the elements around it."""

    tag: str
    classes: str
    background: str | None
    style: str

    @classmethod
    def of(cls, tag: str, attributes: Mapping[str, str]) -> _Kind:
        """Return the kind of a tag with these attributes."""
        get = attributes.get
        return cls(tag, get("class", ""), get("bgcolor"), get("style", ""))


class _TextRun(NamedTuple):
    text: str
    colour: Rgb
    background: Rgb
    large: bool
    line: int


class _StyleResolver:
    """The colours and size of each run of text in one colour scheme."""

    def __init__(self, events: Sequence[HtmlEvent], rules: list[CssRule], *, dark: bool) -> None:
        self.runs: list[_TextRun] = []
        self._rules = [
            rule
            for rule in rules
            if (dark or not rule.dark)
            and _PROPERTIES & (rule.style.values.keys() | rule.style.important.keys())
        ]
        # A mail repeats its elements: few kinds of them, and fewer styles, are looked at.
        self._about: dict[tuple[str, frozenset[str]], list[CssRule]] = {}
        self._styles: dict[tuple[str | None, str, tuple[int, ...]], _OwnStyle] = {}
        start = _State(None, _WHITE, _DARK_BACKGROUND) if dark else _State(None, _BLACK, _WHITE)
        self._open: list[tuple[str, _State]] = [("", start)]
        for event in events:
            if event.kind == "text":
                self._add_text(event.value, event.line)
            elif event.kind == "end":
                self._close(event.value)
            elif event.value not in _VOID:
                inside = self._inside(_Kind.of(event.value, event.attributes))
                self._open.append((event.value, inside))

    def _close(self, tag: str) -> None:
        if self._open[-1][0] == tag:  # as it nearly always is
            self._open.pop()
        elif any(name == tag for name, _ in self._open[1:]):
            while self._open.pop()[0] != tag:
                pass

    def _add_text(self, text: str, line: int) -> None:
        state = self._open[-1][1]
        if state.shown and _WORD.search(text):
            large = state.size >= (_LARGE_BOLD if state.bold else _LARGE)
            self.runs.append(_TextRun(text, state.colour, state.background, large, line))

    def _inside(self, kind: _Kind) -> _State:
        above = self._open[-1][1]
        found = above.inside.get(kind)
        if found is None:
            found = above.inside[kind] = self._styled(above, kind)
        return found

    def _styled(self, above: _State, kind: _Kind) -> _State:
        node = CssNode(kind.tag, frozenset(kind.classes.split()), above.node)
        own = self._style(node, kind)
        return _State(
            node,
            own.colour or above.colour,
            own.background or above.background,
            above.size if own.size is None else own.size,
            (above.bold or kind.tag in _BOLD) if own.bold is None else own.bold,
            above.shown and kind.tag not in _UNSEEN and not own.hidden,
        )

    def _style(self, node: CssNode, kind: _Kind) -> _OwnStyle:
        fitting = [rule for rule in self._candidates(node) if rule.fits(node)]
        key = (kind.background, kind.style, tuple(map(id, fitting)))
        if key not in self._styles:
            self._styles[key] = _OwnStyle.of(_merged(kind.background, kind.style, fitting))
        return self._styles[key]

    def _candidates(self, node: CssNode) -> list[CssRule]:
        """Return the rules that match an element but for its ancestors."""
        kind = node.name, node.classes
        if kind not in self._about:
            self._about[kind] = [rule for rule in self._rules if rule.may_fit(*kind)]
        return self._about[kind]


def _merged(background: str | None, own_style: str, fitting: Sequence[CssRule]) -> dict[str, str]:
    """Return the declarations that win: of rules, of the element's own, of important ones."""
    style: dict[str, str] = {}
    if background is not None:
        style["background-color"] = background
    for rule in fitting:
        style |= rule.style.values
    own = read_style(own_style)
    if "background" in own.values:
        style.pop("background-color", None)
    style |= own.values
    for rule in fitting:
        style |= rule.style.important
    return {**style, **own.important}


def _hidden(style: Mapping[str, str]) -> bool:
    zero = style.get("font-size", "").strip() in {"0", "0px"}
    return (
        style.get("display") == "none"
        or style.get("opacity") == "0"
        or (zero and style.get("max-height", "").startswith("0"))
    )


@RuleText(
    name="language",
    level="error",
    why="Screen readers use it to pronounce the mail.",
    source="WCAG 2.1, 3.1.1",
    example_of="mail",
    fails=_MAIL.format(lang="", title="Two tools"),
    passes=_MAIL.format(lang=' lang="en"', title="Two tools"),
)
def language(mail: LintedMail) -> Iterator[Finding]:
    """Require the mail to say its language."""
    spoken = next((tag.get("lang") for tag in mail.markup.named("html")), None)
    if not spoken or spoken == "und":
        yield error(
            language.name,
            "html",
            "the mail doesn't declare its language",
            'Write <mjml lang="en">.',
        )


@RuleText(
    name="title",
    level="error",
    why="A screen reader reads it first.",
    source="WCAG 2.1, 2.4.2",
    example_of="mail",
    fails=_MAIL.format(lang=' lang="en"', title=""),
    passes=_MAIL.format(lang=' lang="en"', title="Two tools"),
)
def title(mail: LintedMail) -> Iterator[Finding]:
    """Require a title."""
    if not mail.markup.title.strip():
        yield error(title.name, "html", "the mail has no title", "Fill in <mj-title>.")


@RuleText(
    name="image-alt",
    level="error",
    why="Who can't see an image gets these words. Empty ones mark an image as decoration.",
    source="WCAG 2.1, 1.1.1",
    example_of="html",
    fails='<img src="https://a.example/a.png">',
    passes='<img src="https://a.example/a.png" alt="Lathe leads by two seats">',
)
def image_alts(mail: LintedMail) -> Iterator[Finding]:
    """Require words that stand for each image."""
    for image in mail.markup.named("img"):
        if image.get("alt") is None:
            yield error(
                image_alts.name,
                "html",
                f"the image {(image.get('src') or '')[:60]!r} has no alternative text",
                'Write alt="what it shows", or alt="" if it is decoration.',
                line=image.line,
            )


@RuleText(
    name="heading-order",
    level="warning",
    why="Screen readers list the headings like a table of contents.",
    source="WCAG 2.1, 1.3.1",
    example_of="html",
    fails="<h4>Far down</h4>",
    passes="<h2>Next</h2>",
)
def heading_order(mail: LintedMail) -> Iterator[Finding]:
    """Warn unless there is one first heading, and no level is skipped on the way down."""
    level = 0
    for heading in mail.markup.named("h1", "h2", "h3", "h4", "h5", "h6"):
        here = int(heading.name[1])
        if here > level + 1 or (here == 1 and level):
            yield warning(
                heading_order.name,
                "html",
                f"<{heading.name}> follows {f'<h{level}>' if level else 'no heading'}",
                "Use one h1, and go down one level at a time.",
                line=heading.line,
            )
        level = here


@RuleText(
    name="words-without-images",
    level="warning",
    why="Many mail apps only load images on request.",
    example_of="html",
    fails='<img src="https://a.example/a.png" alt="">\n' * 9,
    passes='<img src="https://a.example/a.png" alt="">',
)
def words_without_images(mail: LintedMail) -> Iterator[Finding]:
    """Warn of fewer than 20 words for each image."""
    images, words = len(mail.markup.named("img")), len(mail.markup.text.split())
    if images and words < 20 * images:
        yield warning(
            words_without_images.name,
            "html",
            f"{images} image{'s' * (images > 1)} and {words} words: little remains with images off",
            "Say in words what the images show.",
        )
