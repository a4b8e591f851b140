"""How values of ours are stored in columns."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import BigInteger, Enum, Integer

#: 64 bits everywhere; SQLite only counts up by itself in a column called INTEGER.
BigId = BigInteger().with_variant(Integer, "sqlite")


def closed_set(kind: type[StrEnum]) -> Enum:
    """Store a closed set by value, as text, so that adding a member needs no migration."""
    return Enum(kind, native_enum=False, length=24, values_callable=lambda e: [m.value for m in e])
