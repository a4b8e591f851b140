"""The JSON of subscribers, as `digest subscribers show --json` and `export --json` print it.

What may be said about consent is bounded here: a program can't add a reader without evidence.
"""

from __future__ import annotations

from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Annotated, Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from digest.api.orders import Order
from subscribers.importer import MIN_CONSENT
from subscribers.locale import LANGUAGES
from subscribers.models import ConsentAct, Standing, SuppressionReason

_MAX_NEWSLETTERS = 20
AddressText = Annotated[
    str, Field(max_length=320, description="The reader's address.", examples=["ada@example.org"])
]
NewsletterSlug = Annotated[
    str, StringConstraints(max_length=64, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
]
Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=MIN_CONSENT, max_length=2_000)
]


def _network_address(value: Any) -> Any:
    """Return an IP address; raises `ValueError`, which names no address."""
    try:
        if "%" in value:  # an interface of another machine
            raise TypeError
        return ip_address(str(value))
    except (TypeError, ValueError):
        raise ValueError("is no IP address") from None


NetworkAddress = Annotated[IPv4Address | IPv6Address, BeforeValidator(_network_address)]


class ConsentEvidence(Order):
    """How the reader agreed; it's kept as proof."""

    form: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9:._-]{0,55}$")] = Field(
        description="Where: the name of your form.", examples=["shop-checkout"]
    )
    words: Words = Field(description="The words that the reader agreed to.")
    asked_at: AwareDatetime | None = Field(
        None, description="When the reader sent that form; by default, now."
    )
    confirmed: Words | None = Field(
        None,
        description="How the reader proved that the address is theirs, in a sentence. Without it,"
        " we send a letter with a link, and the reader is subscribed once they have confirmed.",
    )


class SubscribeOrder(Order):
    """A reader to be added."""

    address: AddressText
    newsletters: list[NewsletterSlug] = Field(
        min_length=1, max_length=_MAX_NEWSLETTERS, examples=[["weekly"]]
    )
    consent: ConsentEvidence
    language: str | None = Field(
        None,
        description=f"One of {', '.join(LANGUAGES)}; by default, the newsletter's.",
        json_schema_extra={"enum": [*LANGUAGES, None]},
    )
    visitor: NetworkAddress | None = Field(
        None,
        description="The network address that the reader's form came from. It counts against the"
        " limit of sign-ups from one network, and is kept as DIGEST_KEEP_NETWORK says.",
    )


class SubscribeOutcome(BaseModel):
    """What became of one newsletter."""

    newsletter: str
    added: bool = Field(description="Whether the reader was added just now.")
    asked: bool = Field(
        description="Whether the reader was asked to confirm, if we're able to write to them. It"
        " doesn't show whether the address is on the list."
    )
    reason: str | None = Field(description="Why the reader wasn't added, for people.")


class SubscribedReader(BaseModel):
    """A reader who was added, or was asked to confirm."""

    number: int | None = Field(description="The reader's number; null for one who was asked.")
    results: list[SubscribeOutcome]


class AddressOrder(Order):
    """Whom to look up; in a body, since addresses don't belong in URLs."""

    address: AddressText


class LeaveOrder(Order):
    """What a reader leaves."""

    newsletter: NewsletterSlug


class LeaveAnswer(BaseModel):
    """Whether a reader left."""

    newsletter: str
    unsubscribed: bool = Field(description="False for one who wasn't on the list.")


class EraseAnswer(BaseModel):
    """A reader was erased."""

    erased: bool


class SubscriptionEntry(BaseModel):
    """How a reader stands with one newsletter."""

    newsletter: str
    standing: Standing
    source: str
    since: datetime
    paused_until: datetime | None
    topics: list[str] | None = Field(description="Null for all.")


class SuppressionEntry(BaseModel):
    """Why an address must not be mailed."""

    reason: SuppressionReason
    at: datetime
    erased_at: datetime | None = Field(description="When the reader was erased, if at all.")


class SubscriberFacts(BaseModel):
    """A reader, or an address that isn't a reader's and must not be mailed."""

    number: int | None = Field(None, description="Null for an address without a reader.")
    address: str | None = None
    language: str | None = None
    created_at: datetime | None = None
    subscriptions: list[SubscriptionEntry] = []
    suppression: SuppressionEntry | None = Field(description="Null where it may be mailed.")
    wished_for: bool = Field(
        description="Whether a sign-up or a change to this address isn't confirmed."
    )
    declined_at: datetime | None = Field(
        description="When its owner said that they hadn't signed up; no letters since."
    )


class ConsentEntry(BaseModel):
    """One entry of the consent record."""

    newsletter: str
    act: ConsentAct
    channel: str
    form: str
    language: str
    at: datetime
    wording_hash: str | None
    wording: str | None
    network: str | None


class SubscriberExport(SubscriberFacts):
    """All that is stored about a reader, for the reader (GDPR, article 15)."""

    model_config = ConfigDict(extra="allow")

    suppressed: str | None = None
    consent: list[ConsentEntry]
    letters: list[dict[str, Any]]
    address_changes: list[dict[str, Any]]
    issues: list[dict[str, Any]] = Field(description="The issues that were sent to the reader.")
    votes: list[dict[str, Any]]


class SubscriberEntry(BaseModel):
    """A reader in a newsletter's list."""

    number: int
    address: str = Field(validation_alias="email")  # as a list's columns are called
    standing: Standing = Field(validation_alias="status")
    suppressed: str | None = Field(description="Why the address must not be mailed, if it's so.")
    source: str
    since: datetime
    created_at: datetime
    language: str
