"""Decide what the settings allow on the public site: what it shows, takes and keeps."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from digest.app.resources import Resources
from digest.directory import PublicTerms
from digest.errors import BadSetting
from subscribers.abuse_prevention import RateLimits
from subscribers.retention import RetentionPeriods
from subscribers.signup import process_all


@dataclass(frozen=True)
class SiteTerms:
    """The terms on which an installation shows comparisons, takes sign-ups and keeps data."""

    resources: Resources

    @property
    def comparisons(self) -> PublicTerms:
        """The terms on which a comparison is public at this moment."""
        with_issue = self.resources.settings.comparisons_public == "issue"
        return PublicTerms(now=self.resources.clock(), with_issue=with_issue)

    @cached_property
    def rate_limits(self) -> RateLimits:
        """The rate limits of sign-ups and letters."""
        settings, defaults = self.resources.settings, RateLimits()
        return RateLimits(
            address=replace(
                defaults.address, count=settings.letters_per_day, monthly=settings.letters_per_month
            ),
            domain=replace(defaults.domain, count=settings.sign_ups_per_domain),
            provider=replace(defaults.provider, count=settings.sign_ups_per_provider),
            network=replace(defaults.network, count=settings.sign_ups_per_network),
            everyone=replace(defaults.everyone, count=settings.sign_ups_in_all),
        )

    @cached_property
    def disposable(self) -> frozenset[str]:
        """The domains of throwaway addresses; raises `BadSetting`."""
        lines = listed_lines(
            "DIGEST_DISPOSABLE_DOMAINS", self.resources.settings.disposable_domains
        )
        return frozenset(line.strip().lower() for line in lines if line.strip())

    @cached_property
    def trusted_proxies(self) -> list[IPv4Network | IPv6Network]:
        """The networks of the proxies that may name a visitor; raises `BadSetting`."""
        return [_proxy(text) for text in split_setting(self.resources.settings.trusted_proxies)]

    @cached_property
    def api_origins(self) -> list[str]:
        """The origins whose pages may call the API; raises `BadSetting`."""
        return [_origin(text) for text in split_setting(self.resources.settings.api_origins)]

    @cached_property
    def retention(self) -> RetentionPeriods:
        """The retention periods of readers' data, in days."""
        settings = self.resources.settings
        return RetentionPeriods(
            pending=settings.pending_days,
            networks=settings.network_days,
            evidence=settings.evidence_days,
        )

    def process_sign_ups(self) -> int:
        """Process sign-ups that an earlier process recorded only, and return how many."""
        return process_all(self.resources.database, self.resources.hashes, self.rate_limits.address)


def split_setting(setting: str) -> list[str]:
    """Return the parts of a comma-separated setting, without the empty ones."""
    return [part.strip() for part in setting.split(",") if part.strip()]


def _proxy(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise BadSetting(f"DIGEST_TRUSTED_PROXIES: {text} is no network like 10.0.0.0/8") from None


def _origin(text: str) -> str:
    if re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", text):
        return text
    raise BadSetting(
        f"DIGEST_API_ORIGINS: {text} is no origin",
        next_step="write each as a page of it would send it, such as https://www.example.com",
    )


def listed_lines(setting: str, path: Path | None) -> list[str]:
    """Return the lines of the file that a setting names, none for no file; raises `BadSetting`."""
    if path is None:
        return []
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as fault:
        raise BadSetting(
            f"{setting}: {path}: {fault.strerror}",
            next_step=f"let Digest read this file, or name another in {setting}",
        ) from None
    except UnicodeDecodeError as fault:
        number = fault.object[: fault.start].count(b"\n") + 1
        raise BadSetting(
            f"{setting}, line {number}: {path} isn't text in UTF-8",
            next_step="save the file as plain text in UTF-8",
        ) from None
