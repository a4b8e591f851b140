"""How stored text is escaped, so that it is shown as it reads and no engine interprets it.

A rendered mail passes further engines: the provider replaces tags in it, mailbox providers
rewrite it. Stored text must have no meaning to any of them.
"""

from __future__ import annotations

import re

from markupsafe import Markup, escape

#: Controls that XML 1.0 forbids, lone surrogates, non-characters; then bidirectional controls.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BIDI_CONTROLS = re.compile("[\u202a-\u202e]")
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u2060-\u206f\ufeff]")
_MARKS = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_PILED_UP_MARKS = re.compile(
    f"({_MARKS}{{4}}){_MARKS}+"
)  # no language writes five marks on one letter
_LINE_ENDS = re.compile("\r\n?|[\u0085\u2028\u2029]")

#: The first character of any syntax that some engine interprets: reader tags, Jinja and
#: Handlebars braces, %tracking% words, [%field%], <% %>, a mail header's =?utf-8?q?words?=.
_ENGINE_SYNTAX = re.compile(
    r"-(?=digest_) | \{(?=[{%\#]) | \}(?=\}) | \#(?=\}) | <(?=%) | %(?=[}>])"
    r"| %(?=[a-z][\w-]*%) | \[(?=%|unsubscribe\]) | =(?=\?[^?]*\?[bq]\?)",
    re.VERBOSE | re.IGNORECASE,
)
_WORD_JOINER = "\u2060"  # invisible, and breaks no line


class TrustedText(str):
    """Text of the engine that is printed into a mail unchanged, reader tags included."""

    __slots__ = ()


def strip_unprintable(text: str) -> str:
    """Return *text* without controls, piled-up marks and bidirectional controls; LF newlines."""
    if text.isascii() and text.isprintable():  # as nearly every text is
        return text
    text = _PILED_UP_MARKS.sub(r"\1", _LINE_ENDS.sub("\n", text))
    return _BIDI_CONTROLS.sub("", _UNPRINTABLE.sub("", text))


def one_line(text: str) -> str:
    """Return *text* as one line, for subjects, names and headings.

    Invisible characters are dropped as well as those of `strip_unprintable`.
    """
    return " ".join(_INVISIBLE.sub("", strip_unprintable(text)).split())


def in_markup(text: str) -> Markup:
    """Return *text* escaped for HTML and MJML, with syntax of engines as numeric references."""
    return Markup(  # noqa: S704  - escaped by the call inside
        _ENGINE_SYNTAX.sub(
            lambda match: f"&#{ord(match[0])};", str(escape(strip_unprintable(text)))
        )
    )


def in_plain_text(text: str) -> str:
    """Return *text* for plain text, where a word joiner breaks the syntax of engines."""
    return _ENGINE_SYNTAX.sub(lambda match: match[0] + _WORD_JOINER, strip_unprintable(text))
