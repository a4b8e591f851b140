"""How a catalogue is found and read: from its ``.po`` file at first use, without a compiled one."""

from __future__ import annotations

from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

#: What a language's words are asked for by: ``gettext``, ``ngettext``, ``pgettext``, ``npgettext``.
Translations = NullTranslations

_FOLDER = Path(__file__).parent
SOURCE = "en"  #: the language that code and templates are written in

#: The codes of all languages, the source's first.
LANGUAGES = (SOURCE, *sorted(path.stem for path in _FOLDER.glob("*.po")))


def N_(text: str) -> str:  # noqa: N802  - the trade's name for it
    """Return *text* as it is: the mark of words in a table, which are translated when used."""
    return text


def translations(language: str) -> Translations:
    """Return the words of a language, a BCP 47 tag; English where it has no catalogue."""
    return _catalogue(code_of(language))


def code_of(language: str) -> str:
    """Return which of `LANGUAGES` a BCP 47 tag is read as, by its first subtag: "de-AT" as "de".

    A language without a catalogue is read as English.
    """
    code = language.partition("-")[0].lower()
    return code if code in LANGUAGES else SOURCE


@lru_cache(maxsize=len(LANGUAGES))
def _catalogue(code: str) -> Translations:
    if code == SOURCE:
        return NullTranslations()
    # 1 MB, imported once words of another language are asked for.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with (_FOLDER / f"{code}.po").open("rb") as file:
        catalogue = read_po(file, locale=code)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)
