"""The commands under `digest webhooks`: the addresses that are told what happens.

`webhook_commands` adds, shows and changes endpoints, tries one out and replays messages: each
command calls `app.webhooks` or `digest.webhooks` and prints what came of it, in the words of
`webhook_output`.
"""

from __future__ import annotations

from digest.cli.webhooks.webhook_commands import app

__all__ = ["app"]
