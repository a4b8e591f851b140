"""Decides what the engine knows of a mail provider: everything in its folder, as one record.

No module outside the folder reads the provider's formats, so a second provider is another folder
that makes such a record, and a line where the composition root chooses one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from digest.mail.mailing import Mailbox, Mailing
from digest.mail.provider_events import ParsedPost
from digest.mail.transport import Answer, Transport


class WebhookVerifier(Protocol):
    """Verifies that posts to the webhook come from the provider."""

    def verify(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Return when a post was signed, in seconds since 1970, 0 if that is unreadable.

        Raise `BadSignature` unless the provider signed the raw *body*.
        """
        ...


class SuppressionRemover(Protocol):
    """Removes addresses from the provider's own suppression lists."""

    def remove(self, address: str) -> bool:
        """Remove an address from every list; return false if that fails for now."""
        ...


@dataclass(frozen=True, kw_only=True)
class SenderRecord:
    """One DNS record to set; *found* is what is published, ``None`` where no resolver was asked."""

    what: str
    name: str
    type: str
    value: str
    why: str
    found: tuple[str, ...] | None = None
    fine: bool | None = None


@dataclass(frozen=True, kw_only=True)
class ProviderFinding:
    """One thing that asking a provider has shown; *fine* is ``None`` where a person should look."""

    about: str
    says: str
    fine: bool | None = True
    next_step: str = ""


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One provider, with the account that the settings name."""

    name: str  #: as in DIGEST_TRANSPORT, and in the webhook's path
    access: str  #: what lets an installation send, such as "API key"
    company: str  #: which the privacy page names; empty where it is nobody else's
    endpoint: str  #: URL that each request goes to
    seconds: float  #: the longest that a request takes
    usual_recipients: int  #: how many readers share a request unless a setting says so
    posts_events: bool  #: whether events come by posts to the webhook
    transport: Callable[[], Transport]  #: raises `BadSetting`
    #: has a mailing judged and sends nothing; `Accepted` where it would be; raises `BadSetting`
    dry_run: Callable[[Mailing], Answer]
    request_body: Callable[[Mailing], Mapping[str, Any]]  #: shown in the preview
    suppressions: Callable[[], SuppressionRemover | None]  #: ``None`` without a key
    verifier: Callable[[Iterable[str]], WebhookVerifier]  #: from public keys; raises `BadSetting`
    parse: Callable[[bytes], ParsedPost]  #: never raises
    sender_records: Callable[[str], Sequence[SenderRecord]]  #: SPF and DKIM of a domain
    records_note: str  #: what is to be known of these records
    #: what can be seen of the provider by asking it, as a sender; makes a connection
    inspect: Callable[[Mailbox], Sequence[ProviderFinding]]
    account_restored: str  #: cause of the account event that ends an earlier one
