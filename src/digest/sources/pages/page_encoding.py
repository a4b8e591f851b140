"""Which encoding the bytes of a page are in: as browsers decide it, but nothing is guessed."""

from __future__ import annotations

import re
from email.message import Message

import webencodings

from digest.errors import ComparisonUnreadable

#: A page names its encoding in its first bytes (HTML Living Standard, 13.2.3.2).
_PRESCAN = 1024
_META = re.compile(rb"<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([\w.:-]{1,40})", re.I)


def decoded(body: bytes, *, content_type: str, source: str) -> str:
    """Return a page's text: by its byte order mark, else its header, its ``meta``, or as UTF-8.

    Raises `ComparisonUnreadable` where the bytes aren't text in that encoding.
    """
    label = _label(body, content_type)
    encoding = webencodings.lookup(label)
    if encoding is None or encoding.name in {"replacement", "x-user-defined"}:
        raise ComparisonUnreadable(
            f"its encoding {label[:40]!r} isn't known; publish it as UTF-8", source=source
        )
    try:
        text: str = encoding.codec_info.decode(body, "strict")[0]
    except UnicodeDecodeError as fault:
        line = body.count(b"\n", 0, fault.start) + 1
        raise ComparisonUnreadable(
            f"this isn't {encoding.name.upper()} text, though the page says so; publish it as"
            " UTF-8, and say so in the Content-Type",
            line=line,
            source=source,
        ) from None
    return text.removeprefix("\ufeff")


def media_type(content_type: str) -> str:
    """Return a Content-Type's type and subtype in lower case; empty where it names none."""
    return content_type.partition(";")[0].strip().lower()


def _label(body: bytes, content_type: str) -> str:
    for mark, name in (
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16le"),
        (b"\xfe\xff", "utf-16be"),
    ):
        if body.startswith(mark):
            return name
    header = Message()
    header["Content-Type"] = " ".join(content_type.split())[:400]
    named = header.get_content_charset()
    if named:
        return named
    meta = _META.search(body[:_PRESCAN])
    # A page that could be read so far is in an encoding that has ASCII in it.
    told = meta[1].decode("ascii", "replace").lower() if meta else "utf-8"
    return "utf-8" if told.startswith("utf-16") else told
