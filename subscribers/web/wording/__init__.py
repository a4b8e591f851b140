"""Hold every text of the pages, in each language, and choose the visitor's language.

`text_keys` names the texts that a language must have; `english` and `german` fill them in, and
`choose` picks one of them for a request. A new language is a new module, added to `LANGUAGES`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from subscribers.web.wording.english import EN
from subscribers.web.wording.german import DE
from subscribers.web.wording.text_keys import PageText, TextCatalogue

__all__ = ["LANGUAGES", "PageText", "TextCatalogue", "choose"]

_WEIGHT = re.compile(r"q=([01](?:\.[0-9]{0,3})?)\Z")

LANGUAGES: Mapping[str, TextCatalogue] = {"en": EN, "de": DE}


def choose(wanted: str, accepted: str) -> str:
    """Return the code of the *wanted* language, else the best one of an Accept-Language header."""
    if wanted in LANGUAGES:
        return wanted
    offered = [_weighed(part) for part in accepted[:200].split(",")]
    known = [(weight, code) for weight, code in offered if weight > 0 and code in LANGUAGES]
    return max(known, key=lambda pair: pair[0])[1] if known else "en"


def _weighed(part: str) -> tuple[float, str]:
    """Return weight and code of a range such as "de-AT;q=0.8" (RFC 9110, 12.5.4)."""
    code, _, weight = part.lower().partition(";")
    match = _WEIGHT.match(weight.strip())
    return float(match[1]) if match else float(not weight), code.strip().partition("-")[0]
