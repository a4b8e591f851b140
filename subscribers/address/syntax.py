"""Which texts count as email addresses, and by which form two addresses are compared.

docs/address-policy.md states the rules. The lengths are those of RFC 5321, section 4.5.3.1: 64
octets before the @, and a path of 256 octets with its brackets, which leaves 254 for an address. A
label has at most 63 octets (RFC 1035, section 2.3.4).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from email.headerregistry import HeaderRegistry
from typing import Any

from email_validator import EmailNotValidError, validate_email

from subscribers.errors import AddressFault, BadAddress

MAX_OCTETS = 254
MAX_LOCAL = 64
MAX_LABEL = 63

#: Top-level domains that can't receive mail; `parse` accepts "test" where a caller asks for it.
RESERVED = frozenset({"arpa", "invalid", "local", "localhost", "onion", "test"})

#: Gmail ignores dots before the @, and delivers both of its domains to one mailbox.
_GMAIL, _GMAILS = "gmail.com", frozenset({"gmail.com", "googlemail.com"})

_MAIL_HEADER = HeaderRegistry()
_BLANKS = " \t\r\n\f\v\u00a0"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*\Z")
_DOTS = re.compile("[.\u3002\uff0e\uff61]")  # the label separators of IDNA (RFC 3490, section 3.1)
#: An address that needs no library: a dot-atom at a plain ASCII host name. Punycode and reserved
#: names don't match, so the library accepts every match too (a test compares the two).
_PLAIN = re.compile(
    rf"(?P<local>(?=[^@]{{1,{MAX_LOCAL}}}@){_ATOM}(?:\.{_ATOM})*)"
    rf"@(?P<domain>(?:(?=[^.]{{1,{MAX_LABEL}}}\.)[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+"
    rf"(?!(?i:{'|'.join(sorted(RESERVED))})\Z)[A-Za-z]{{2,{MAX_LABEL}}})\Z"
)


@dataclass(frozen=True, slots=True)
class Address:
    """A well-formed address. Two addresses are the same subscriber's when their keys are equal."""

    text: str = field(repr=False, compare=False)  #: as given, trimmed; the domain in NFC
    key: str = field(repr=False)  #: lower-case local part @ lower-case A-label
    domain: str = field(repr=False, compare=False)  #: lower-case A-label

    @property
    def wire(self) -> str:
        """The form for a provider: the local part as given @ the domain in ASCII."""
        return wire(self.text)


def parse(text: str, *, test_names: bool = False) -> Address:
    """Return the address a text holds.

    Accept domains under .test where *test_names* is set. Raise `BadAddress` with the fault, whose
    text never holds the address.
    """
    stripped = text.strip(_BLANKS)
    plain = _PLAIN.match(stripped) if len(stripped) <= MAX_OCTETS else None
    if plain:
        return Address(stripped, stripped.lower(), plain["domain"].lower())
    return _parse_slowly(stripped, test_names=test_names)


def parse_named(text: str) -> tuple[str, Address] | None:
    """Return the name and the address of a text such as "Verdicts <verdicts@example.com>".

    ``None`` for anything but one mailbox that a From header can hold (RFC 5322, 3.4).
    """
    if not text.isprintable():  # a line break would begin another header
        return None
    try:
        header: Any = _MAIL_HEADER("From", text)
        [named] = header.addresses
        address = parse(named.addr_spec)
    except (ValueError, IndexError, BadAddress):
        return None
    if header.defects or header.groups[0].display_name is not None:
        return None
    return named.display_name, address


def wire(text: str) -> str:
    """Return the text of a parsed address with its domain in ASCII (A-labels)."""
    if text.isascii():
        return text
    local, _, domain = text.partition("@")
    return f"{local}@{_ascii_domain(domain, test_names=True)}"


def mailbox(key: str) -> str:
    """Return what all spellings of one mailbox have in common, given an address's key.

    Drop the +tag, which only the mailbox's owner reads, and Gmail's dots. Rate limits count
    letters by the result; two spellings may still be two subscribers.
    """
    local, _, domain = key.rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _GMAILS:
        local, domain = local.replace(".", ""), _GMAIL
    return f"{local}@{domain}"


def _parse_slowly(text: str, *, test_names: bool) -> Address:
    local, domain = _split(text)
    _check_local(local)
    domain = unicodedata.normalize("NFC", domain).removesuffix(".")
    ascii_domain = _ascii_domain(domain, test_names=test_names)
    if len(local) + 1 + max(len(domain.encode()), len(ascii_domain)) > MAX_OCTETS:
        raise BadAddress(AddressFault.TOO_LONG)
    return Address(f"{local}@{domain}", f"{local.lower()}@{ascii_domain}", ascii_domain)


def _split(text: str) -> tuple[str, str]:
    """Return the parts around the only @; check lengths first, before any costly step."""
    if not text:
        raise BadAddress(AddressFault.EMPTY)
    if len(text) > MAX_OCTETS + 1:  # one more for the dot a host name may end with
        raise BadAddress(AddressFault.TOO_LONG)
    if any(unicodedata.category(c)[0] in "CZ" for c in text):
        raise BadAddress(AddressFault.HIDDEN)
    if len(text.encode()) > MAX_OCTETS + 1:
        raise BadAddress(AddressFault.TOO_LONG)
    local, at, domain = text.rpartition("@")
    if not at:
        raise BadAddress(AddressFault.NO_AT)
    if '"' in local:
        raise BadAddress(AddressFault.QUOTED)
    if "@" in local:
        raise BadAddress(AddressFault.MANY_AT)
    return local, domain


def _check_local(local: str) -> None:
    if not local.isascii():
        raise BadAddress(AddressFault.ACCENTED)
    if len(local) > MAX_LOCAL:
        raise BadAddress(AddressFault.LOCAL_TOO_LONG)
    if local.startswith(".") or local.endswith(".") or ".." in local:
        raise BadAddress(AddressFault.DOT)
    if not _LOCAL.match(local):
        raise BadAddress(AddressFault.LOCAL)


def _ascii_domain(domain: str, *, test_names: bool) -> str:
    if domain.startswith("["):
        raise BadAddress(AddressFault.LITERAL)
    if domain.startswith(".") or domain.endswith(".") or ".." in domain:
        raise BadAddress(AddressFault.DOT)
    labels = _DOTS.split(domain)
    if any(len(label) > MAX_LABEL for label in labels):
        raise BadAddress(AddressFault.LABEL_TOO_LONG)
    last = labels[-1].lower()
    if last in RESERVED and not (test_names and last == "test"):
        raise BadAddress(AddressFault.RESERVED)
    try:
        checked = validate_email(
            f"a@{domain}", check_deliverability=False, test_environment=test_names, strict=True
        )
    except EmailNotValidError:
        raise BadAddress(AddressFault.DOMAIN) from None
    return checked.ascii_domain.lower()
