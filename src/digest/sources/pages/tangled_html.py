"""Which HTML costs a parser far more time or memory than its length, and is refused before.

The parser builds what the standard asks for, without a bound of its own: 36 kB of unclosed ``<b>``
become 1.4 GB, and 1 MB of ``<div>`` or of attributes takes a minute.
"""

from __future__ import annotations

import re

from digest.errors import ComparisonUnreadable

MAX_CHARACTERS = 2_000_000
#: Signs that may begin a tag. Their time grows with the square: a second at this many.
MAX_TAGS = 20_000
_MAX_ATTRIBUTES = 1_000  # of one tag; the square again
_LONG = 2_000  # characters of a tag that are worth counting its attributes
_MAX_TAG_TEXT = 20_000_000  # characters of all tags, if each began a tag whatever it stands in

#: From "<" to where a tag ends, as the standard's tokenizer goes (13.2.5.6 to 13.2.5.39).
_ATTRIBUTE = r"""[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"?|'[^']*+'?|[^\s>]*+))?+"""
_TAG = re.compile(rf"<[a-zA-Z][^\s/>]*+(?:[\s/]++|{_ATTRIBUTE})*+")
_ATTRIBUTES = re.compile(_ATTRIBUTE)
_START = re.compile(r"<[a-zA-Z]")
#: Elements that the standard opens again in each paragraph that follows while they aren't closed.
_FORMATTING = re.compile(
    r"<(/?)(?=(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)[\s/>])", re.IGNORECASE
)
#: Makes of a formatting element one that means nothing to a parser.
PLAIN = "digest-plain-"


def refuse_tangled(html: str, *, source: str) -> None:
    """Raise `ComparisonUnreadable` for HTML that isn't worth what parsing it may cost."""
    reason = _reason(html)
    if reason:
        raise ComparisonUnreadable(
            f"{reason}; a page of a comparison is far smaller", source=source
        )


def without_formatting(html: str) -> str:
    """Return HTML whose formatting elements, such as ``b`` and ``a``, mean nothing to a parser.

    Text within scripts is changed alike, and `with_formatting` changes it back.
    """
    return _FORMATTING.sub(rf"<\1{PLAIN}", html)


def with_formatting(text: str) -> str:
    """Return the text of a script as it was before `without_formatting`."""
    return text.replace(f"<{PLAIN}", "<").replace(f"</{PLAIN}", "</")


def _reason(html: str) -> str:
    if len(html) > MAX_CHARACTERS:
        return f"the page has {len(html):,} characters; {MAX_CHARACTERS:,} at most"
    if (tags := html.count("<")) > MAX_TAGS:
        return f"the page has {tags:,} tags; {MAX_TAGS:,} at most"
    total = 0
    for start in _START.finditer(html):
        tag = _TAG.match(html, start.start())
        length = tag.end() - tag.start() if tag else 0
        total += length
        if total > _MAX_TAG_TEXT:
            return "the page's tags can't be told from its text"
        if (
            tag
            and length > _LONG
            and sum(1 for _ in _ATTRIBUTES.finditer(tag[0])) > _MAX_ATTRIBUTES
        ):
            return f"a tag of the page has more than {_MAX_ATTRIBUTES:,} attributes"
    return ""
