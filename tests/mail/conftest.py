"""Fixtures of mail: the fake SendGrid and the webhook receiver of its own tests."""

from __future__ import annotations

from tests.fake_sendgrid.conftest import fake, shared_fake, webhook

__all__ = ["fake", "shared_fake", "webhook"]
