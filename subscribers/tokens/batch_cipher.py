"""Hides how the tokens of a whole batch are made at once: AES, in the manner of SIV (RFC 5297).

A hash for each link of each reader would take most of a send's time. AES takes any number of blocks
in one call, so what is left for each token is to cut it out of the result.

A token is 16 bytes of MAC, and the subject under a mask derived from the MAC. The MAC is a CBC-MAC
with a key for each length, which makes it a pseudo-random function of subjects of any length. ECB
mode stands for AES itself here: its blocks are the inputs of these functions, and never a message.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from hmac import compare_digest

BLOCK = 16  #: bytes, of AES and of a MAC
_TRIPLE = 3  # bytes of which base64 makes four characters without padding
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class BatchCipher:
    """Seals subjects under one key of 32 bytes, and opens what was sealed."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, subjects: Sequence[str]) -> list[str]:
        """Return a token for each subject, in base64url, under 1 µs each.

        All are as long as the longest needs. Raise `ValueError` for a subject that isn't ASCII.
        """
        longest = max(map(len, subjects), default=0)
        size = longest + (-longest - BLOCK) % _TRIPLE
        width = BLOCK * _blocks(size)
        padded = _padded(subjects, width).encode("ascii")
        columns = [_column(padded, at, width) for at in range(0, width, BLOCK)]
        mac, *streams = self._functions(size)
        macs = _chained(mac, columns)
        masked = [_xor(stream(macs), each) for stream, each in zip(streams, columns, strict=True)]
        packed = _interleaved([macs, *masked], BLOCK + size)
        text = b2a_base64(packed, newline=False).translate(_URL_SAFE).decode("ascii")
        step = (BLOCK + size) // _TRIPLE * 4
        return [text[at : at + step] for at in range(0, len(text), step)]

    def open(self, packed: bytes) -> bytes | None:
        """Return the subject of a token's bytes; ``None`` unless it was sealed under this key."""
        size = len(packed) - BLOCK
        if size < 0 or len(packed) % _TRIPLE:
            return None
        mac, *streams = self._functions(size)
        seal, hidden = packed[:BLOCK], packed[BLOCK:]
        mask = b"".join([stream(seal) for stream in streams])[:size]
        plain = _xor(hidden, mask)
        padded = plain.ljust(BLOCK * _blocks(size), b"\0")
        columns = [padded[at : at + BLOCK] for at in range(0, len(padded), BLOCK)]
        return plain.rstrip(b"\0") if compare_digest(seal, _chained(mac, columns)) else None

    def _functions(self, size: int) -> Iterator[_BlockFunction]:
        """Yield the MAC's function for subjects of *size* bytes, and that of each block's mask."""
        for role in range(1 + _blocks(size)):
            name = b"%d:%d" % (size, role)
            yield _BlockFunction(blake2b(name, key=self._key, digest_size=32).digest())


class _BlockFunction:
    """AES under one key, of many blocks at once."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers import (  # long to import
            Cipher,
            algorithms,
            modes,
        )

        self._cipher = Cipher(algorithms.AES(key), modes.ECB())

    def __call__(self, blocks: bytes) -> bytes:
        return self._cipher.encryptor().update(blocks)


def _chained(mac: _BlockFunction, columns: Sequence[bytes]) -> bytes:
    """Return the CBC-MAC of each subject, whose blocks stand in *columns*."""
    macs = mac(columns[0])
    for column in columns[1:]:
        macs = mac(_xor(macs, column))
    return macs


def _padded(subjects: Sequence[str], width: int) -> str:
    """Return the subjects in a row, each filled up to *width*."""
    lengths = set(map(len, subjects))
    if len(lengths) != 1:
        return "".join([each.ljust(width, "\0") for each in subjects])
    gap = "\0" * (width - lengths.pop())  # as in nearly every batch, where ids have as many digits
    return f"{gap.join(subjects)}{gap}"


def _blocks(size: int) -> int:
    return max(1, -(-size // BLOCK))


def _column(padded: bytes, at: int, width: int) -> bytes:
    """Return the block at *at* of each subject; byte by byte of all of them, which is fastest."""
    if width == BLOCK:
        return padded
    column = bytearray(len(padded) // width * BLOCK)
    for byte in range(BLOCK):
        column[byte::BLOCK] = padded[at + byte :: width]
    return bytes(column)


def _interleaved(columns: Sequence[bytes], width: int) -> bytearray:
    """Return one row of *width* bytes after the other, of which each column has a block."""
    rows = bytearray(len(columns[0]) // BLOCK * width)
    for byte in range(width):
        rows[byte::width] = columns[byte // BLOCK][byte % BLOCK :: BLOCK]
    return rows


def _xor(left: bytes, right: bytes) -> bytes:
    both = int.from_bytes(left, "big") ^ int.from_bytes(right, "big")
    return both.to_bytes(len(left), "big")
