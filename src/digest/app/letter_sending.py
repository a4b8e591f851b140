"""Send the letters that wait, to readers and to editors, and test copies.

This module hides what of an installation a letter is composed and sent with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from digest.app.public_site import SiteTerms
from digest.app.resources import Resources
from digest.app.sending import Sending
from digest.issues.models import Newsletter
from digest.issues.review_link import TO_REVIEW
from digest.letters import (
    CodeSending,
    LetterTransport,
    LetterView,
    send_codes,
    send_test_copy,
    verdict_link,
    vote_link,
)
from digest.mail.mailing import Content
from digest.mail.transport import Accepted
from subscribers.letter_queue import send_waiting
from subscribers.models import LetterKind, LetterState
from subscribers.reader_letter import AskedLetter, AskedLink
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
            days=min(settings.vote_days, settings.pending_days),
            templates=self.resources.template_folder,
            mailto=settings.leave_mailto,
        )

    def send_waiting(self, at_most: int = 500) -> Counter[LetterState]:
        """Send waiting codes and up to *at_most* letters to readers, the oldest first.

        Callers may run concurrently.

        Return how many letters ended in which state. `LetterState.WAITING` means that the transport
        refuses mail for now, so call again later. A letter in doubt is never sent again. Raises
        `BadSetting`.
        """
        codes = self._send_codes()
        return codes + send_waiting(
            self.resources.database,
            self.transport(),
            self.links,
            self.resources.hashes,
            self.resources.clock,
            asked=self._asked_link,
            at_most=at_most,
            hours=self.resources.settings.link_hours,
        )

    def to_editors(
        self, newsletter: Newsletter, subject: str, words: Sequence[str], review_url: str = ""
    ) -> Content:
        """Return a letter to a newsletter's editors, with a button to *review_url* if given."""
        from digest.issues.newsletters import logo_of
        from digest.render.accent import accent_of
        from digest.render.brand import fonts_of
        from digest.render.engine import render

        identity = self.resources.identity.of(newsletter)
        with self.resources.database.read() as session:
            logo = logo_of(session, newsletter, self.resources.settings.base_url)
        view = LetterView(
            newsletter=newsletter.name,
            subject=subject,
            preview=words[0],
            title=subject,
            paragraphs=words,
            button=TO_REVIEW if review_url else "",
            action_url=review_url,
            why=f"You’re receiving this because you edit {newsletter.name} (DIGEST_EDITORS).",
            postal_address=identity.postal_address,
            accent=accent_of(newsletter.accent),
            fonts=fonts_of(newsletter.font),
            logo=logo,
        )
        mail = render(
            "letter",
            {"letter": view, "language": view.language},
            folder=self.resources.template_folder,
        )
        return Content(
            subject=mail.subject,
            html=mail.html,
            text=mail.text,
            sender=identity.sender_mailbox,
            reply_to=identity.reply_mailbox,
            category="editors",
        )

    def _asked_link(self, letter: AskedLetter) -> AskedLink | None:
        terms = SiteTerms(self.resources).comparisons
        base_url, tokens = self.resources.settings.base_url, self.resources.tokens
        if letter.kind is LetterKind.VERDICT_CHANGED:
            with self.resources.database.write() as session:
                return verdict_link(session, letter, terms, base_url=base_url)
        with self.resources.database.read() as session:
            return vote_link(session, letter, terms, tokens=tokens, base_url=base_url)

    def _send_codes(self) -> Counter[LetterState]:
        transport = self.sending.transport
        codes = CodeSending(
            store=self.resources.database,
            hand_over=lambda mailing: transport.hand_over(transport.prepare(mailing)),
            tokens=self.resources.tokens,
            editors=self.resources.settings.editor_list(),
            letter=self.to_editors,
        )
        return send_codes(codes, self.resources.clock)

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
