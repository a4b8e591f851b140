"""The DNS records that let mailboxes trust the sender: what to set, and what is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: Asks for records of a type; ``None`` when no resolver answers, empty when there are none.
Resolve = Callable[[str, str], Sequence[str] | None]

#: Domains that nobody can set records for.
RESERVED = ("example", "example.com", "example.org", "example.net", "test", "invalid", "localhost")


@dataclass(frozen=True, kw_only=True)
class SenderRecord:
    """One record to set; *found* is what is there, ``None`` when nobody could be asked."""

    what: str
    name: str
    type: str
    value: str
    why: str
    found: tuple[str, ...] | None = None
    fine: bool | None = None


def records(domain: str) -> list[SenderRecord]:
    """Return the records a sender's domain needs; "u1234567.wl" stands for the account's own."""
    account = "u1234567.wl.sendgrid.net"
    return [
        SenderRecord(
            what="SPF",
            name=f"em1234.{domain}",
            type="CNAME",
            value=account,
            why="names the provider's servers for the return path; the provider shows the number",
        ),
        *(
            SenderRecord(
                what="DKIM",
                name=f"{selector}._domainkey.{domain}",
                type="CNAME",
                value=f"{selector}.domainkey.{account}",
                why="lets the provider sign in the domain's name and change keys by itself",
            )
            for selector in ("s1", "s2")
        ),
        SenderRecord(
            what="DMARC",
            name=f"_dmarc.{domain}",
            type="TXT",
            value=f"v=DMARC1; p=none; rua=mailto:dmarc@{domain}",
            why="large mailboxes refuse bulk mail without one; raise p once the reports are clean",
        ),
    ]


def look_up(domain: str, resolve: Resolve) -> list[SenderRecord]:
    """Return the records a domain needs, each with what is there."""
    return [_looked_up(each, resolve) for each in records(domain)]


def is_reserved(domain: str) -> bool:
    """Tell whether a domain is made for examples."""
    return any(domain == each or domain.endswith(f".{each}") for each in RESERVED)


def _looked_up(record: SenderRecord, resolve: Resolve) -> SenderRecord:
    found: Sequence[str] | None
    if record.what == "SPF":  # its name is the provider's choice, so there is nothing to ask for
        return record
    if record.what == "DMARC":
        found = _dmarc(record.name, resolve)
        fine = None if found is None else any(each.startswith("v=DMARC1") for each in found)
    else:
        found = resolve(record.name, "CNAME")
        if found is not None and not found:
            found = resolve(record.name, "TXT")
        fine = None if found is None else bool(found)
    kept = None if found is None else tuple(found)
    return SenderRecord(**{**record.__dict__, "found": kept, "fine": fine})


def _dmarc(name: str, resolve: Resolve) -> Sequence[str] | None:
    """Ask for the domain's own, then for each parent's: a domain without one has its parent's."""
    labels = name.removeprefix("_dmarc.").split(".")
    found: Sequence[str] | None = None
    for at in range(max(1, len(labels) - 1)):
        found = resolve(f"_dmarc.{'.'.join(labels[at:])}", "TXT")
        if found is None or any(each.startswith("v=DMARC1") for each in found):
            return found
    return found
