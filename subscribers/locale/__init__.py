"""The languages of everything a reader sees, one gettext catalogue (``xx.po``) for each.

English is the language of the source, so the English words stand where they are used, marked by
``gettext`` or, in a table that is made on import, by `N_`; ``make catalogues`` collects them from
code and templates into each catalogue. A new language is a new file, see
docs/adding-a-language.md. Nothing else here or elsewhere lists the languages. `locale_formats`
writes dates, shares and lists by Babel's data of the language; `choose` finds a visitor's language.
"""

from subscribers.locale.accept_language import choose
from subscribers.locale.locale_formats import (
    language_name,
    listed,
    long_date,
    percentage,
    short_date,
    weekday_name,
    whole_number,
)
from subscribers.locale.po_catalogue import (
    LANGUAGES,
    N_,
    SOURCE,
    Translations,
    code_of,
    translations,
)

__all__ = [
    "LANGUAGES",
    "N_",
    "SOURCE",
    "Translations",
    "choose",
    "code_of",
    "language_name",
    "listed",
    "long_date",
    "percentage",
    "short_date",
    "translations",
    "weekday_name",
    "whole_number",
]
