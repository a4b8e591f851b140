"""Read a body into memory, up to a bound that holds after decompression too.

This module hides how a gzip bomb is met: no step of the decompression makes more than the bound.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from digest.http_client.outbound_refused import OutboundFault, OutboundRefused

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32  # by its first bytes
_GZIP_START = b"\x1f\x8b"
_CODINGS = frozenset({"gzip", "x-gzip", "deflate"})
#: Bytes. What follows a gzip stream is copied, so a file of a million tiny ones takes short parts.
_PART = 16_384


def read_body(parts: Iterable[bytes], *, coding: str, most: int, source: str) -> bytes:
    """Return the bytes of an answer, decompressed; *coding* is its Content-Encoding.

    Raises `OutboundRefused` above *most* bytes, compressed or not; *source* names the sender.
    """
    coding = coding.strip().lower()
    if coding in {"", "identity"}:
        return b"".join(_counted(parts, most, source))
    if coding not in _CODINGS:
        raise OutboundRefused(
            OutboundFault.MALFORMED,
            f"{source} compresses its answer in a way that wasn't asked for",
        )
    return _inflated(_counted(parts, most, source), most, source)


def inflated(body: bytes, *, most: int, source: str) -> bytes:
    """Return *body*, decompressed if it is a gzip file; raises `OutboundRefused` above *most*."""
    if not body.startswith(_GZIP_START):
        return body
    parts = (body[at : at + _PART] for at in range(0, len(body), _PART))
    return _inflated(parts, most, source)


def _counted(parts: Iterable[bytes], most: int, source: str) -> Iterator[bytes]:
    count = 0
    for part in parts:
        count += len(part)
        if count > most:
            raise _too_large(most, source)
        yield part


def _inflated(parts: Iterable[bytes], most: int, source: str) -> bytes:
    inflater, whole, seen = zlib.decompressobj(_GZIP_OR_ZLIB), bytearray(), False
    for part in parts:
        seen, left = True, part
        while left:
            if inflater.eof:
                if not _GZIP_START.startswith(left[:2]):
                    break  # what follows a whole stream and begins no other is padding
                inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                whole += inflater.decompress(left, most - len(whole) + 1)
            except zlib.error:
                raise _malformed(source) from None
            if len(whole) > most:
                raise _too_large(most, source)
            left = inflater.unused_data
    if seen and not inflater.eof:
        raise _malformed(source)
    return bytes(whole)


def _too_large(most: int, source: str) -> OutboundRefused:
    return OutboundRefused(
        OutboundFault.TOO_LARGE, f"{source} sends more than the limit of {most:,} bytes"
    )


def _malformed(source: str) -> OutboundRefused:
    return OutboundRefused(
        OutboundFault.MALFORMED, f"{source} sends compressed data that is broken or cut short"
    )
