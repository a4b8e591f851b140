"""The DNS records that authenticate the sender: what to set, and what is published.

Hides how DMARC is looked up along a domain's parents.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from digest.mail.provider import Provider, SenderRecord

#: Takes a name and a record type and returns the records; ``None`` when no resolver answers.
Resolve = Callable[[str, str], Sequence[str] | None]

_KEY = re.compile(r"(?:^|;)\s*p=([^;]*)")  #: the public key in a DKIM record (RFC 6376, 3.6.1)

#: Domains reserved for examples and tests (RFC 2606), for which no records can be set.
RESERVED = ("example", "example.com", "example.org", "example.net", "test", "invalid", "localhost")


def records(provider: Provider, domain: str) -> list[SenderRecord]:
    """Return the records a sender's domain needs: the provider's, and a DMARC policy."""
    dmarc = SenderRecord(
        what="DMARC",
        name=f"_dmarc.{domain}",
        type="TXT",
        value=f"v=DMARC1; p=none; rua=mailto:dmarc@{domain}",
        why="large mailbox providers reject bulk mail without it; raise p once reports are clean",
    )
    return [*provider.sender_records(domain), dmarc]


def look_up(provider: Provider, domain: str, resolve: Resolve) -> list[SenderRecord]:
    """Return the records a domain needs, each with what *resolve* finds published."""
    return [_with_published(record, resolve) for record in records(provider, domain)]


def is_reserved(domain: str) -> bool:
    """Return whether a domain is reserved for examples (RFC 2606)."""
    return any(domain == reserved or domain.endswith(f".{reserved}") for reserved in RESERVED)


def _with_published(record: SenderRecord, resolve: Resolve) -> SenderRecord:
    published: Sequence[str] | None
    if record.what == "SPF" and record.type == "CNAME":  # the provider chooses its name
        return record
    if record.what == "DMARC":
        published = _dmarc(record.name, resolve)
        fine = (
            None if published is None else any(value.startswith("v=DMARC1") for value in published)
        )
    elif record.type == "TXT":
        published = resolve(record.name, "TXT")
        fine = None if published is None else any(_is_same(each, record) for each in published)
    else:
        published = resolve(record.name, "CNAME")
        if published is not None and not published:
            published = resolve(record.name, "TXT")
        fine = None if published is None else bool(published)
    kept = None if published is None else tuple(published)
    return replace(record, found=kept, fine=fine)


def _is_same(published: str, record: SenderRecord) -> bool:
    """Return whether a published text says what is needed: some SPF policy, or this very key."""
    if record.what == "SPF":
        return published.startswith("v=spf1")
    return _key_in(published) == _key_in(record.value) != ""


def _key_in(record: str) -> str:
    match = _KEY.search(record)
    return "".join(match[1].split()) if match else ""


def _dmarc(name: str, resolve: Resolve) -> Sequence[str] | None:
    """Return the DMARC record of the domain, else of its nearest parent (RFC 7489, 6.6.3)."""
    labels = name.removeprefix("_dmarc.").split(".")
    published: Sequence[str] | None = None
    for first in range(max(1, len(labels) - 1)):
        published = resolve(f"_dmarc.{'.'.join(labels[first:])}", "TXT")
        if published is None or any(value.startswith("v=DMARC1") for value in published):
            return published
    return published
