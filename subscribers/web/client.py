"""Find a request's client address behind trusted proxies, and its origin.

This module hides which headers are believed: X-Forwarded-For, Sec-Fetch-Site and Origin.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from starlette.requests import Request


def header(request: Request, name: bytes) -> str | None:
    """Return a request's first header of a name in lower case; half as dear as the toolkit's."""
    for given, value in request.scope["headers"]:
        if given == name:
            return str(value, "latin-1")
    return None


def is_ours(request: Request, base_url: str) -> bool:
    """Return whether a request may come from a page of this site; a program sends neither header.

    ``Sec-Fetch-Site`` (W3C Fetch Metadata) is set by the browser alone. Where it is missing,
    ``Origin`` (RFC 6454) counts: it is "null" for this site's own pages, which send no referrer.
    """
    site = header(request, b"sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = header(request, b"origin")
    if origin is None or origin == "null":
        return True
    host = urlsplit(origin).netloc
    return host in (urlsplit(base_url).netloc, request.headers.get("host", ""))


Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNKNOWN = "unknown"
_V4_BITS, _V6_BITS = 24, 48
_MOST_HOPS = 20
#: Some proxies add the port: 203.0.113.5:51234, [2001:db8::1]:443.
_WITH_PORT = re.compile(r"(?:\[([^]]+)\]|([0-9.]+))(?::[0-9]{1,5})?\Z", re.ASCII)


def client(
    peer: str | None, forwarded: Sequence[str], trusted: Sequence[Network]
) -> Address | None:
    """Return the address of a request's client; ``None`` where *peer* is no IP address.

    *forwarded* are the X-Forwarded-For headers. Each proxy appends the address it saw, so they are
    read from the end, and only as long as the address before is a proxy among *trusted*.
    """
    seen = _parse(peer or "")
    if not trusted:
        return seen
    hops = [hop.strip() for hop in ",".join(forwarded)[-2_000:].split(",")][-_MOST_HOPS:]
    while seen is not None and hops and any(seen in network for network in trusted):
        before = _parse(hops.pop())
        if before is None:
            break
        seen = before
    return seen


@lru_cache(maxsize=4_096)
def network(address: Address | None) -> str:
    """Return the network that counts as one visitor: an IPv4 /24, an IPv6 /48."""
    if address is None:
        return UNKNOWN
    bits = _V4_BITS if address.version == 4 else _V6_BITS  # noqa: PLR2004 - the version
    return str(ip_network((address, bits), strict=False))


@lru_cache(maxsize=4_096)
def _parse(text: str) -> Address | None:
    try:
        match = _WITH_PORT.match(text)
        address = ip_address((match[1] or match[2] if match else text).partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
