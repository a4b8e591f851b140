"""The commands under `digest sources`: the sites that are followed, and what they propose.

`source_commands` adds, lists, polls, pauses and removes a source. `proposal_commands` shows what
waits for an editor, and accepts or dismisses it. Both hand the work to `digest.sources`, through
`app.sources` where another server is asked.
"""

from __future__ import annotations

from digest.cli.sources import proposal_commands, source_commands

__all__ = ["app"]

app = source_commands.app
app.add_typer(proposal_commands.app)
