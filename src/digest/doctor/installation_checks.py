"""Check that an installation is fit to send, without the network.

Hides which checks there are, their order, and how an exception of a check becomes a result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, func, select

from digest import signing_keys
from digest.app.installation import App
from digest.db import unfit
from digest.delivery import known_secrets
from digest.delivery.events import ACCOUNT
from digest.delivery.models import DeadLetter
from digest.doctor import database_checks
from digest.doctor.api_checks import check_api
from digest.doctor.dns_checks import is_reserved
from digest.doctor.health_check import CheckResult, HealthLevel, fine, refused, warning
from digest.doctor.pace_checks import check_pace
from digest.doctor.source_checks import check_sources
from digest.doctor.webhook_checks import check_webhooks
from digest.doctor.worker_checks import check_workers
from digest.errors import BadSetting, DigestError
from digest.issues import store
from digest.issues.calendar import BadCadence
from digest.issues.models import JobRun, Newsletter
from digest.mail.smtp.bounces import MailboxUnreadable, mails_waiting
from subscribers.models import LetterState, LetterToSend

_Check = Callable[[App], Iterator[CheckResult]]

#: Words of placeholders: a secret that holds one was copied from an example.
PLACEHOLDERS = ("change", "secret", "example", "default", "placeholder", "password", "1234567890")
_MIN_LETTERS = 8  # different characters in a secret
RECENT = timedelta(days=30)
UNREAD = timedelta(hours=1)  #: after which somebody should look why no mail is read
_REACH = "check DIGEST_DATABASE_URL: the database must exist, answer, and be writable"


def run_checks(app: App, *, running: bool = False) -> list[CheckResult]:
    """Return the results of every check that needs no network; never raise.

    With *running*, check as well what should be running now.
    """
    results = _run(database_checks.check_database, app)
    tables = all(
        result.weight is not HealthLevel.REFUSED for result in results if result.about == "database"
    )
    checks = (_secrets, *_CHECKS, *_TABLE_CHECKS) if tables else (_secret, *_CHECKS)
    if running and tables:
        checks = (*checks, check_workers)
    for check in checks:
        results += _run(check, app)
    return results


def _run(check: _Check, app: App) -> list[CheckResult]:
    about = check.__name__.strip("_").removeprefix("check_").replace("_", " ")
    try:
        return list(check(app))
    except DigestError as fault:
        return [refused(about, str(fault), fault.next_step or "")]
    except SQLAlchemyError as fault:
        error = unfit(fault)
        return [refused(about, str(error), error.next_step or "")]
    except OSError as fault:
        return [refused(about, f"can't be checked: {fault.strerror or fault}", _REACH)]


def _secret(app: App) -> Iterator[CheckResult]:
    step = "put a new one into DIGEST_SECRET: openssl rand -hex 32"
    for secret in signing_keys.signing(app.settings)[:1]:  # raises for a missing or short secret
        if len(set(secret)) < _MIN_LETTERS or any(word in secret.lower() for word in PLACEHOLDERS):
            yield refused("secret", "DIGEST_SECRET looks like a placeholder", step)
        else:
            yield fine("secret", "it signs the links in mails")


def _secrets(app: App) -> Iterator[CheckResult]:
    """Check the secret, and that the secrets this database was used with are still set."""
    results = _run(_secret, app)
    if all(result.weight is not HealthLevel.REFUSED for result in results):
        with app.database.read() as session:
            why = known_secrets.missing_secrets(session, app.secret_marks)
        if why is not None:
            results = [refused("secret", why, known_secrets.NEXT_STEP)]
    yield from results


def _address(app: App) -> Iterator[CheckResult]:
    parts = urlsplit(app.settings.base_url)
    if parts.scheme != "https" and not is_loopback(parts.hostname):
        yield refused(
            "base URL",
            f"{app.settings.base_url} isn't HTTPS: readers' links would be sent unencrypted",
            "set up TLS, then set DIGEST_BASE_URL=https://...",
        )
    elif is_loopback(parts.hostname) and _sends_real_mail(app):
        yield refused(
            "base URL",
            "real mail would have links that only this machine can open",
            "DIGEST_BASE_URL=https://news.example.com",
        )
    else:
        yield fine("base URL", app.settings.base_url)


def _sender(app: App) -> Iterator[CheckResult]:
    wrong = refused if _sends_real_mail(app) else warning
    domain = app.identity.sender_mailbox.address.rpartition("@")[2]
    if is_reserved(domain):
        step = "set DIGEST_FROM to an address of your own domain, or: digest setup"
        yield wrong("sender", f"mail comes from {domain}, which is reserved for examples", step)
    else:
        yield fine("sender", f"mail comes from {domain}")
    if not app.settings.postal_address:
        step = "set DIGEST_POSTAL_ADDRESS, or: digest setup"
        yield wrong("sender", "there is no postal address, and the law requires one", step)


def _provider(app: App) -> Iterator[CheckResult]:
    settings = app.settings
    if app.outbox_folder is not None:
        yield warning(
            "provider",
            f"mail goes to the folder {app.outbox_folder}, and reaches nobody",
            f"to send mail: digest setup, or DIGEST_TRANSPORT={app.provider.name}",
        )
        return
    try:
        app.provider.transport()
    except BadSetting as fault:  # a missing or malformed key
        yield refused("provider", str(fault), fault.next_step or "")
    else:
        yield fine("provider", f"mail is handed to {_provider_host(app)}")
    if not app.provider.posts_events:
        yield from _returned_mail(app)
    elif settings.webhook_key_list():
        app.provider.verifier(settings.webhook_key_list())  # raises for a malformed key
        many = len(settings.webhook_key_list())
        keys = "1 key" if many == 1 else f"{many} keys"
        yield fine("webhook", f"events are checked with {keys}")
    else:
        yield refused(
            "webhook",
            "DIGEST_WEBHOOK_KEYS is missing: bounces and complaints would go unnoticed",
            "turn on the provider's signed event webhook, and copy its key",
        )


def _returned_mail(app: App) -> Iterator[CheckResult]:
    """Check that bounces of mail sent by SMTP come back to where somebody reads them."""
    if app.settings.bounce_address:
        yield fine("bounces", f"they come back to {app.settings.bounce_address}")
    else:
        yield warning(
            "bounces",
            "they go to the sender's own mailbox, and Digest never learns of them",
            "set DIGEST_BOUNCE_ADDRESS and DIGEST_BOUNCE_MAILBOX: digest docs bounces",
        )


def _bounces(app: App) -> Iterator[CheckResult]:
    """Check that the mailbox for bounces can be read, and that somebody reads it."""
    path = app.settings.bounce_mailbox
    if path is None:
        return
    step = "digest run reads it each minute; to read it now: digest bounces read"
    try:
        waiting = mails_waiting(path)
    except MailboxUnreadable as fault:
        yield warning("bounces", f"they would go unnoticed: {fault}", fault.next_step or "")
        return
    with app.database.read() as session:
        row = session.get(JobRun, "bounces")
    read = f"last read {row.started_at:%Y-%m-%d %H:%M} UTC" if row else "never read"
    says = f"{'1 mail waits' if waiting == 1 else f'{waiting:,} mails wait'} in {path}, {read}"
    if waiting and (row is None or app.clock() - row.started_at > UNREAD):
        yield warning("bounces", says, step)
    else:
        yield fine("bounces", says)


def _disposable_domains(app: App) -> Iterator[CheckResult]:
    _ = app.public_site.disposable  # raises for a file that can't be read
    yield from ()


def _scanner_networks(app: App) -> Iterator[CheckResult]:
    _ = app.votes.scanners  # raises for a file that can't be read, and for a faulty line
    yield from ()


def _newsletters(app: App) -> Iterator[CheckResult]:
    with app.database.read() as session:
        for newsletter in store.newsletters(session):
            try:
                says = str(newsletter.cadence())
            except BadCadence as fault:
                yield refused(newsletter.slug, str(fault), "digest schedule set --help")
                continue
            if newsletter.archived_at is not None:
                continue
            yield fine(newsletter.slug, says if newsletter.scheduled else f"{says} (paused)")
            yield from _own_sender(app, newsletter)
            if (
                newsletter.scheduled
                and not newsletter.unattended
                and not app.settings.editor_list()
            ):
                yield warning(
                    newsletter.slug,
                    "issues will wait for approval, and nobody is told",
                    "set DIGEST_EDITORS, or: digest unattended on",
                )


def _own_sender(app: App, newsletter: Newsletter) -> Iterator[CheckResult]:
    if not newsletter.sender:
        return
    domain = app.identity.of(newsletter).sender_mailbox.address.rpartition("@")[2]
    if is_reserved(domain) and _sends_real_mail(app):
        step = f"digest newsletters set {newsletter.slug} --from MAILBOX"
        yield refused(newsletter.slug, f"{domain} is reserved for examples", step)
    else:
        yield fine(newsletter.slug, f"its mail comes from {domain}")


def sender_domains(app: App) -> list[str]:
    """Return the domains that mail comes from, that of DIGEST_FROM first.

    Newsletters that can't be read are left out: the check of the database reports that.
    """
    identities = [app.identity]
    try:
        with app.database.read() as session:
            running = [each for each in store.newsletters(session) if each.archived_at is None]
            identities += [app.identity.of(newsletter) for newsletter in running]
    except SQLAlchemyError:
        pass
    named = [each.sender_mailbox.address.rpartition("@")[2].lower() for each in identities]
    return list(dict.fromkeys(named))


def _account(app: App) -> Iterator[CheckResult]:
    since = app.clock() - RECENT
    with app.database.read() as session:
        row = session.exec(
            select(DeadLetter)
            .where(DeadLetter.why == ACCOUNT, DeadLetter.at > since)
            .order_by(col(DeadLetter.id).desc())
            .limit(1)
        ).first()
    if row is not None and row.said != app.provider.account_restored:
        yield warning(
            "account",
            f"the provider reported a change on {row.at:%Y-%m-%d}: {row.said or 'no more'}",
            "check the provider's dashboard; mail may not be delivered until this is settled",
        )


def _letters(app: App) -> Iterator[CheckResult]:
    doubted = select(func.count()).where(
        col(LetterToSend.subscriber_id).is_not(None),
        col(LetterToSend.state) == LetterState.IN_DOUBT,
        col(LetterToSend.since) > app.clock() - RECENT,
    )
    with app.database.read() as session:
        number = session.exec(doubted).one()
    if number:
        yield warning(
            "letters",
            f"{number:,} of them from the last {RECENT.days} days are in doubt: a process died"
            " while it sent them",
            "nothing: they aren't resent, and readers who got none can sign up again",
        )


_CHECKS: tuple[_Check, ...] = (
    _address,
    _sender,
    _provider,
    _disposable_domains,
    _scanner_networks,
)
_TABLE_CHECKS: tuple[_Check, ...] = (
    database_checks.check_clock,
    _newsletters,
    _account,
    _bounces,
    _letters,
    check_pace,
    check_sources,
    check_webhooks,
    check_api,
    database_checks.check_restore,
)


def is_loopback(host: str | None) -> bool:
    """Return whether a host name or address is this machine's loopback."""
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost" or (host or "").endswith(".localhost")


def _sends_real_mail(app: App) -> bool:
    """Return whether mail goes to a provider beyond this machine."""
    return app.outbox_folder is None and not is_loopback(_provider_host(app))


def _provider_host(app: App) -> str | None:
    return urlsplit(app.provider.endpoint).hostname
