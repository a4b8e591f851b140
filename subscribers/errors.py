"""The exceptions a caller of the package may catch.

An exception without a message of its own shows its class's docstring.

SubscribersError
├── BadAddress        the text is no address we can mail
├── BadToken          the link isn't one of ours, or isn't good for this
│   └── OldLink       its reader has moved to another address since
├── BadProof          the proof of work is missing, wrong or too late
├── BadImport         the list can't be read
└── UnknownReader     nobody of that address is known
"""

from __future__ import annotations

from enum import StrEnum


class SubscribersError(Exception):
    """Something asked of the list of subscribers can't be done."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class AddressFault(StrEnum):
    """Why a text is no address that can be mailed; pages translate it, the value is in English."""

    EMPTY = "there is no address"
    NO_AT = "an address has an @ between the name and the domain"
    MANY_AT = "an address has only one @"
    TOO_LONG = "an address has at most 254 bytes"
    LOCAL_TOO_LONG = "the part before the @ has at most 64 characters"
    LABEL_TOO_LONG = "a part of the domain between two dots has at most 63 characters"
    HIDDEN = "the address holds a space or an invisible character"
    QUOTED = "quotation marks before the @ are not supported"
    LITERAL = "a network address in brackets after the @ is not supported"
    ACCENTED = "only unaccented letters are supported before the @"
    DOT = "dots must stand between other characters"
    LOCAL = "the part before the @ is missing or holds a character that isn't allowed there"
    DOMAIN = "the part after the @ is no internet domain"
    RESERVED = "the domain is reserved and can't receive mail"


class BadAddress(SubscribersError):
    """This isn't an email address we can send to."""

    def __init__(self, fault: AddressFault) -> None:
        super().__init__(fault.value)  # the reason, never the address
        self.fault = fault


class BadToken(SubscribersError):
    """This link isn't valid."""


class OldLink(BadToken):
    """This link was mailed to an address its reader has moved away from."""


class BadProof(SubscribersError):
    """This isn't the answer to a challenge of ours, or comes too late."""


class BadImport(SubscribersError):
    """The list can't be read."""


class UnknownReader(SubscribersError):
    """No subscriber has this address."""
