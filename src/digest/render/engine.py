"""How a mail is rendered, once for all readers: Jinja fills the templates, MJML becomes HTML.

``render("issue", {"issue": view})`` reads ``issue.subject.txt``, ``issue.mjml`` and ``issue.txt``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    Environment,
    FileSystemLoader,
    TemplateError,
    TemplateNotFound,
)
from jinja2.runtime import Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup
from mjml import mjml2html

from digest.render import filters
from digest.render.escaping import TrustedText, in_markup, in_plain_text
from digest.render.line_length import break_lines
from digest.render.rendered import Rendered
from digest.render.template_errors import TemplateFault, UnknownName, kind_of, of_jinja
from digest.render.template_paths import template_folders
from subscribers.locale import translations

#: Exceptions that a template can cause; any other is a bug of the engine and propagates.
_TEMPLATE_EXCEPTIONS = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
_MOST_ATTRIBUTES = 10_000  # types and names that one environment remembers
_OFFSETS = re.compile(r"at position (\d+):(\d+)")


def render(name: str, context: Mapping[str, object], *, folder: Path | None = None) -> Rendered:
    """Return the mail called *name*; the same context gives the same bytes.

    *folder* holds an installation's own templates; each replaces the shipped one of the same name.
    Raises `TemplateBroken` with the file, the line and the reason.
    """
    folders = template_folders("email", folder)
    return finish(name, context, folders, fill(f"{name}.mjml", context, folders))


def finish(
    name: str, context: Mapping[str, object], folders: tuple[Path, ...], mjml: str
) -> Rendered:
    """Return the mail made of filled *mjml* and its other templates; raises `TemplateBroken`."""
    subject = fill(f"{name}.subject.txt", context, folders)
    return Rendered(
        subject=" ".join(subject.split()),
        html=_compile(mjml, f"{name}.mjml"),
        text=_tidy_plain_text(fill(f"{name}.txt", context, folders)),
    )


def render_page(name: str, context: Mapping[str, object], *, folder: Path | None = None) -> str:
    """Return the web page called *name*, from ``name.html``; raises `TemplateBroken`."""
    return fill(f"{name}.html", context, template_folders("web", folder)) + "\n"


def fill(
    name: str,
    context: Mapping[str, object],
    folders: tuple[Path, ...],
    *,
    loader: BaseLoader | None = None,
) -> str:
    """Return one template file, found in *folders*, filled with *context*.

    ``language`` of the context, a BCP 47 tag, is the one of ``_("…")``; English where there is
    none. *loader* reads the files in place of the default loader. Raises `TemplateBroken`.
    """
    language = str(context.get("language", "en"))
    environment = _environment(
        folders, markup=not name.endswith(".txt"), loader=loader, language=language
    )
    try:
        return environment.get_template(name).render(context)
    except _TEMPLATE_EXCEPTIONS as fault:
        raise of_jinja(fault, name, folders, [*context, *environment.globals]) from fault


class _Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox, which looks up once whether a type's attribute may be read.

    A page reads hundreds of attributes, of a few types each.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._safe: dict[tuple[type[object], str], bool] = {}

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        """Return whether templates may read an attribute, which its object's type decides."""
        key = (type(obj), attr)
        safe = self._safe.get(key)
        if safe is None:
            if len(self._safe) >= _MOST_ATTRIBUTES:
                self._safe.clear()
            safe = self._safe[key] = super().is_safe_attribute(obj, attr, value)
        return safe


@lru_cache(maxsize=32)
def _environment(
    folders: tuple[Path, ...], *, markup: bool, loader: BaseLoader | None, language: str
) -> ImmutableSandboxedEnvironment:
    environment = _Sandbox(
        loader=loader or FolderLoader(folders),
        autoescape=markup,
        undefined=UnknownName,
        finalize=_finish_markup if markup else _finish_text,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters.filters_of(language, markup=markup))
    environment.globals.update(_word_functions(language))
    return environment


def _word_functions(language: str) -> Mapping[str, Callable[..., str]]:
    """Return what templates call for the words of a language.

    What they return is plain text, so that it is escaped like any other when it is printed; Jinja's
    own extension for this would mark it as escaped before the engine's escaping is done.
    """
    words = translations(language)

    def gettext(message: str, /, **values: object) -> str:
        return words.gettext(message) % values

    def ngettext(one: str, many: str, num: int, /, **values: object) -> str:
        return words.ngettext(one, many, num) % {"num": num, **values}

    def pgettext(meant: str, message: str, /, **values: object) -> str:
        return words.pgettext(meant, message) % values

    return {"_": gettext, "gettext": gettext, "ngettext": ngettext, "pgettext": pgettext}


class FolderLoader(BaseLoader):
    """A loader from the first folder that has a file, which notices files added later."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._folders = folders

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        """Return a template's source, its file, and a check whether both are current."""
        for index, folder in enumerate(self._folders):
            try:
                source = FileSystemLoader(folder).get_source(environment, template)
            except TemplateNotFound:
                continue
            hiding = [earlier / template for earlier in self._folders[:index]]
            return source[0], source[1], _is_current(source[2], hiding)
        raise TemplateNotFound(template)


def _is_current(unchanged: Callable[[], bool], hiding: list[Path]) -> Callable[[], bool]:
    return lambda: unchanged() and not any(path.is_file() for path in hiding)


def _finish_markup(value: object) -> object:
    if isinstance(value, (Markup, Undefined)):
        return value
    return (
        filters.trusted_markup(value)
        if isinstance(value, TrustedText)
        else in_markup(_printable_text(value))
    )


def _finish_text(value: object) -> object:
    if isinstance(value, (TrustedText, Undefined)):
        return value
    return in_plain_text(_printable_text(value))


def _printable_text(value: object) -> str:
    """Return text or a finite number as text; raises TypeError for None, NaN and objects."""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value):
        return str(value)
    what = value if isinstance(value, (int, float)) else kind_of(value)
    raise TypeError(f"{what} is neither words nor a number, so a reader shouldn't see it")


def _compile(source: str, file: str) -> str:
    try:
        html = mjml2html(source, disable_comments=True, fonts={})
    except ValueError as fault:
        raise _of_mjml(str(fault), source, file) from fault
    left = re.search(r"</?mj-[\w-]*", html, re.IGNORECASE)
    if left:
        raise TemplateFault(f"MJML doesn't know {left[0]}>", file=file)
    html = _mark_as_main(_unquote_click_tracking(_darken_preheader(html)))
    return break_lines(html) + "\n"


def _mark_as_main(html: str) -> str:
    """Return *html* with all but the preheader in a landmark, which MJML has no element for."""
    head, article, body = html.partition('<div aria-label="')
    if not article:
        return html
    return f'{head}<div role="main">{article}{body.replace("</body>", "</div></body>", 1)}'


def _darken_preheader(html: str) -> str:
    """Return *html* with a hidden preheader in black: spam filters penalise white on white."""
    return html.replace("font-size:1px;color:#ffffff;", "font-size:1px;color:#000000;", 1)


def _unquote_click_tracking(html: str) -> str:
    """Return *html* with ``clicktracking=off`` unquoted, as SendGrid documents it."""
    return html.replace('clicktracking="off"', "clicktracking=off")


def _of_mjml(message: str, source: str, file: str) -> TemplateFault:
    """Return a fault with the text near it: MJML counts bytes of its input, not template lines."""
    match = _OFFSETS.search(message)
    if not match:
        return TemplateFault(f"MJML can't read it: {message}", file=file)
    start, end = int(match[1]), int(match[2])
    raw = source.encode()
    line = raw[:start].count(b"\n") + 1
    near = " ".join(raw[max(0, start - 30) : end + 30].decode(errors="ignore").split())
    return TemplateFault(f"MJML can't read line {line} of what it became, near: {near}", file=file)


def _tidy_plain_text(text: str) -> str:
    """Return plain text without the trailing spaces and empty lines that Jinja tags leave."""
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{4,}", "\n\n\n", text).strip("\n") + "\n"
