"""Post webhook messages by an installation's network rules, signed with its secrets.

This module hides what of an installation signs and posts a message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from random import random
from threading import Event

from digest import signing_keys
from digest.app.public_site import SiteTerms
from digest.app.resources import Resources
from digest.webhooks import (
    Poster,
    PostResult,
    WebhookSending,
    WebhookSigner,
    add,
    announce_due,
    has_due,
    prune,
    rotate,
)
from subscribers.announcements.models import AnnouncementKind, WebhookEndpoint

MOST_BYTES = 64_000  #: of an answer, whose text counts for nothing
POST_SECONDS = 10.0  #: that one post may take


@dataclass(frozen=True)
class Webhooks:
    """What tells other programs what happens in an installation."""

    resources: Resources
    site: SiteTerms

    @cached_property
    def signer(self) -> WebhookSigner:
        """What signs messages; raises `BadSetting`."""
        return WebhookSigner(signing_keys.signing(self.resources.settings))

    def add(
        self,
        url: str,
        kinds: Collection[AnnouncementKind],
        *,
        newsletter: str = "",
        addresses: bool = False,
    ) -> tuple[WebhookEndpoint, str]:
        """Add an endpoint, and return it with its secret; raises what `digest.webhooks.add` does.

        What was public before isn't told to it.
        """
        now = self.resources.clock()
        with self.resources.database.write() as session:
            while announce_due(session, self.site.comparisons, now):
                pass
            row = add(session, url, kinds, newsletter=newsletter, addresses=addresses, now=now)
            return row, self.signer.secret(row.nonce)

    def rotate(self, endpoint_id: int) -> tuple[WebhookEndpoint, str]:
        """Give an endpoint another secret, and return both; raises `NotFound`."""
        with self.resources.database.write() as session:
            row = rotate(session, endpoint_id, self.resources.clock())
            return row, self.signer.secret(row.nonce)

    def post_waiting(self, stopping: Event) -> Counter[str]:
        """Announce what has come about with time, and post what is due until *stopping*.

        Return how many posts were delivered and failed, and how many messages were parked.
        """
        now = self.resources.clock()
        with self.resources.database.write() as session:
            announce_due(session, self.site.comparisons, now)
            due = has_due(session, now)
        if not due:
            return Counter()
        with self.resources.outbound_client() as client:
            return self._sending(client).post_waiting(stopping)

    def test(self, endpoint_id: int) -> PostResult:
        """Post a test message to an endpoint, whatever its state; raises `NotFound`."""
        with self.resources.outbound_client() as client:
            return self._sending(client).test(endpoint_id)

    def prune(self) -> int:
        """Park what nobody takes, and delete what was settled long ago; return how much."""
        return prune(self.resources.database, self.resources.clock())

    def _sending(self, poster: Poster) -> WebhookSending:
        from digest.http_client import Limits

        return WebhookSending(
            store=self.resources.database,
            poster=poster,
            limits=Limits(bytes=MOST_BYTES, seconds=POST_SECONDS, redirects=0),
            signer=self.signer,
            clock=self.resources.clock,
            random=random,
        )
