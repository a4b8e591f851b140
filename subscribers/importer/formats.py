"""How a list's layout is recognised from its first line: the address, and who left.

Recognition fails closed. A column that may say who left and can't be read stops the import, and so
does a service's export without the column that tells; an operator may have a column ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from subscribers.address import Address, parse
from subscribers.errors import BadAddress, BadImport
from subscribers.export import unescape_formula
from subscribers.importer import columns, leaving_words
from subscribers.importer.columns import HARMLESS, KNOWN, Meaning
from subscribers.importer.refusal import NOT_SAID, Refusal, standing_there
from subscribers.importer.service_exports import SERVICES, Service

#: Names of the column that holds the address, the likeliest first.
ADDRESS_COLUMNS = ("email", "email_address", "e_mail", "e_mail_address", "e_mail_adresse", "mail")
#: Mailchimp's two times of consent: either is enough, and a line with neither has no consent.
_AGREED = ("optin_time", "confirm_time")
_PLAIN = Service(
    name="plain",
    columns=frozenset(),
    standing_columns=frozenset(),
    own={"state": columns.by_word()},
)
#: Columns of people's names, whose cells may be any word.
_NAMES = columns.names(
    "name first_name last_name full_name firstname lastname fullname fname lname given_name"
    " family_name surname vorname nachname familienname nom prenom nombre apellido apellidos nome"
    " cognome voornaam achternaam naam"
)
_NAMED = re.compile(r"\A[^<>@]*<([^<>]+)>\s*\Z")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # what `csv_reader` makes of invalid bytes
_FILE_OF_LEAVERS = re.compile(r"non-?_?subscri|unsubscri|\A(?:cleaned|sms_only)_", re.IGNORECASE)

LineRefusal = Callable[[Sequence[str]], Refusal | None]


@dataclass(frozen=True, kw_only=True)
class ColumnLayout:
    """How to read a line: the column of the address, and how the reader stood before."""

    name: str
    address: int  #: the column, counted from 0
    refusal: LineRefusal  #: gets a line's fields, returns why it isn't imported
    has_standings: bool = True  #: whether the list says how its readers stand
    has_header: bool = True
    note: str = ""  #: what the list can't tell, for the report
    unread: tuple[tuple[int, str], ...] = ()  #: columns without a known meaning, by number and name
    header: tuple[str, ...] = ()  #: the names of all columns

    def word(self, refusal: Refusal | None) -> str:
        """Return the report's word for how a reader stood at the former service."""
        return standing_there(refusal) if refusal or self.has_standings else NOT_SAID


def recognise(first: Sequence[str], ignored: Collection[str] = ()) -> ColumnLayout:
    """Return the layout of a list by its first line, as if the columns *ignored* weren't there.

    Raise `BadImport` for a layout that isn't recognised, or doesn't tell who left.
    """
    if any(_NOT_UTF8.search(name) for name in first):
        raise BadImport(
            "the file isn't UTF-8, so the names of its columns can't be read: save the list again"
            " as CSV in UTF-8"
        )
    names = [columns.key(name) for name in first]
    kept = _without(names, ignored)
    address = next((kept.index(name) for name in ADDRESS_COLUMNS if name in kept), None)
    if address is None:
        return _without_header(first)
    header = frozenset(kept)
    service = next((service for service in SERVICES if service.writes(header)), _PLAIN)
    _require_column_of_leaving(service, first, names, kept)
    meanings = _meanings(service, first, kept)
    return ColumnLayout(
        name=service.name,
        address=address,
        refusal=_line_refusal(meanings, kept),
        has_standings=bool(meanings) or not set(_AGREED).isdisjoint(kept),
        note="" if service.answered_by in kept else service.note,
        unread=_unread(service, first, {address, *_skipped(names, ignored)}),
        header=tuple(first),
    )


def refuse_file_of_leavers(name: str) -> None:
    """Raise `BadImport` for a file that is named like a service's export of who left."""
    if _FILE_OF_LEAVERS.search(name):
        raise BadImport(
            f'the file\'s name, "{name}", speaks of readers who left, bounced or never agreed.'
            " Import the file of the subscribed ones. If this is that file, rename it to"
            ' "subscribers.csv", say, and import it again'
        )


def address_in(cell: str) -> Address:
    """Return a cell's address, also of the form ``Ann <ann@example.com>``.

    Raise `BadAddress`, also for a name that holds an @, since either address might be meant.
    """
    text = unescape_formula(cell)
    named = _NAMED.match(text)
    return parse(named[1] if named else text)


def _without(names: list[str], ignored: Collection[str]) -> list[str]:
    """Return the names, with "" for the ignored ones; raise `BadImport` for one that is missing."""
    skip = {_letters(columns.key(name)): name for name in ignored}
    missing = skip.keys() - {_letters(name) for name in names}
    if missing:
        unknown = sorted(skip[name] for name in missing)
        raise BadImport(
            f"--ignore-column names {_quoted(unknown)}, and the list has no such column"
        )
    return ["" if _letters(name) in skip else name for name in names]


def _letters(key: str) -> str:
    return key.replace("_", "")


def _without_header(first: Sequence[str]) -> ColumnLayout:
    """Return the layout of a list that begins with an address, and so has no header."""
    for column, text in enumerate(first):
        try:
            address_in(text)
        except BadAddress:
            continue
        return ColumnLayout(
            name="plain, without a header",
            address=column,
            refusal=_by_any_word,
            has_standings=False,
            has_header=False,
        )
    number = "1 column" if len(first) == 1 else f"{len(first)} columns"
    raise BadImport(
        'the first line names no column of addresses; call that column "email". The line was read'
        f" as {number}, separated by commas, semicolons, tabs or |; if they are more, save the list"
        " again as CSV"
    )


def _require_column_of_leaving(
    service: Service, first: Sequence[str], names: list[str], kept: list[str]
) -> None:
    if service.standing_columns and service.standing_columns.isdisjoint(names):
        wanted = " or ".join(name for name in sorted(service.standing_columns))
        known_by = next(
            text for text, name in zip(first, names, strict=True)
            if name in service.columns and name not in ADDRESS_COLUMNS
        )  # fmt: skip
        message = (
            f"this looks like a file of {service.name}, and the column that tells who left isn't in"
            f" it ({wanted}): export the list again with that column"
        )
        others = _columns_of_leaving(service, first, kept)
        if others:
            raise BadImport(
                f"{message}, and import that. This file has {_quoted(others)}, as a file of those"
                " who left has"
            )
        raise BadImport(
            f"{message}. If you know that everybody in"
            f" it agreed and nobody left, say so with --ignore-column {_quoted([known_by])}"
        )


def _columns_of_leaving(service: Service, first: Sequence[str], names: list[str]) -> list[str]:
    """Return the columns about leaving, without those of the service that mean something else."""
    return [
        text.strip()
        for text, name in zip(first, names, strict=True)
        if name not in service.harmless and (_meaning(service, name) or _may_tell(name))
    ]


def _meanings(
    service: Service, first: Sequence[str], names: list[str]
) -> list[tuple[int, Meaning]]:
    """Return the columns that tell a standing; raise `BadImport` for those that can't be read."""
    meanings: list[tuple[int, Meaning]] = []
    unread: list[str] = []
    for column, (text, name) in enumerate(zip(first, names, strict=True)):
        meaning = _meaning(service, name)
        if meaning:
            meanings.append((column, meaning))
        elif name not in service.harmless and _may_tell(name):
            unread.append(text.strip())
    if unread:
        options = " ".join(f"--ignore-column {_quoted([name])}" for name in unread)
        raise BadImport(
            f"the list has columns that may say who left, and they can't be read:"
            f" {_quoted(unread)}. Take those who left out of the list, then import it with"
            f" {options}"
        )
    return sorted(meanings, key=lambda pair: pair[1].rank)


def _meaning(service: Service, name: str) -> Meaning | None:
    if name.startswith("opted_out_of_email"):  # HubSpot appends the subscription type
        return columns.left_if_true(Refusal.LEFT_THERE)
    return None if name in service.harmless else service.own.get(name) or KNOWN.get(name)


def _unread(
    service: Service, first: Sequence[str], skipped: Collection[int]
) -> tuple[tuple[int, str], ...]:
    """Return the columns whose cells are checked for words: neither understood nor ignored."""
    passed = service.harmless | HARMLESS | _NAMES | frozenset(_AGREED)
    return tuple(
        (column, text.strip())
        for column, text in enumerate(first)
        if column not in skipped
        and (name := columns.key(text)) not in passed
        and not _meaning(service, name)
    )


def _skipped(names: list[str], ignored: Collection[str]) -> set[int]:
    skip = {_letters(columns.key(name)) for name in ignored}
    return {column for column, name in enumerate(names) if _letters(name) in skip}


def _may_tell(name: str) -> bool:
    return name not in HARMLESS and name not in _AGREED and columns.speaks_of_leaving(name)


def _line_refusal(meanings: list[tuple[int, Meaning]], names: list[str]) -> LineRefusal:
    agreed = [names.index(name) for name in _AGREED if name in names]

    def cell(fields: Sequence[str], column: int) -> str:
        return fields[column].strip().lower() if column < len(fields) else ""

    def refusal(fields: Sequence[str]) -> Refusal | None:
        for column, meaning in meanings:
            if reason := meaning.read(cell(fields, column)):
                return reason
        if agreed and not any(columns.has_text(cell(fields, column)) for column in agreed):
            return Refusal.NO_CONSENT_THERE
        return None

    return refusal


def _by_any_word(fields: Sequence[str]) -> Refusal | None:
    """Return the refusal for a line of a list without a header, by any cell's word for leaving."""
    return next(filter(None, (leaving_words.leaving(field) for field in fields)), None)


def _quoted(names: Collection[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
