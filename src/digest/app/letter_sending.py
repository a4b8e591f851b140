"""Send the letters that wait (confirmation, welcome, change of address) and test copies.

This module hides what of an installation a letter is composed and sent with.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from digest.app.resources import Resources
from digest.app.sending import Sending
from digest.letters import LetterTransport, send_test_copy
from digest.mail.mailing import Content
from digest.mail.transport import Accepted
from subscribers.letter_queue import send_waiting
from subscribers.models import LetterState
from subscribers.tokens import Links


@dataclass(frozen=True)
class LetterSending:
    """What sends an installation's letters to its readers."""

    resources: Resources
    sending: Sending

    @cached_property
    def links(self) -> Links:
        """What makes the links in letters; raises `BadSetting`."""
        return Links(self.resources.settings.base_url, self.resources.tokens)

    def transport(self) -> LetterTransport:
        """Return a transport for letters, which renders each kind once; raises `BadSetting`.

        Make one for each run, so that a new issue or a changed template shows in the next letters.
        """
        settings = self.resources.settings
        return LetterTransport(
            store=self.resources.database,
            transport=self.sending.transport,
            identity=self.resources.identity,
            base_url=settings.base_url,
            hours=settings.link_hours,
            templates=self.resources.template_folder,
            mailto=settings.leave_mailto,
        )

    def send_waiting(self, at_most: int = 500) -> Counter[LetterState]:
        """Send up to *at_most* waiting letters, the oldest first; callers may run concurrently.

        Return how many letters ended in which state. `LetterState.WAITING` means that the transport
        refuses mail for now, so call again later. A letter in doubt is never sent again. Raises
        `BadSetting`.
        """
        return send_waiting(
            self.resources.database,
            self.transport(),
            self.links,
            self.resources.hashes,
            self.resources.clock,
            at_most=at_most,
            hours=self.resources.settings.link_hours,
        )

    def send_test_copy(self, content: Content, address: str) -> Accepted:
        """Send one test copy; raises `DigestError` unless the provider accepted it."""
        return send_test_copy(
            self.resources.database,
            self.sending.transport,
            content,
            address,
            base_url=self.resources.settings.base_url,
            clock=self.resources.clock,
        )
