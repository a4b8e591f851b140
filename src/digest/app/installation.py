"""Put an installation together: the only module that knows every adapter.

This module hides which class stands behind each protocol, and which settings it is made with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlmodel import Session

from digest import signing_keys
from digest.db import Database
from digest.delivery import known_secrets
from digest.delivery.counts import count_deliveries
from digest.delivery.events import EventConsumer, Spool, lift_provider_blocks
from digest.delivery.reporting import PruneResult, prune_events
from digest.delivery.sending import (
    EditionSend,
    RestoreGuardFile,
    RolloutLimits,
    recipient_builder,
    restore_guard,
    this_process,
)
from digest.errors import BadSetting, DigestError, NotApproved
from digest.issues import approval, provenance, store
from digest.issues.build import IssueBuilder
from digest.issues.content import IssueView
from digest.issues.linting import LintTerms
from digest.issues.models import Approval, Edition, Issue, Newsletter, Tracking
from digest.letters import LetterTransport
from digest.mail.mailing import UNSUBSCRIBE_TAG, Content, Mailbox, Mailing, list_id
from digest.mail.outbox import Outbox
from digest.mail.sendgrid import SendGrid, SendGridSuppressions
from digest.mail.sendgrid import parse as parse_events
from digest.mail.transport import Accepted, Transport
from digest.render.engine import Rendered
from digest.render.lint import Finding
from digest.render.sandbox import render_confined
from digest.render.template_paths import template_sources
from digest.settings import Settings, TransportKind
from subscribers.abuse_prevention import RateLimits
from subscribers.address import parse
from subscribers.letter_queue import send_waiting
from subscribers.models import LetterState
from subscribers.retention import RetentionPeriods
from subscribers.signup import process_all
from subscribers.tokens import Hashes, Links, Tokens

LEASE_MARGIN = 60.0  # seconds a claim outlives the longest request


@dataclass(frozen=True, kw_only=True)
class App:
    """One installation, put together; every entry point works with it."""

    settings: Settings
    database: Database
    clock: Callable[[], datetime]

    def tokens(self) -> Tokens:
        """Return what signs and verifies the links in mails; raises `BadSetting`."""
        return Tokens(signing_keys.signing(self.settings))

    def hashes(self) -> Hashes:
        """Return what makes keyed hashes of addresses; raises `BadSetting`."""
        return Hashes(signing_keys.hashing(self.settings))

    def press(self) -> IssueBuilder:
        """Return the builder that renders and checks an issue's mail."""
        return IssueBuilder(
            base_url=self.settings.base_url,
            postal_address=self.settings.postal_address,
            render=lambda view: render_confined("issue", {"issue": view}, folder=self.own_mails()),
            check=self.checks().of_view,
            sources=self.sources,
            sender=self.settings.sender,
        )

    def own_mails(self) -> Path | None:
        """Return the installation's own folder of mail templates, if it has one."""
        folder = (self.settings.templates / "email").absolute()
        return folder if folder.is_dir() else None

    def sources(self) -> dict[str, str]:
        """Return the source of each template of an issue, by name; raises `TemplateBroken`."""
        return template_sources("issue", folder=self.own_mails())

    def require_approved(self, session: Session, issue: Issue) -> Approval | None:
        """Return the approval that allows *issue* to be sent.

        ``None`` where the newsletter needs no approval and no check has a finding. Raises
        `NotApproved` or `MailUnfit`.
        """
        edition = store.edition_of(session, issue)
        return approval.require_approved(
            session,
            issue,
            templates=provenance.template_hash(self.sources()),
            findings=self.findings(edition, self.unsubscribe_url()),
        )

    def unsubscribe_url(self) -> str:
        """Return the unsubscribe link, with the tag that stands for a reader's token."""
        return f"{self.settings.base_url}/u/{UNSUBSCRIBE_TAG}"

    def reprint(self, view: IssueView, kept: provenance.Sources) -> Rendered:
        """Render an issue with the template sources in *kept*, and none of today's."""
        with TemporaryDirectory() as folder:
            for name, source in kept.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(source, encoding="utf-8")
            return render_confined("issue", {"issue": view}, folder=Path(folder))

    def checks(self) -> LintTerms:
        """Return the terms by which this installation lints a mail."""
        return LintTerms(
            postal_address=self.settings.postal_address,
            lenient=self.settings.transport is TransportKind.OUTBOX,
            sender=self.settings.sender,
        )

    def findings(self, edition: Edition, unsubscribe_url: str) -> list[Finding]:
        """Lint a frozen edition, and return the findings."""
        return self.checks().of_edition(edition, unsubscribe_url)

    def sender(self) -> Mailbox:
        """Return the From mailbox (RFC 5322, 3.6.2)."""
        return _mailbox(self.settings.sender)

    def take_sender(self, session: Session, issue: Issue) -> bool:
        """Set an issue's sender to today's setting, and return whether the sender changed.

        Do nothing once a mail of the issue was accepted or is in doubt. A changed sender voids the
        approval, since nobody has approved the new sender.
        """
        edition = store.edition_of(session, issue)
        counts = count_deliveries(session, edition.id or 0)
        if counts.accepted or counts.in_doubt:
            return False
        if not provenance.change_sender(session, edition, self.settings.sender):
            return False
        approval.withdraw(session, issue)
        return True

    def unapproved(self, session: Session, issue: Issue) -> NotApproved | None:
        """Return why an issue that is being sent may not go on; ``None`` where it may.

        Changed templates are no reason: the issue's mail is frozen, and was approved.
        """
        if approval.latest(session, issue) is not None:
            return None
        try:
            self.require_approved(session, issue)
        except NotApproved as fault:
            return fault
        return None

    def transport(self) -> Transport:
        """Return the transport that the settings choose; raises `BadSetting`."""
        settings = self.settings
        if settings.transport is TransportKind.OUTBOX:
            return Outbox(settings.outbox, self.clock)
        key = settings.sendgrid_api_key.get_secret_value() if settings.sendgrid_api_key else ""
        try:
            return SendGrid(
                api_key=key, url=settings.sendgrid_url, seconds=settings.sendgrid_timeout
            )
        except ValueError as fault:
            raise BadSetting(
                f"DIGEST_SENDGRID_API_KEY: {fault}",
                next_step=(
                    "make a key at the provider that may send (Mail Send), and set"
                    " DIGEST_SENDGRID_API_KEY to it, or DIGEST_SENDGRID_API_KEY_FILE to its file"
                ),
            ) from None

    def hand_over(self, mailing: Mailing) -> Accepted:
        """Send a mailing once, without a row in the database, and return the provider's answer.

        Raises `DigestError` unless the provider accepted the mailing.
        """
        transport = self.transport()
        answer = transport.hand_over(transport.prepare(mailing))
        if not isinstance(answer, Accepted):
            raise DigestError(f"the mail wasn't taken: {answer.detail or type(answer).__name__}")
        return answer

    def letter_post(self) -> LetterTransport:
        """Return the transport for letters; raises `BadSetting`."""
        return LetterTransport(
            store=self.database,
            transport=self.transport(),
            sender=self.sender(),
            base_url=self.settings.base_url,
            postal_address=self.settings.postal_address,
            hours=self.settings.link_hours,
            templates=self.own_mails(),
            mailto=self.settings.leave_mailto,
        )

    def take_in_sign_ups(self) -> int:
        """Process sign-ups that an earlier process recorded only, and return how many."""
        return process_all(self.database, self.hashes(), self.limits().address)

    def limits(self) -> RateLimits:
        """Return the rate limits of sign-ups and letters."""
        settings, defaults = self.settings, RateLimits()
        return RateLimits(
            address=replace(
                defaults.address, count=settings.letters_per_day, monthly=settings.letters_per_month
            ),
            domain=replace(defaults.domain, count=settings.sign_ups_per_domain),
            provider=replace(defaults.provider, count=settings.sign_ups_per_provider),
            network=replace(defaults.network, count=settings.sign_ups_per_network),
            everyone=replace(defaults.everyone, count=settings.sign_ups_in_all),
        )

    def send_letters(self, at_most: int = 500) -> Counter[LetterState]:
        """Send up to *at_most* waiting letters, the oldest first; callers may run concurrently.

        Return how many letters ended in which state. `LetterState.WAITING` means that the transport
        refuses mail for now, so call again later. A letter in doubt is never sent again. Raises
        `BadSetting`.
        """
        return send_waiting(
            self.database,
            self.letter_post(),
            Links(self.settings.base_url, self.tokens()),
            self.hashes(),
            self.clock,
            at_most=at_most,
            hours=self.settings.link_hours,
        )

    def retention(self) -> RetentionPeriods:
        """Return the retention periods of readers' data, in days."""
        return RetentionPeriods(
            pending=self.settings.pending_days,
            networks=self.settings.network_days,
            evidence=self.settings.evidence_days,
        )

    def epoch(self) -> RestoreGuardFile:
        """Return the restore guard's file, which shows that a database came from a backup."""
        beside = self.database.url.database if self.database.is_sqlite else None
        return RestoreGuardFile(self.settings.epoch_file or Path(f"{beside or 'digest'}.epoch"))

    def begin_sending(self) -> None:
        """Check that this database records every batch sent from it, and that its secrets exist.

        Raises `Restored` for a database restored from a backup, and `SecretGone` where a secret is
        missing: without it, suppressed addresses could not be recognised.
        """
        restore_guard.begin(self.database, self.epoch())
        self.require_secrets()

    def require_secrets(self) -> None:
        """Check that every secret this database was used with is set, and record today's.

        Call this before sending, serving links or writing by hash. Raises `SecretGone`.
        """
        known_secrets.require_all(self.database, signing_keys.marks(self.settings), self.clock())

    def content(
        self,
        newsletter: Newsletter,
        mail: Rendered,
        tracking: Tracking | None = None,
        sender: str = "",
    ) -> Content:
        """Return the part of a mail that is the same for every reader; raises `BadSetting`.

        *tracking* overrides the newsletter's present tracking with the one the mail was built with;
        *sender* overrides the sender setting in the same way.
        """
        tracked = (tracking or newsletter.tracking) is not Tracking.OFF
        return Content(
            subject=mail.subject,
            html=mail.html,
            text=mail.text,
            sender=_mailbox(sender or self.settings.sender),
            headers={"List-Id": list_id(self.settings.base_url, newsletter.slug, newsletter.name)},
            category=newsletter.slug,
            track_clicks=tracked,
            track_opens=tracked,
        )

    def sending(self, session: Session, issue: Issue) -> EditionSend:
        """Return everything that sending *issue* needs; raises `BadSetting`."""
        newsletter = store.newsletter_of(session, issue)
        edition = store.edition_of(session, issue)
        guard_file = self.epoch()
        return EditionSend(
            store=self.database,
            step=lambda name: guard_file.count() if name == "started" else None,
            transport=self.transport(),
            clock=self.clock,
            owner=f"{guard_file.place()}/{this_process()}",
            edition_id=edition.id or 0,
            newsletter=newsletter.slug,
            issue=f"{newsletter.slug}-{issue.number}",
            content=self.content(
                newsletter,
                Rendered(subject=edition.subject, html=edition.html, text=edition.text),
                edition.tracking,
                provenance.settings_of(edition).get("sender", ""),
            ),
            recipient=recipient_builder(
                newsletter.slug,
                base_url=self.settings.base_url,
                tokens=self.tokens(),
                mailto=self.settings.leave_mailto,
            ),
            lease=self.settings.sendgrid_timeout + LEASE_MARGIN,
            rollout_limits=RolloutLimits(
                bounced=self.settings.first_wave_bounced,
                complained=self.settings.first_wave_complained,
            ),
        )

    def drain(self) -> EventConsumer:
        """Return the consumer that applies the events in the spool to the database."""
        return EventConsumer(
            store=self.database,
            spool=self.spool(),
            parse=parse_events,
            hashes=self.hashes,
            clock=self.clock,
        )

    def tidy_events(self) -> PruneResult:
        """Prune the events of old issues and of erased readers; the counts stay.

        The deleted rows are also removed from SQLite's files.
        """
        now = self.clock()
        before = now - timedelta(days=self.settings.keep_events_days)
        done = prune_events(self.database, before=before, now=now)
        self.database.scrub()
        return done

    def reopen(self) -> int:
        """Lift the provider's suppressions of readers who confirmed again, and return how many.

        Returns 0 for a transport without suppressions.
        """
        key = self.settings.sendgrid_api_key
        if self.settings.transport is not TransportKind.SENDGRID or key is None:
            return 0
        provider = SendGridSuppressions(
            api_key=key.get_secret_value(),
            url=self.settings.sendgrid_url,
            seconds=self.settings.sendgrid_timeout,
        )
        return lift_provider_blocks(self.database, provider, self.hashes())

    def spool(self) -> Spool:
        """Return the spool, the folder in which events wait for the database."""
        folder = self.settings.spool
        if folder is None:
            beside = self.database.url.database if self.database.is_sqlite else None
            folder = Path(f"{beside or 'digest'}-events")
        return Spool(folder, most_bytes=self.settings.spool_megabytes << 20)


def _mailbox(text: str) -> Mailbox:
    name, address = parseaddr(text)
    return Mailbox(parse(address).wire, name)


def open_app(settings: Settings, clock: Callable[[], datetime] | None = None) -> App:
    """Return an installation made from *settings*; nothing is opened before it is used."""
    return App(
        settings=settings,
        database=Database(settings.database_url),
        clock=clock or (lambda: datetime.now(UTC)),
    )
