"""Choose the templates of the site's pages, and the site's name and language on each page.

This module hides where templates come from: the installation's own folder, else the package.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from email.utils import parseaddr
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from digest.render.brand import Font
from digest.render.pages import SignupBlock, Site, message_page
from digest.settings import Settings
from digest.web.newsletter_cache import NewsletterCache, NewsletterEntry
from digest.web.security_headers import POLICY, cacheable_headers
from subscribers.locale import choose
from subscribers.web import SCRIPTED, Page, SiteConfig, form, kept_link, wording


@dataclass(frozen=True)
class Theme:
    """The page theme of one installation."""

    settings: Settings
    newsletters: NewsletterCache

    @property
    def folder(self) -> Path | None:
        """The folder of the installation's own page templates; ``None`` where there is none."""
        folder = (self.settings.templates / "web").absolute()
        return folder if folder.is_dir() else None

    def site(self, entry: NewsletterEntry | None = None, *, path: str = "") -> Site:
        """Return the site's name, language and address for a page's head and foot.

        Without *entry* the site's one newsletter counts, and where it has several, the sender's
        name; works while the database is unreachable. *path* is the page's own, where search
        engines may list it.
        """
        entry = entry or self.newsletters.only_one()
        postal = self.settings.postal_address
        address = self.settings.base_url + path if path else ""
        if entry is None:
            name = parseaddr(self.settings.sender)[0]
            return Site(name=name, postal_address=postal, address=address)
        return Site(
            address=address,
            name=entry.name,
            description=entry.description,
            comes=entry.comes,
            language=entry.language,
            postal_address=entry.postal_address or postal,
            accent=entry.accent.removeprefix("#"),
            font="" if entry.font is Font.CLASSIC else entry.font.value,
            logo=entry.logo,
            archive=f"/issues/{entry.slug}" if entry.public else "",
        )

    def sign_up(
        self, config: SiteConfig, entry: NewsletterEntry | None, source: str
    ) -> SignupBlock | None:
        """Return the sign-up form for the end of a page; ``None`` where there is none to show.

        *source* names the page.
        """
        if entry is None or not entry.open:
            return None
        language, info = choose(entry.language), entry.info()
        return SignupBlock(
            form=form(config, info, language, source=source),
            agreed=wording(info, language),
            kept=kept_link(info, language),
        )

    def form_headers(self, policy: str = POLICY) -> dict[str, str]:
        """Return the headers of a page with a sign-up form."""
        script = SCRIPTED if self.settings.proof_of_work else ""
        return cacheable_headers(60, by="private") | {"Content-Security-Policy": policy + script}

    def message(self, page: Page) -> str:
        """Render a page of the subscribers package; raises `TemplateBroken`."""
        entry = self._entry(page.newsletter) if page.newsletter else None
        site = replace(self.site(entry), language=page.language)
        return message_page(site, page, folder=self.folder)

    def _entry(self, slug: str) -> NewsletterEntry | None:
        try:
            return self.newsletters.entries().get(slug)
        except SQLAlchemyError:  # a reader can unsubscribe without seeing the name
            return None
