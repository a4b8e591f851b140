"""Wire one installation together: settings and database on one side, adapters on the other.

`installation` is the module others import: `open_app` takes the settings and returns an `App`.
An `App` is `resources`, the settings, database, clock and keys, with one capability a file, made
from them on first use and kept: `issue_building` builds and lints issues, `sending` holds the
transport and sends editions, `event_processing` holds the spool and the event consumer,
`letter_sending` sends letters, `public_site` holds the limits on sign-ups, `voting` the terms of
votes, `source_polling` follows other sites, and `webhook_sending` tells other programs what
happens. `send_start` starts a send or lets it go on. Commands, the service and the site take an
`App` and know no adapter themselves. A capability's module is imported on first use as well, so
that no command loads libraries it doesn't need. The package lists nothing in `__all__`: importers
name `digest.app.installation` or `digest.app.send_start`.
"""
