"""Every word readers meet on these pages, in each language they are shipped in."""

from __future__ import annotations

import re
from collections.abc import Mapping

from subscribers.web.locale.english import EN
from subscribers.web.locale.german import DE
from subscribers.web.locale.text_keys import PageText, TextCatalogue

__all__ = ["LANGUAGES", "PageText", "TextCatalogue", "choose"]

_WEIGHT = re.compile(r"q=([01](?:\.[0-9]{0,3})?)\Z")

LANGUAGES: Mapping[str, TextCatalogue] = {"en": EN, "de": DE}


def choose(wanted: str, accepted: str) -> str:
    """Choose a language: the *wanted* one, else the best an Accept-Language header asks for."""
    if wanted in LANGUAGES:
        return wanted
    offered = [_weighed(part) for part in accepted[:200].split(",")]
    known = [(weight, code) for weight, code in offered if weight > 0 and code in LANGUAGES]
    return max(known, key=lambda one: one[0])[1] if known else "en"


def _weighed(part: str) -> tuple[float, str]:
    """Read "de-AT;q=0.8" (RFC 9110, 12.5.4); of equal weights the first counts."""
    code, _, weight = part.lower().partition(";")
    found = _WEIGHT.match(weight.strip())
    return float(found[1]) if found else float(not weight), code.strip().partition("-")[0]
