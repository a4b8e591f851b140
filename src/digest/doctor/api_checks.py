"""Check that no token of the API is about to end unnoticed, and that its origins can be read.

Hides how long before its end a token is worth a look.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from digest.access import token_facts
from digest.app.installation import App
from digest.doctor.health_check import CheckResult, fine, warning

SOON = timedelta(days=14)
_ABOUT = "API"


def check_api(app: App) -> Iterator[CheckResult]:
    """Check the tokens that may be used; yield nothing where there is none. Raises `BadSetting`."""
    _ = app.public_site.api_origins
    now = app.clock()
    with app.database.read() as session:
        tokens = [each for each in token_facts(session) if each.state(now) == "valid"]
    ending = [each for each in tokens if each.expires_at and each.expires_at - now < SOON]
    for each in ending:
        yield warning(
            _ABOUT,
            f"the token {each.name} ends on {each.expires_at:%Y-%m-%d}",
            "digest tokens add, under another name, and give the new token to its program",
        )
    if tokens and not ending:
        yield fine(_ABOUT, f"{len(tokens)} {'token' if len(tokens) == 1 else 'tokens'} may be used")
