"""Which of our languages a visitor is answered in."""

from __future__ import annotations

import re
from functools import lru_cache

from subscribers.locale.po_catalogue import LANGUAGES, SOURCE

_WEIGHT = re.compile(r"q=([01](?:\.[0-9]{0,3})?)\Z")


def choose(wanted: str, accepted: str = "") -> str:
    """Return the code of the *wanted* language, else the best one of an Accept-Language header.

    *wanted* is a BCP 47 tag, of which the first subtag counts: "de-AT" is answered in "de".
    """
    code = _code(wanted)
    if code in LANGUAGES:
        return code
    return _best(accepted[:200])


@lru_cache(maxsize=256)  # browsers send the same few
def _best(accepted: str) -> str:
    offered = [_weighed(part) for part in accepted.split(",")]
    known = [(weight, code) for weight, code in offered if weight > 0 and code in LANGUAGES]
    return max(known, key=lambda pair: pair[0])[1] if known else SOURCE


def _weighed(part: str) -> tuple[float, str]:
    """Return weight and code of a range such as "de-AT;q=0.8" (RFC 9110, 12.5.4)."""
    code, _, weight = part.partition(";")
    match = _WEIGHT.match(weight.strip().lower())
    return float(match[1]) if match else float(not weight), _code(code)


def _code(tag: str) -> str:
    return tag.strip().partition("-")[0].lower()
