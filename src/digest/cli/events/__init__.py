"""The commands about what comes back: `digest events` and `digest bounces`.

`event_commands` shows, applies and replays the provider's events, and sets tracking.
`bounce_commands` reads mails that came back, from a mailbox or a pipe, into the same events.
"""
