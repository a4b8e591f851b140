"""Check that webhook endpoints take what is posted to them, and that what is posted is unreadable.

Hides which endpoint counts as one in trouble.
"""

from __future__ import annotations

from collections.abc import Iterator

from digest import webhooks
from digest.app.installation import App
from digest.doctor.health_check import CheckResult, fine, warning

_ABOUT = "webhooks"


def check_webhooks(app: App) -> Iterator[CheckResult]:
    """Check each endpoint; yield nothing where there is none."""
    with app.database.read() as session:
        endpoints = webhooks.statuses(session)
        troubles = webhooks.troubles(session, app.clock())
    for number, says, next_step in troubles:
        yield warning(_ABOUT, f"endpoint {number}: {says}", next_step)
    for each in endpoints:
        if each.addresses and not each.url.startswith("https:"):
            yield warning(
                _ABOUT,
                f"endpoint {each.id} gets readers' addresses unencrypted",
                f"digest webhooks remove {each.id}, and add it with an address in https://",
            )
    if endpoints and not troubles:
        yield fine(_ABOUT, f"{len(endpoints)} told of what happens")
