"""A SendGrid that runs here, with faults on request."""

from digest.fake_sendgrid.options import DEFAULT_PORT, Options
from digest.fake_sendgrid.socket_server import serve
from digest.fake_sendgrid.subprocess_server import FakeAnswer, RunningFake, running_fake, start

__all__ = ["DEFAULT_PORT", "FakeAnswer", "Options", "RunningFake", "running_fake", "serve", "start"]
