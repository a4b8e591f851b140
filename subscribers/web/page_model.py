"""What a page says, apart from how it looks: whoever mounts these routes brings the looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal, Protocol


@dataclass(frozen=True, kw_only=True)
class Field:
    """One line to fill in; a "trap" is hidden from people, and robots fill it in."""

    name: str
    label: str
    kind: Literal["email", "text", "date", "trap"] = "text"
    value: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A group of answers to tick: *options* as (value, words), *chosen* by value."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    chosen: Sequence[str] = ()
    kind: Literal["radio", "checkbox"] = "radio"


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """A sum that the browser does before the form is sent, by a script of this site."""

    facts: str  #: the challenge, in JSON
    field: str  #: what the answer is sent in
    script: str  #: path of the script
    needs_script: str  #: what is said where scripts are off
    working: str  #: what is said while it works
    at_once: bool = False  #: begins by itself, and sends the form: it was filled in before


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form that posts to *action*, a path of this site; often nothing but its button."""

    action: str = field(repr=False)
    button: str
    hidden: Sequence[tuple[str, str]] = field(default=(), repr=False)
    fields: Sequence[Field] = ()
    choices: Sequence[Choice] = ()
    quiet: bool = False  #: for what a reader should not be talked into
    proof: Challenge | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page that says something and perhaps asks for one thing."""

    language: str
    title: str
    paragraphs: Sequence[str] = ()
    fault: str = ""  #: what was wrong with what was sent, in words
    form: Form | None = None
    links: Sequence[tuple[str, str]] = field(default=(), repr=False)  #: (words, path)
    small: str = ""


class Renderer(Protocol):
    """Turns a page into HTML, whose one style sheet and pictures come from this site."""

    def __call__(self, page: Page) -> str:
        """Return the whole document; escapes everything it is given."""
        ...


def plain(page: Page) -> str:
    """Render a page without any looks: complete, readable, and in need of nothing."""
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
    parts += [_choice(one) for one in form.choices]
    parts += [_field(one, faulty=faulty) for one in form.fields]
    parts.append(f"<button>{escape(form.button)}</button>")
    if form.proof:
        parts += _challenge(form.proof)
    return "\n".join([*parts, "</form>"])


def _challenge(one: Challenge) -> list[str]:
    return [
        f'<input type="hidden" name="{escape(one.field)}" value=""'
        f' data-proof="{escape(one.facts)}" data-working="{escape(one.working)}"'
        f"{' data-at-once' if one.at_once else ''}>",
        '<p role="status"></p>',
        f"<noscript><p>{escape(one.needs_script)}</p></noscript>",
        f'<script src="{escape(one.script)}" defer></script>',
    ]


def _field(one: Field, *, faulty: bool) -> str:
    name, label = escape(one.name), escape(one.label)
    if one.kind == "trap":
        return (
            f'<div hidden aria-hidden="true"><label>{label} <input type="text" name="{name}"'
            ' tabindex="-1" autocomplete="off"></label></div>'
        )
    told = ' aria-describedby="fault" aria-invalid="true" autofocus' if faulty else ""
    email = ' autocomplete="email" inputmode="email" required' if one.kind == "email" else ""
    return (
        f'<p><label for="{name}">{label}</label>\n<input type="{one.kind}" id="{name}"'
        f' name="{name}" value="{escape(one.value)}"{email}{told}></p>'
    )


def _choice(group: Choice) -> str:
    options = [
        f'<p><label><input type="{group.kind}" name="{escape(group.name)}" value="{escape(value)}"'
        f"{' checked' if value in group.chosen else ''}> {escape(words)}</label></p>"
        for value, words in group.options
    ]
    legend = f"<legend>{escape(group.label)}</legend>"
    return "\n".join(["<fieldset>", legend, *options, "</fieldset>"])
