"""Every word readers meet on these pages, in each language they are shipped in."""

from __future__ import annotations

from collections.abc import Mapping

from subscribers.web.texts.english import EN
from subscribers.web.texts.german import DE
from subscribers.web.texts.words import Saying, Words

__all__ = ["LANGUAGES", "Saying", "Words", "choose"]

LANGUAGES: Mapping[str, Words] = {"en": EN, "de": DE}


def choose(wanted: str, accepted: str) -> str:
    """Choose a language: the *wanted* one, else the first of an Accept-Language header's, else en.

    Of the header only the order is looked at, since that is how browsers write it.
    """
    if wanted in LANGUAGES:
        return wanted
    for part in accepted[:200].split(","):
        code = part.partition(";")[0].strip().lower().partition("-")[0]
        if code in LANGUAGES:
            return code
    return "en"
