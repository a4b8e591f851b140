"""A fake SendGrid server that runs on this machine, with faults on request.

A test starts the server with `subprocess_server` (`running_fake`), a user with the command; both
choose `options` and end in `socket_server`, which accepts connections on 127.0.0.1. `http/` reads
each request from its socket, `fake_app` routes the request: `/v3/mail/send` goes to
`mail_send_api`, which checks the body against `mail_send_rules/` and records an accepted one in
`message_store` (a SQLite file) before the answer leaves, and the provider's suppression lists are
answered by `suppression_api`. `faults/` turns an answer into a fault where a script asks for one.
`events/` reads the accepted mails from the store and posts the provider's signed events to a
webhook. Tests steer the running server with `control_api` and look at it with `read_api`; `ui`
shows people the accepted mails, which `substitution` renders as one recipient would have received
them.
"""

from digest.fake_sendgrid.options import DEFAULT_PORT, Options
from digest.fake_sendgrid.socket_server import serve
from digest.fake_sendgrid.subprocess_server import FakeAnswer, RunningFake, running_fake, start

__all__ = ["DEFAULT_PORT", "FakeAnswer", "Options", "RunningFake", "running_fake", "serve", "start"]
