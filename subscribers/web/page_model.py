"""Define what a page says, apart from its markup, and render it without a theme.

The application that mounts the routes may render pages with its own templates instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal, Protocol


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
class Page:
    """A page with paragraphs, and at most one form."""

    language: str
    title: str
    paragraphs: Sequence[str] = ()
    fault: str = ""  #: why the form was refused, in words
    form: Form | None = None
    links: Sequence[tuple[str, str]] = field(default=(), repr=False)  #: (label, path)
    small: str = ""


class Renderer(Protocol):
    """A renderer of pages; its style sheet and images must come from the same site."""

    def __call__(self, page: Page) -> str:
        """Return the whole HTML document, with every text of *page* escaped."""
        ...


def plain(page: Page) -> str:
    """Return a page as a whole HTML document, without a style sheet."""
    parts = [f"<h1>{escape(page.title)}</h1>"]
    if page.fault:
        parts.append(f'<p role="alert" id="fault">{escape(page.fault)}</p>')
    parts += [f"<p>{escape(paragraph)}</p>" for paragraph in page.paragraphs]
    if page.form:
        parts.append(_form(page.form, faulty=bool(page.fault)))
    parts += [
        f'<p><a href="{escape(path)}" target="_top">{escape(words)}</a></p>'
        for words, path in page.links
    ]
    if page.small:
        parts.append(f"<p><small>{escape(page.small)}</small></p>")
    body = "\n".join(parts)
    title = f"{page.fault} – {page.title}" if page.fault else page.title
    return (
        f'<!doctype html>\n<html lang="{escape(page.language)}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="robots" content="noindex">\n'
        f"<title>{escape(title)}</title>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n"
        "</html>\n"
    )


def _form(form: Form, *, faulty: bool) -> str:
    parts = [f'<form method="post" action="{escape(form.action)}">']
    parts += [
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in form.hidden
    ]
    parts += [_choice(choice) for choice in form.choices]
    parts += [_field(field_, faulty=faulty) for field_ in form.fields]
    parts.append(f"<button>{escape(form.button)}</button>")
    if form.proof:
        parts += _challenge(form.proof)
    return "\n".join([*parts, "</form>"])


def _challenge(challenge: Challenge) -> list[str]:
    return [
        f'<input type="hidden" name="{escape(challenge.field)}" value=""'
        f' data-proof="{escape(challenge.facts)}" data-working="{escape(challenge.working)}"'
        f"{' data-at-once' if challenge.at_once else ''}>",
        '<p role="status"></p>',
        f"<noscript><p>{escape(challenge.needs_script)}</p></noscript>",
        f'<script src="{escape(challenge.script)}" defer></script>',
    ]


def _field(item: Field, *, faulty: bool) -> str:
    name, label = escape(item.name), escape(item.label)
    if item.kind == "trap":
        return (
            f'<div hidden aria-hidden="true"><label>{label} <input type="text" name="{name}"'
            ' tabindex="-1" autocomplete="off"></label></div>'
        )
    invalid = ' aria-describedby="fault" aria-invalid="true" autofocus' if faulty else ""
    email = ' autocomplete="email" inputmode="email" required' if item.kind == "email" else ""
    return (
        f'<p><label for="{name}">{label}</label>\n<input type="{item.kind}" id="{name}"'
        f' name="{name}" value="{escape(item.value)}"{email}{invalid}></p>'
    )


def _choice(group: Choice) -> str:
    options = [
        f'<p><label><input type="{group.kind}" name="{escape(group.name)}" value="{escape(value)}"'
        f"{' checked' if value in group.chosen else ''}> {escape(words)}</label></p>"
        for value, words in group.options
    ]
    legend = f"<legend>{escape(group.label)}</legend>"
    return "\n".join(["<fieldset>", legend, *options, "</fieldset>"])
