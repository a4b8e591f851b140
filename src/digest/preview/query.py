"""What a page of the desk was asked to show, read from its address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from digest.preview.client_simulation import Scheme

Kind = TypeVar("Kind", bound=StrEnum)


class PanelName(StrEnum):
    """What the stage shows."""

    MAIL = "mail"  #: the mail as it looks
    TEXT = "text"  #: its plain text part
    SOURCE = "source"  #: its HTML
    HEADERS = "headers"  #: the headers a reader gets
    REQUEST = "request"  #: what the provider is handed
    WEB = "web"  #: the copy in the browser
    CASES = "cases"  #: hard cases, side by side
    CHANGES = "changes"  #: what differs from the last issue, or the last approved one
    BACKTEST = "backtest"  #: what earlier weeks would have carried


class Width(StrEnum):
    """How wide the mail is shown."""

    WIDE = "wide"  #: as on a screen
    PHONE = "phone"  #: as on a phone
    BOTH = "both"  #: side by side


@dataclass(frozen=True, kw_only=True)
class PreviewQuery:
    """One look at the desk."""

    view: PanelName = PanelName.MAIL
    width: Width = Width.BOTH
    scheme: Scheme = Scheme.LIGHT
    images: bool = True
    reader: str = "any"
    edition: str = "now"  #: now, last, approved, or case:KEY
    against: str = "last"  #: what changes are shown against: last or approved
    case: str = ""  #: a hard case shown in place of the issue

    def query(self, **changed: object) -> str:
        """Return the address's query, with some of it changed; what is usual is left out."""
        told = replace(self, **changed) if changed else self  # type: ignore[arg-type]
        usual = PreviewQuery()
        pairs = {
            name: ("on" if value else "off") if isinstance(value, bool) else str(value)
            for name, value in vars(told).items()
            if value != getattr(usual, name)
        }
        return urlencode(pairs)


def read_query(query: Mapping[str, str]) -> PreviewQuery:
    """Read an address's query; what makes no sense counts as usual."""
    return PreviewQuery(
        view=_one_of(PanelName, query.get("view"), PanelName.MAIL),
        width=_one_of(Width, query.get("width"), Width.BOTH),
        scheme=_one_of(Scheme, query.get("scheme"), Scheme.LIGHT),
        images=query.get("images") != "off",
        reader=query.get("reader", "any")[:64],
        edition=query.get("edition", "now")[:32],
        against="approved" if query.get("against") == "approved" else "last",
        case=query.get("case", "")[:32],
    )


def _one_of(kinds: type[Kind], given: str | None, usual: Kind) -> Kind:
    return next((each for each in kinds if each == given), usual)
