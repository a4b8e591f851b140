"""Bring the catalogues up to date with the words in code and templates: ``make catalogues``.

New words are added without a translation, words that are used no more are dropped, and a
translation whose English changed is kept and marked fuzzy. ``--check`` writes nothing, and exits
with 1 when a catalogue isn't up to date or not complete.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

import digest
import subscribers
from digest.render.template_paths import shipped_templates

CATALOGUES = Path(subscribers.__file__).parent / "locale"
_JINJA = "jinja2.ext:babel_extract"
#: What marks words; of "pgettext" the first argument is the context.
_KEYWORDS = {
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "N_": None,
}
_IN_TEMPLATES = {**_KEYWORDS, "_": None}
_HEADER = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Language: {code}\\n"
"Plural-Forms: {plural}\\n"

"""


def words_in_use() -> Catalog:
    """Return a catalogue of all words that code and templates mark, without translations."""
    found = Catalog(project="digest", charset="utf-8")
    for folder, files, method, keywords in _sources():
        for _file, _line, message, comments, context in extract_from_dir(
            folder,
            [(files, method)],
            {"**": {"trimmed": "true"}},
            keywords=keywords,
            comment_tags=("Translators:",),
            strip_comment_tags=True,
        ):
            found.add(message, auto_comments=comments, context=context)
    return found


def _sources() -> Iterator[tuple[Path, str, str, dict[str, Any]]]:
    """Yield folders of code and templates, in a checkout or installed: files, reader, marks."""
    for package in (digest, subscribers):
        yield Path(package.__file__).parent, "**.py", "python", _KEYWORDS
    yield shipped_templates("email"), "**", _JINJA, _IN_TEMPLATES
    yield shipped_templates("web"), "**.html", _JINJA, _IN_TEMPLATES


def updated(path: Path, found: Catalog) -> tuple[bytes, list[str]]:
    """Return a catalogue's file as it should be, and what is missing or wrong in it."""
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.stem)
    catalogue.update(found, no_fuzzy_matching=True, update_header_comment=False)
    catalogue.obsolete.clear()
    written = BytesIO()
    write_po(written, catalogue, width=96, no_location=True, omit_header=True, sort_output=True)
    header = _HEADER.format(code=path.stem, plural=catalogue.plural_forms)
    return header.encode() + written.getvalue(), list(_faults(path, catalogue))


def _faults(path: Path, catalogue: Catalog) -> Iterator[str]:
    for message in catalogue:
        if not message.id:
            continue
        texts = message.string if isinstance(message.string, (list, tuple)) else (message.string,)
        name = message.id[0] if isinstance(message.id, (list, tuple)) else message.id
        if not all(texts):
            yield f"{path.name}: no translation of {name!r}"
        elif message.fuzzy:
            yield f"{path.name}: a doubtful translation of {name!r}"
        else:
            yield from (f"{path.name}: {name!r}: {fault}" for fault in message.check(catalogue))


def main(arguments: list[str]) -> int:
    """Update the catalogues, or check them."""
    found, faults = words_in_use(), []
    for path in sorted(CATALOGUES.glob("*.po")):
        content, wrong = updated(path, found)
        faults += wrong
        if content != path.read_bytes():
            if "--check" in arguments:
                faults.append(f"{path.name} is out of date: make catalogues")
            else:
                path.write_bytes(content)
    sys.stdout.write("".join(f"{fault}\n" for fault in faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
