"""Hides the form of a mail on the wire (RFC 5322): headers, two bodies, one reader's own parts.

Both bodies are encoded once for a content. They are quoted-printable, which is 7-bit, and divided
at the tags of a reader's own parts, so that a mail is joined from ready pieces. No line of a body
begins with a dot, so none has to be doubled on the wire (RFC 5321, section 4.5.2).
"""

from __future__ import annotations

import re
from binascii import b2a_qp
from collections.abc import Mapping
from functools import lru_cache

from digest.mail.mailing import Content, Recipient, at_tags, tags_in
from digest.mail.message_headers import header_lines, headers_of

#: A sequence that no quoted-printable line holds, so it can't occur in a body.
_BOUNDARY = "=_digest_alternative"
_MIME = (
    "MIME-Version: 1.0",
    f'Content-Type: multipart/alternative; boundary="{_BOUNDARY}"',
)
_PART = (
    "\r\n--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
)
_END = f"\r\n--{_BOUNDARY}--\r\n".encode("ascii")
_BREAK = b"=\r\n"  #: ends a line of quoted-printable without ending the line of text
#: SendGrid's mark of a link that must not be counted: it means nothing to a mail program.
_MARK = re.compile(r"(<a\b[^>]*?) clicktracking=(?:\"off\"|off)(?=[\s>])")
_NOBODY = Recipient("", "nobody@invalid.invalid", {}, {})


def without_marks(html: str) -> str:
    """Return *html* without the marks by which SendGrid knows links that must not be counted."""
    return _MARK.sub(r"\1", html)


def shared_head(content: Content) -> list[str]:
    """Return the header lines that every mail of a content has; a folded line begins with a space.

    The subject isn't among them where it holds a reader's own part.
    """
    mail = headers_of(content, _NOBODY)
    for name in ("To", *(["Subject"] if tags_in(content.subject) else [])):
        del mail[name]
    return [*mail.as_string().rstrip("\r\n").split("\r\n"), *_MIME]


def own_head(content: Content, recipient: Recipient, message_id: str) -> list[str]:
    """Return the header lines of one reader's mail; raise `ValueError` for a line break in one."""
    lines = [f"To: {recipient.address}", f"Message-ID: {message_id}"]
    if tags_in(content.subject):
        lines += header_lines("Subject", headers_of(content, recipient)["Subject"])
    for name, value in recipient.headers.items():
        lines += header_lines(name, value)
    return lines


@lru_cache(maxsize=16)
def body_pieces(text: str, html: str) -> tuple[bytes | str, ...]:
    """Return the body of a mail as bytes, with the tags of a reader's own parts between them."""
    pieces: list[bytes | str] = []
    for kind, part in (("plain", text), ("html", html)):
        pieces.append(_PART.format(boundary=_BOUNDARY, kind=kind).encode("ascii"))
        first, *others = at_tags(part)
        pieces.append(quoted_printable(first))
        for tag, following in zip(others[::2], others[1::2], strict=True):
            pieces += [_BREAK, tag, _BREAK + quoted_printable(following)]
    return (*pieces, _END)


def joined_body(pieces: tuple[bytes | str, ...], parts: Mapping[str, str]) -> bytes:
    """Return one reader's body; a tag without a part of theirs stays as it is."""
    own = {tag: quoted_printable(value) for tag, value in parts.items()}
    return b"".join(
        piece if isinstance(piece, bytes) else own.get(piece, piece.encode()) for piece in pieces
    )


def quoted_printable(text: str) -> bytes:
    """Return a text in quoted-printable, with line ends of the wire and no leading dot."""
    lines = b2a_qp(text.replace("\r\n", "\n").replace("\r", "\n").encode(), istext=True)
    encoded = b"\n" + lines.replace(b"\r\n", b"\n")
    while b"\n." in encoded:
        encoded = encoded.replace(b"\n.", b"\n=2E=\n")
    return encoded[1:].replace(b"\n", b"\r\n")
