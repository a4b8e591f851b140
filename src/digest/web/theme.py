"""Gives every page of the site its looks: the templates, and what they say of where one is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from email.utils import parseaddr
from pathlib import Path

from digest.render.pages import SignupBlock, Site, message_page
from digest.settings import Settings
from digest.web.newsletter_cache import NewsletterCache, NewsletterEntry
from digest.web.security_headers import POLICY, with_form
from subscribers.web import Page, SiteConfig, form, kept_link, wording
from subscribers.web.locale import choose


@dataclass(frozen=True)
class Theme:
    """The looks of one installation."""

    settings: Settings
    shelf: NewsletterCache

    @property
    def folder(self) -> Path | None:
        """The installation's own page templates, if it has any."""
        folder = (self.settings.templates / "web").absolute()
        return folder if folder.is_dir() else None

    def site(self, series: NewsletterEntry | None = None) -> Site:
        """Return what pages say of where one is; works while the store is away."""
        series = series or self.shelf.seen()
        postal = self.settings.postal_address
        if series is None:
            return Site(name=parseaddr(self.settings.sender)[0], postal_address=postal)
        return Site(
            name=series.name,
            description=series.description,
            comes=series.comes,
            language=series.language,
            postal_address=postal,
        )

    def sign_up(self, front: SiteConfig, series: NewsletterEntry, source: str) -> SignupBlock:
        """Return the sign-up form for the end of a page; *source* says which."""
        language, about = choose(series.language, ""), series.about()
        return SignupBlock(
            form=form(front, about, language, source=source),
            agreed=wording(about, language),
            kept=kept_link(about, language),
        )

    def form_headers(self, policy: str = POLICY) -> dict[str, str]:
        """Return the headers of a page with a sign-up form."""
        return with_form(policy, scripted=bool(self.settings.proof_of_work))

    def message(self, page: Page) -> str:
        """Render a page of the list's; raises `TemplateBroken`."""
        site = replace(self.site(), language=page.language)
        return message_page(site, page, folder=self.folder)
