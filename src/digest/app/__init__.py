"""Wire one installation together: settings and database on one side, adapters on the other.

`installation` is the only module. `open_app` takes the settings and returns an `App`; each method
of the `App` then makes one capability from them when it is asked: keys and tokens, the issue
builder and its checks, the transport and the sender, the letter transport, the spool and the event
consumer. Commands, the service and the site take an `App` and know no adapter themselves. It lists
nothing in `__all__`: importers name `digest.app.installation`, since that module imports them all.
"""
