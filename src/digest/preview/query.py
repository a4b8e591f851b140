"""The query of a preview page: which panel, width, scheme, reader and edition to show.

Hides the names, defaults and bounds of the query's fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from digest.preview.client_simulation import Scheme

Kind = TypeVar("Kind", bound=StrEnum)


class PanelName(StrEnum):
    """The panels of the preview."""

    MAIL = "mail"  #: the rendered mail
    TEXT = "text"  #: its plain text part
    SOURCE = "source"  #: its HTML
    HEADERS = "headers"  #: the headers a reader gets
    REQUEST = "request"  #: the body of the provider's request
    WEB = "web"  #: the copy in the browser
    SAMPLE_ISSUES = "cases"  #: hard cases, side by side
    CHANGES = "changes"  #: what differs from the last issue, or the last approved one
    BACKTEST = "backtest"  #: what the pick rule would have chosen in earlier weeks


class Width(StrEnum):
    """The widths a mail is shown at."""

    WIDE = "wide"  #: as on a screen
    PHONE = "phone"  #: as on a phone
    BOTH = "both"  #: side by side


@dataclass(frozen=True, kw_only=True)
class PreviewQuery:
    """What one page of the preview shows."""

    view: PanelName = PanelName.MAIL
    width: Width = Width.BOTH
    scheme: Scheme = Scheme.LIGHT
    images: bool = True
    reader: str = "any"
    edition: str = "now"  #: now, last, approved, or case:KEY
    against: str = "last"  #: what changes are shown against: last or approved
    case: str = ""  #: a hard case shown in place of the issue

    def query(self, **changed: object) -> str:
        """Return the query string, with the *changed* fields; defaults are left out."""
        target = replace(self, **changed) if changed else self  # type: ignore[arg-type]  # by name
        default = PreviewQuery()
        pairs = {
            name: ("on" if value else "off") if isinstance(value, bool) else str(value)
            for name, value in vars(target).items()
            if value != getattr(default, name)
        }
        return urlencode(pairs)


def read_query(query: Mapping[str, str]) -> PreviewQuery:
    """Return the query of a request; a missing or invalid value gets its default."""
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


def _one_of(kinds: type[Kind], value: str | None, default: Kind) -> Kind:
    return next((kind for kind in kinds if kind == value), default)
