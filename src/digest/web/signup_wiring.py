"""Configure the pages of the subscribers package for this installation.

This module hides how the settings become a `SiteConfig`, and which settings it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from digest import signing_keys
from digest.app.installation import App
from digest.app.public_site import split_setting
from digest.errors import BadSetting
from digest.web.theme import Theme
from digest.web.voting import OWN_SECTIONS
from subscribers.abuse_prevention import ProofOfWork
from subscribers.web import NetworkPrecision, SiteConfig

#: Secure contexts (W3C): SubtleCrypto, which does the proof, exists on HTTPS and localhost only.
_SECURE = re.compile(r"https://|http://(localhost|127\.0\.0\.1|\[::1\])(:|/|\Z)")

_HARDER = 4  # the least factor from the usual proof of work to the one past a cap


def site_config(app: App, theme: Theme, on_letter: Callable[[], None]) -> SiteConfig:
    """Return the configuration of the sign-up and preference pages; raises `BadSetting`.

    *on_letter* is called when a letter was enqueued.
    """
    settings = app.settings
    return SiteConfig(
        sessions=app.database,
        tokens=app.tokens,
        hashes=app.hashes,
        clock=app.clock,
        base_url=settings.base_url,
        newsletters=theme.newsletters,
        render=theme.message,
        trusted_proxies=app.public_site.trusted_proxies,
        keep_network=NetworkPrecision(settings.keep_network),
        disposable=app.public_site.disposable,
        proof=_proof(app),
        harder=_harder(app),
        limits=app.public_site.rate_limits,
        elsewhere=app.reader_requests.kept_elsewhere,
        erase_elsewhere=app.votes.erase_reader,
        own_sections=OWN_SECTIONS,
        embed_origins=split_setting(settings.embed_origins),
        responsible=_line(settings.postal_address),
        carrier=app.provider.company if app.outbox_folder is None else "",
        copies_kept=settings.backups_kept if app.database.path else None,
        votes_of_erased=settings.votes_of_erased,
        files_kept=_keeps_files(app),
        mailto=settings.leave_mailto,
        retention=app.public_site.retention,
        on_erased=app.database.scrub,
        on_letter=on_letter,
        link_hours=settings.link_hours,
    )


def _line(address: str) -> str:
    """Return a postal address of several lines as one line."""
    return ", ".join(line.strip(" ,") for line in address.splitlines() if line.strip(" ,"))


def _keeps_files(app: App) -> bool:
    """Return whether this installation keeps mails, with their addresses, as files."""
    folder = app.settings.outbox
    written = folder.is_dir() and any(folder.iterdir())
    return written or app.outbox_folder is not None


def _proof(app: App) -> ProofOfWork | None:
    most = app.settings.proof_of_work
    if not most:
        return None
    if not _SECURE.match(app.settings.base_url):
        raise BadSetting(
            "DIGEST_PROOF_OF_WORK: browsers calculate only on pages that came by https, and"
            " DIGEST_BASE_URL begins with http://"
        )
    return ProofOfWork(secrets=signing_keys.signing(app.settings), most=most)


def _harder(app: App) -> ProofOfWork | None:
    """Return the proof that leads past a cap; ``None`` if it is off or browsers can't do it."""
    settings = app.settings
    if not settings.proof_over_cap or not _SECURE.match(settings.base_url):
        return None
    most = max(settings.proof_over_cap, _HARDER * settings.proof_of_work)
    return ProofOfWork(secrets=signing_keys.signing(settings), most=most)
