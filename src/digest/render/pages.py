"""What the templates of web pages may know, and the pages themselves.

Every page needs the style sheet at /style.css and the icon at /icon.svg, nothing else, and works
without script.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from digest.errors import TemplateBroken
from digest.render.engine import render_page
from digest.render.page_texts import SiteTexts, site_texts
from digest.render.template_paths import template_folders


@dataclass(frozen=True, kw_only=True)
class Site:
    """What every page says of where one is."""

    name: str
    description: str = ""
    comes: str = ""  #: how often, as it reads after "comes"; empty where nothing is promised
    language: str = "en"
    postal_address: str = ""

    @property
    def words(self) -> SiteTexts:
        """The words of the pages' own, in the language they are in."""
        return site_texts(self.language)


@dataclass(frozen=True, kw_only=True)
class SignupBlock:
    """The form by which one gets the newsletter, at the end of a page."""

    form: object  #: of the shape of `subscribers.web.page_model.Form`
    agreed: str  #: what one agrees to by it
    kept: tuple[str, str]  #: words and path of the page that says what is kept


@dataclass(frozen=True, kw_only=True)
class IssueLink:
    """An issue in the archive; *url* and *frame_url* are paths of this site."""

    number: int
    date: str
    subject: str
    url: str
    frame_url: str = ""  #: where the frozen mail itself is


@dataclass(frozen=True, kw_only=True)
class Teaser:
    """A comparison in two lines."""

    left: str
    right: str
    headline: str
    url: str


@dataclass(frozen=True, kw_only=True)
class VerdictView:
    """What one reviewer says of one tool, in full."""

    about: str
    quote: str
    call: str | None  #: "ship", "skip", or ``None`` where the page doesn't say


@dataclass(frozen=True, kw_only=True)
class SeatView:
    """What one seat of the panel says of both tools, the left one first."""

    reviewer: str
    verdicts: Sequence[VerdictView]


@dataclass(frozen=True, kw_only=True)
class SideView:
    """One tool, in full."""

    name: str
    category: str
    tagline: str
    description: Sequence[str]  #: by paragraph
    panel_share: float | None  #: percent
    ships: int | None
    seats: int
    split: str  #: "3 ship, 1 skip", or empty
    entry: str
    community_share: float | None
    url: str | None


@dataclass(frozen=True, kw_only=True)
class ComparisonPage:
    """A whole comparison."""

    category: str
    question: str
    intro: Sequence[str]
    headline: str  #: how the panel leans
    note: str
    labels: Sequence[str]
    date: str  #: when it was published, where that is known
    original: str  #: where it was published first, if that isn't here
    sides: Sequence[SideView]
    seats: Sequence[SeatView]


def message_page(site: Site, page: object, *, folder: Path | None = None) -> str:
    """Return a page with a message, with or without a form; raises `TemplateBroken`.

    *page* is of the shape of `subscribers.web.page_model.Page`.
    """
    return render_page("page", {"site": site, "page": page}, folder=folder)


def home_page(
    site: Site,
    *,
    sign_up: SignupBlock,
    issue: IssueLink | None,
    teasers: Sequence[Teaser],
    folder: Path | None = None,
) -> str:
    """Return the front page, with the latest *issue* to look at; raises `TemplateBroken`."""
    context = {"site": site, "sign_up": sign_up, "issue": issue, "teasers": teasers}
    return render_page("home", context, folder=folder)


def archive_page(
    site: Site, issues: Sequence[IssueLink], *, sign_up: SignupBlock, folder: Path | None = None
) -> str:
    """Return the page that lists the issues, as given; raises `TemplateBroken`."""
    context = {"site": site, "issues": issues, "sign_up": sign_up}
    return render_page("archive", context, folder=folder)


def issue_page(
    site: Site,
    issue: IssueLink,
    *,
    older: IssueLink | None = None,
    newer: IssueLink | None = None,
    sign_up: SignupBlock,
    folder: Path | None = None,
) -> str:
    """Return the page that shows one frozen mail in a frame; raises `TemplateBroken`."""
    context = {"site": site, "issue": issue, "older": older, "newer": newer, "sign_up": sign_up}
    return render_page("issue", context, folder=folder)


def comparison_page(
    site: Site, comparison: ComparisonPage, *, sign_up: SignupBlock, folder: Path | None = None
) -> str:
    """Return the page with everything one comparison says; raises `TemplateBroken`."""
    context = {"site": site, "comparison": comparison, "sign_up": sign_up}
    return render_page("comparison", context, folder=folder)


def asset(name: str, *, folder: Path | None = None) -> str:
    """Return a file served as it is: style.css, icon.svg; raises `TemplateBroken`."""
    for place in template_folders("web", folder):
        if (place / name).is_file():
            return (place / name).read_text(encoding="utf-8")
    raise TemplateBroken(f"{name}: there is no such file")
