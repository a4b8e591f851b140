"""Ask the provider what an installation may do there, over the network."""

from __future__ import annotations

from digest.app.installation import App
from digest.doctor.health_check import CheckResult, HealthLevel
from digest.errors import DigestError
from subscribers.errors import SubscribersError

_LEVELS = {True: HealthLevel.FINE, False: HealthLevel.REFUSED, None: HealthLevel.WARNING}


def check_provider(app: App) -> list[CheckResult]:
    """Return what asking the provider has shown; empty where mail goes to a folder.

    A setting that can't be used is among the checks that need no network.
    """
    if app.outbox_folder is not None:
        return []
    try:
        findings = app.provider.inspect(app.identity.sender_mailbox)
    except (DigestError, SubscribersError):
        return []
    return [
        CheckResult(
            about=each.about, weight=_LEVELS[each.fine], says=each.says, next_step=each.next_step
        )
        for each in findings
    ]
