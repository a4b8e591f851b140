"""The commands under `digest subscribers`: the list, and one subscriber of it.

`subscribers` works on the list: it imports a CSV file, with progress and a file of refused lines,
counts, and exports. `subscriber` works on one address: it prints what is stored and the consent
history, erases, unsubscribes and suppresses. `suppression_commands` lists, imports and exports the
addresses that must not be mailed. All hand the work to the package `subscribers` at the top of the
source tree and print the result; `private_files` writes files that hold addresses.
"""

from __future__ import annotations

from digest.cli.audience import subscriber, subscribers, suppression_commands

__all__ = ["app"]

app = subscribers.app
app.add_typer(subscriber.app)
app.add_typer(suppression_commands.app, name="suppressions")
