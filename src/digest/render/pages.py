"""What the templates of web pages may know, and the pages themselves.

Every page needs the style sheet at /style.css, and works under `POLICY`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from digest.errors import TemplateBroken
from digest.render.engine import render_page
from digest.render.locate import folders

#: The Content-Security-Policy all pages here are made for.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
    " frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, kw_only=True)
class Site:
    """What every page says of where one is."""

    name: str
    description: str = ""
    language: str = "en"
    postal_address: str = ""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One line to fill in; a "trap" is hidden from people, and robots fill it in."""

    name: str
    label: str
    kind: Literal["email", "text", "trap"] = "text"
    value: str = ""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A group of answers to tick: *options* as (value, words), *chosen* by value."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    chosen: Sequence[str] = ()
    kind: Literal["radio", "checkbox"] = "radio"


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form that posts to *action*, a path of this site; often nothing but its button."""

    action: str
    button: str
    hidden: Sequence[tuple[str, str]] = ()
    fields: Sequence[Field] = ()
    choices: Sequence[Choice] = ()
    quiet: bool = False  #: for what a reader should not be talked into


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page that says something and perhaps asks for one thing."""

    title: str
    paragraphs: Sequence[str] = ()
    fault: str = ""  #: what was wrong with what was sent, in words
    form: Form | None = None
    links: Sequence[tuple[str, str]] = ()  #: (words, path)
    small: str = ""


@dataclass(frozen=True, kw_only=True)
class IssueLink:
    """An issue in the archive; *url* and *frame_url* are paths of this site."""

    number: int
    date: str
    subject: str
    url: str
    frame_url: str = ""  #: where the frozen mail itself is


def message_page(site: Site, page: Page, *, folder: Path | None = None) -> str:
    """Return a page with a message, with or without a form; raises `TemplateBroken`."""
    return render_page("page", {"site": site, "page": page}, folder=folder)


def archive_page(site: Site, issues: Sequence[IssueLink], *, folder: Path | None = None) -> str:
    """Return the page that lists the issues, as given; raises `TemplateBroken`."""
    return render_page("archive", {"site": site, "issues": issues}, folder=folder)


def issue_page(
    site: Site, issue: IssueLink, *, archive_url: str, folder: Path | None = None
) -> str:
    """Return the page that shows one frozen mail in a frame; raises `TemplateBroken`."""
    context = {"site": site, "issue": issue, "archive_url": archive_url}
    return render_page("issue", context, folder=folder)


def stylesheet(*, folder: Path | None = None) -> str:
    """Return the one style sheet, to be served at /style.css; raises `TemplateBroken`."""
    for place in folders("web", folder):
        if (place / "style.css").is_file():
            return (place / "style.css").read_text(encoding="utf-8")
    raise TemplateBroken("style.css: there is no such file")
