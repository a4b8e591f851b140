"""Which columns of a list mean what, for the exports of the services readers come from."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from subscribers.address import Address, parse
from subscribers.cells import plain
from subscribers.errors import BadAddress, BadImport


class Refusal(StrEnum):
    """Why a line isn't taken over, beside the reasons an address is refused for."""

    LEFT_THERE = "left at the former service"
    BOUNCED_THERE = "bounced at the former service"
    COMPLAINED_THERE = "complained at the former service"
    UNCONFIRMED_THERE = "had not confirmed at the former service"
    UNKNOWN_THERE = "the former service's word for the standing isn't known here"
    PAUSED_THERE = "takes a break at the former service, and wants no mail now"
    SUPPRESSED_THERE = "must not be mailed, the former service says"
    TWICE = "stands in the list twice"
    ALREADY = "is subscribed already"
    PENDING = "has signed up here and not confirmed yet"
    LEFT = "left here"
    MOVED = "has another address here since"
    ERASED = "asked to be forgotten here"
    BOUNCED = "bounced here"
    COMPLAINED = "complained here"
    SUPPRESSED = "must not be mailed, an operator or the provider says"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How to read a line: where the address is, and whether the former service still mailed it."""

    name: str
    address: int  #: the column, counted from 0
    standing: Callable[[Sequence[str]], Refusal | None] | None = None
    has_header: bool = True


@dataclass(frozen=True, kw_only=True)
class _Service:
    name: str
    columns: frozenset[str]  #: a header with all of these is this service's
    left_if_set: tuple[str, ...] = ()
    left_if_true: tuple[str, ...] = ()
    left_if_false: tuple[str, ...] = ()
    bounced_if_set: tuple[str, ...] = ()
    suppressed: str = ""
    status: str = ""


_SERVICES = (
    _Service(
        name="Digest",
        columns=frozenset({"email", "status", "suppressed", "source", "since"}),
        suppressed="suppressed",
        status="status",
    ),
    _Service(
        name="Mailchimp",
        columns=frozenset({"email address", "leid", "euid"}),
        left_if_set=("unsub_time",),
        bounced_if_set=("clean_time",),
        status="status",
    ),
    _Service(
        name="Substack",
        columns=frozenset({"email", "active_subscription", "email_disabled"}),
        left_if_true=("email_disabled",),
    ),
    _Service(
        name="Ghost",
        columns=frozenset({"email", "subscribed_to_emails", "deleted_at"}),
        left_if_false=("subscribed_to_emails",),
        left_if_set=("deleted_at",),
    ),
    _Service(
        name="Buttondown",
        columns=frozenset({"email_address", "creation_date", "type"}),
        left_if_set=("unsubscription_date",),
        status="type",
    ),
    _Service(
        name="listmonk",
        columns=frozenset({"uuid", "email", "attributes", "status"}),
        status="status",
    ),
    _Service(
        name="beehiiv",
        columns=frozenset({"email", "status", "utm_source"}),
        left_if_set=("unsubscribed_at",),
        status="status",
    ),
    _Service(
        name="Kit",
        columns=frozenset({"first_name", "email", "created_at", "state"}),
        status="state",
    ),
    _Service(
        name="Kit",
        columns=frozenset({"first_name", "email", "created_at", "status"}),
        status="status",
    ),
)

#: Names of the column that holds the address, the likeliest first.
_ADDRESS = ("email", "email address", "email_address", "e-mail", "e-mail-adresse", "mail")

_WORDS: dict[str, Refusal | None] = {
    **dict.fromkeys(("", "subscribed", "active", "confirmed", "enabled", "regular"), None),
    **dict.fromkeys(("premium", "free", "paid", "gifted", "trialed", "comped"), None),
    **dict.fromkeys(("unsubscribed", "cancelled", "canceled", "inactive"), Refusal.LEFT_THERE),
    **dict.fromkeys(("removed", "archived", "disabled", "blocklisted"), Refusal.LEFT_THERE),
    **dict.fromkeys(("blocked", "deleted"), Refusal.LEFT_THERE),
    "paused": Refusal.PAUSED_THERE,
    **dict.fromkeys(("cleaned", "bounced", "undeliverable"), Refusal.BOUNCED_THERE),
    **dict.fromkeys(("complained", "spam", "spammy"), Refusal.COMPLAINED_THERE),
    **dict.fromkeys(("pending", "unconfirmed", "unactivated"), Refusal.UNCONFIRMED_THERE),
    **dict.fromkeys(("validating", "invalid", "transactional"), Refusal.UNCONFIRMED_THERE),
}
_SUPPRESSED = {
    "hard-bounce": Refusal.BOUNCED_THERE,
    "complaint": Refusal.COMPLAINED_THERE,
    "erased": Refusal.LEFT_THERE,
}
_TRUE = frozenset({"true", "yes", "1", "t", "y"})
_NAMED = re.compile(r"\A[^<>@]*<([^<>]+)>\s*\Z")


def recognise(first: Sequence[str]) -> Layout:
    """Tell from the first line how a list is laid out; raises `BadImport` when nobody can."""
    names = [name.strip().lower() for name in first]
    service = next((one for one in _SERVICES if one.columns <= set(names)), None)
    address = next((names.index(name) for name in _ADDRESS if name in names), None)
    if address is None:
        return _without_header(first)
    if service is None:
        status = next((name for name in ("status", "state") if name in names), "")
        service = _Service(name="plain", columns=frozenset(), status=status)
    return Layout(name=service.name, address=address, standing=_standing(service, names))


def address_in(cell: str) -> Address:
    """Read a cell's address, also where a name stands before it: ``Ann <ann@example.com>``.

    Raises `BadAddress`. A name that holds an @ is refused: nobody knows which address is meant.
    """
    text = plain(cell)
    named = _NAMED.match(text)
    return parse(named[1] if named else text)


def _without_header(first: Sequence[str]) -> Layout:
    """Read a list that begins with an address, and so has no header."""
    for column, text in enumerate(first):
        try:
            address_in(text)
        except BadAddress:
            continue
        return Layout(name="plain, without a header", address=column, has_header=False)
    found = "1 column" if len(first) == 1 else f"{len(first)} columns"
    raise BadImport(
        'the first line names no column of addresses; call that column "email". The line was read'
        f" as {found}, separated by commas, semicolons, tabs or |; if they are more, save the list"
        " again as CSV"
    )


def _standing(
    service: _Service, names: list[str]
) -> Callable[[Sequence[str]], Refusal | None] | None:
    def at(columns: tuple[str, ...]) -> list[int]:
        return [names.index(name) for name in columns if name in names]

    tests = [
        *((column, _if_set(Refusal.LEFT_THERE)) for column in at(service.left_if_set)),
        *((column, _if_set(Refusal.BOUNCED_THERE)) for column in at(service.bounced_if_set)),
        *((column, _if_true(True)) for column in at(service.left_if_true)),
        *((column, _if_true(False)) for column in at(service.left_if_false)),
        *((column, _by_suppression) for column in at((service.suppressed,))),
        *((column, _by_word) for column in at((service.status,))),
    ]

    def standing(fields: Sequence[str]) -> Refusal | None:
        for column, test in tests:
            refusal = test(fields[column].strip().lower()) if column < len(fields) else None
            if refusal:
                return refusal
        return None

    return standing if tests else None


def _if_set(refusal: Refusal) -> Callable[[str], Refusal | None]:
    return lambda value: refusal if value else None


def _if_true(wanted: bool) -> Callable[[str], Refusal | None]:
    """Refuse for a word of that sense; what says nothing isn't a yes."""
    return lambda value: Refusal.LEFT_THERE if (value in _TRUE) is wanted else None


def _by_suppression(value: str) -> Refusal | None:
    return _SUPPRESSED.get(value, Refusal.SUPPRESSED_THERE) if value else None


def _by_word(value: str) -> Refusal | None:
    return _WORDS.get(value, Refusal.UNKNOWN_THERE)
