"""Send mailings and editions by the transport that the settings choose.

This module hides which class is the transport, and what of an installation an edition's send takes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from sqlmodel import Session

from digest.app.resources import Resources
from digest.delivery.pace import Pace, active_warm_up, scope_of
from digest.delivery.sending import (
    EditionSend,
    RestoreGuardFile,
    RolloutLimits,
    recipient_builder,
    restore_guard,
    vote_part_maker,
)
from digest.issues import provenance, store
from digest.issues.identity import MailIdentity
from digest.issues.models import Issue, Newsletter, Tracking
from digest.issues.variants import variants_of
from digest.mail.mailing import Content, list_id
from digest.mail.outbox import Outbox
from digest.mail.transport import Transport
from digest.process_id import this_process
from digest.render.rendered import Rendered
from digest.votes import copy_signer

LEASE_MARGIN = 60.0  # seconds a claim outlives the longest request


@dataclass(frozen=True)
class Sending:
    """What sends an installation's mail."""

    resources: Resources

    @cached_property
    def transport(self) -> Transport:
        """The transport that the settings choose; raises `BadSetting`."""
        folder = self.resources.outbox_folder
        if folder is not None:
            return Outbox(folder, self.resources.clock)
        return self.resources.provider.transport()

    @cached_property
    def restore_guard_file(self) -> RestoreGuardFile:
        """The restore guard's file, which shows that a database came from a backup."""
        path = self.resources.settings.epoch_file or self.resources.database.beside(".epoch")
        return RestoreGuardFile(path)

    @property
    def rollout_limits(self) -> RolloutLimits:
        """What a first wave may come to before the rest is held back."""
        settings = self.resources.settings
        return RolloutLimits(
            bounced=settings.first_wave_bounced, complained=settings.first_wave_complained
        )

    def begin(self) -> None:
        """Check that this database records every batch sent from it, and that its secrets exist.

        Raises `DatabaseRestored` for a database restored from a backup, and `SecretGone` where a
        secret is missing: without it, suppressed addresses could not be recognised.
        """
        restore_guard.begin(self.resources.database, self.restore_guard_file)
        self.resources.require_secrets()

    def content(
        self,
        newsletter: Newsletter,
        mail: Rendered,
        tracking: Tracking | None = None,
        identity: MailIdentity | None = None,
    ) -> Content:
        """Return the part of a mail that is the same for every reader; raises `BadSetting`.

        *tracking* and *identity* override the newsletter's present ones with those the mail was
        built with.
        """
        tracked = (tracking or newsletter.tracking) is not Tracking.OFF
        base_url = self.resources.settings.base_url
        identity = identity or self.resources.identity.of(newsletter)
        return Content(
            subject=mail.subject,
            html=mail.html,
            text=mail.text,
            sender=identity.sender_mailbox,
            reply_to=identity.reply_mailbox,
            headers={"List-Id": list_id(base_url, newsletter.slug, newsletter.name)},
            category=newsletter.slug,
            track_clicks=tracked,
            track_opens=tracked,
        )

    def pace(self, session: Session) -> Pace:
        """Return how fast mail may leave now: by the settings, and by a warm-up that is on."""
        settings = self.resources.settings
        return Pace(
            per_hour=settings.max_per_hour,
            by_scope={scope_of(at): limit for at, limit in settings.hourly_limits().items()},
            requests=settings.max_requests,
            warm_up=active_warm_up(session) is not None,
        )

    def edition_send(self, session: Session, issue: Issue) -> EditionSend:
        """Return everything that sending *issue* needs; raises `BadSetting`."""
        settings = self.resources.settings
        tokens = self.resources.tokens
        newsletter = store.newsletter_of(session, issue)
        edition = store.edition_of(session, issue)
        mail = Rendered(subject=edition.subject, html=edition.html, text=edition.text)
        content = self.content(
            newsletter,
            mail,
            edition.tracking,
            provenance.identity_of(edition, self.resources.identity.of(newsletter)),
        )
        return EditionSend(
            store=self.resources.database,
            on_start=self.restore_guard_file.note,
            transport=self.transport,
            clock=self.resources.clock,
            owner=this_process(),
            edition_id=edition.id or 0,
            newsletter=newsletter.slug,
            issue=f"{newsletter.slug}-{issue.number}",
            content=content,
            variants={
                seat: replace(content, html=each.html, text=each.text)
                for seat, each in variants_of(session, edition).items()
            },
            recipients=recipient_builder(
                newsletter.slug,
                base_url=settings.base_url,
                tokens=tokens,
                mailto=settings.leave_mailto,
                vote_parts=vote_part_maker(
                    copy_signer(tokens, edition.id or 0, self.resources.clock()),
                    [each.comparison_id for each in store.placements(session, issue)],
                    edition.html,
                    edition.text,
                ),
            ),
            job_queue=self.resources.job_queue,
            lease=self.resources.provider.seconds + LEASE_MARGIN,
            rollout_limits=self.rollout_limits,
            pace=self.pace(session),
        )
