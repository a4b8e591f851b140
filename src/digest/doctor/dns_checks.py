"""The DNS records that authenticate the sender: what to set, and what is published.

Hides the records SendGrid's domain authentication needs (SPF and DKIM by CNAME) and how DMARC is
looked up along a domain's parents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: Takes a name and a record type and returns the records; ``None`` when no resolver answers.
Resolve = Callable[[str, str], Sequence[str] | None]

#: Domains reserved for examples and tests (RFC 2606), for which no records can be set.
RESERVED = ("example", "example.com", "example.org", "example.net", "test", "invalid", "localhost")


@dataclass(frozen=True, kw_only=True)
class SenderRecord:
    """One record to set; *found* is what is published, ``None`` where no resolver was asked."""

    what: str
    name: str
    type: str
    value: str
    why: str
    found: tuple[str, ...] | None = None
    fine: bool | None = None


def records(domain: str) -> list[SenderRecord]:
    """Return the records a sender's domain needs; "u1234567.wl" stands for the account's label."""
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
    """Return the records a domain needs, each with what *resolve* finds published."""
    return [_with_published(record, resolve) for record in records(domain)]


def is_reserved(domain: str) -> bool:
    """Return whether a domain is reserved for examples (RFC 2606)."""
    return any(domain == reserved or domain.endswith(f".{reserved}") for reserved in RESERVED)


def _with_published(record: SenderRecord, resolve: Resolve) -> SenderRecord:
    published: Sequence[str] | None
    if record.what == "SPF":  # the provider chooses its name, so no name can be asked for
        return record
    if record.what == "DMARC":
        published = _dmarc(record.name, resolve)
        fine = (
            None if published is None else any(value.startswith("v=DMARC1") for value in published)
        )
    else:
        published = resolve(record.name, "CNAME")
        if published is not None and not published:
            published = resolve(record.name, "TXT")
        fine = None if published is None else bool(published)
    kept = None if published is None else tuple(published)
    return SenderRecord(**{**record.__dict__, "found": kept, "fine": fine})


def _dmarc(name: str, resolve: Resolve) -> Sequence[str] | None:
    """Return the DMARC record of the domain, else of its nearest parent (RFC 7489, 6.6.3)."""
    labels = name.removeprefix("_dmarc.").split(".")
    published: Sequence[str] | None = None
    for first in range(max(1, len(labels) - 1)):
        published = resolve(f"_dmarc.{'.'.join(labels[first:])}", "TXT")
        if published is None or any(value.startswith("v=DMARC1") for value in published):
            return published
    return published
