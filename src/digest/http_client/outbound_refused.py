"""Why a request to another server came to nothing, and what a person can do about it."""

from __future__ import annotations

from enum import StrEnum

from digest.errors import DigestError


class OutboundFault(StrEnum):
    """The kinds of reasons, of which the word is stored."""

    URL = "url"  #: no address that is requested at all
    NAME = "name"  #: no server has this name
    ADDRESS = "address"  #: the server's address isn't allowed
    UNREACHABLE = "unreachable"  #: nobody answers, or the connection breaks off
    CERTIFICATE = "certificate"  #: the server can't prove that it is who it says
    REDIRECT = "redirect"  #: redirects to where none is followed, or without an end
    TOO_LARGE = "too large"  #: the answer has too many bytes
    TOO_SLOW = "too slow"  #: the answer wasn't complete in time
    MALFORMED = "malformed"  #: the answer isn't HTTP, or can't be decompressed


_NEXT_STEPS = {
    OutboundFault.URL: "give an address that begins with https:// or http://, without a password",
    OutboundFault.NAME: "check the spelling of the host, and this machine's DNS",
    OutboundFault.ADDRESS: "if this network is yours, name it in DIGEST_ALLOWED_NETWORKS",
    OutboundFault.UNREACHABLE: "try again later, or check that the address opens in a browser",
    OutboundFault.CERTIFICATE: "ask the site to correct its certificate",
    OutboundFault.REDIRECT: "give the address that the site redirects to in the end",
    OutboundFault.TOO_LARGE: "give the address of a smaller page",
    OutboundFault.TOO_SLOW: "try again later",
    OutboundFault.MALFORMED: "open the address in a browser; if it fails there too, tell the site",
}


class OutboundRefused(DigestError):
    """A request to another server came to nothing.

    *fault* says why; the message names a host and never a path or a query, which may hold secrets.
    """

    def __init__(self, fault: OutboundFault, message: str) -> None:
        super().__init__(message, next_step=_NEXT_STEPS[fault])
        self.fault = fault
