"""A SendGrid that runs here, with faults on request."""

from digest.testing.options import Options
from digest.testing.running import Answer, RunningFake, running_fake, start

__all__ = ["Answer", "Options", "RunningFake", "running_fake", "start"]
