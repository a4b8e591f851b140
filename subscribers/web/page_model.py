"""Define what a page says, apart from its markup.

The application that mounts the routes renders it with its own templates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, kw_only=True)
class PageText:
    """A title and the paragraphs below it, in English, marked by `N_`; placeholders are named."""

    title: str
    body: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Field:
    """One input of a form; a "trap" (honeypot) is hidden from people, and robots fill it in."""

    name: str
    label: str
    kind: Literal["email", "text", "date", "trap"] = "text"
    value: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A group of radio buttons or checkboxes: *options* as (value, label), *chosen* by value."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    chosen: Sequence[str] = ()
    kind: Literal["radio", "checkbox"] = "radio"


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """A proof of work that the site's script does before the form is sent."""

    facts: str  #: the challenge, in JSON
    field: str  #: name of the field for the answer
    script: str  #: path of the script
    needs_script: str  #: text shown where scripts are off
    working: str  #: text shown while the script works
    at_once: bool = False  #: starts on load, then sends the form, which is filled in already


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form that posts to *action*, a path of this site; often only a button."""

    action: str = field(repr=False)
    button: str
    hidden: Sequence[tuple[str, str]] = field(default=(), repr=False)
    fields: Sequence[Field] = ()
    choices: Sequence[Choice] = ()
    quiet: bool = False  #: a button without emphasis, for a choice not to be urged
    proof: Challenge | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class PageSection:
    """A paragraph below a page's own form, with a form of its own, or without."""

    text: str
    form: Form | None = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page with paragraphs and at most one form, then sections with one each."""

    language: str
    title: str
    newsletter: str = ""  #: slug of the newsletter the page is about; empty for none or several
    paragraphs: Sequence[str] = ()
    fault: str = ""  #: why the form was refused, in words
    form: Form | None = None
    sections: Sequence[PageSection] = ()
    links: Sequence[tuple[str, str]] = field(default=(), repr=False)  #: (label, path)
    small: str = ""


class Renderer(Protocol):
    """A renderer of pages; its style sheet and images must come from the same site."""

    def __call__(self, page: Page) -> str:
        """Return the whole HTML document, with every text of *page* escaped."""
        ...
