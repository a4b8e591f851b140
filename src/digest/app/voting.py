"""Decide what the settings say of votes: which count, what is shown, what is left of the erased."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network

from sqlalchemy.orm import Session

from digest.app.public_site import SiteTerms, listed_lines
from digest.app.resources import Resources
from digest.delivery.copy_arrival import copy_arrivals
from digest.delivery.erasure import erase
from digest.errors import BadSetting
from digest.votes import VoteTerms, erase_voter, judge_waiting, nothing_known, purge_votes


@dataclass(frozen=True)
class Voting:
    """The terms on which an installation takes votes."""

    resources: Resources
    site: SiteTerms

    @cached_property
    def terms(self) -> VoteTerms:
        """How votes are counted; raises `BadSetting`."""
        return VoteTerms(
            hashes=self.resources.hashes,
            disposable=self.site.disposable,
            scanners=self.scanners,
            delivered=copy_arrivals if self._hears_of_mail() else nothing_known,
        )

    @cached_property
    def scanners(self) -> list[IPv4Network | IPv6Network]:
        """The networks that scan mail; raises `BadSetting`."""
        lines = listed_lines("DIGEST_SCANNER_NETWORKS", self.resources.settings.scanner_networks)
        texts = (line.partition("#")[0].strip() for line in lines)
        return [_network(text, number) for number, text in enumerate(texts, start=1) if text]

    @property
    def shown_from(self) -> int:
        """The number of votes from which a share is shown."""
        return self.resources.settings.votes_shown_from

    @property
    def days(self) -> int:
        """How many days a link to vote may be used."""
        return self.resources.settings.vote_days

    @property
    def keep_erased(self) -> bool:
        """Whether an erased reader's votes stay, without a person."""
        return self.resources.settings.votes_of_erased == "keep"

    def judge(self) -> int:
        """Judge the votes whose copies there is news of; return how many wait no longer."""
        with self.resources.database.write() as session:
            return judge_waiting(session, self.terms, self.resources.clock())

    def purge(self) -> int:
        """Delete what is kept of voters for some days; return how many became nobody."""
        days = self.resources.settings.network_days
        return purge_votes(self.resources.database, self.resources.clock(), network_days=days)

    def erase_reader(self, session: Session, subscriber_id: int, address: str) -> None:
        """Erase a reader from deliveries, events, notes and votes; the caller commits."""
        erase(session, subscriber_id, address)
        now = self.resources.clock()
        erase_voter(session, subscriber_id, keep=self.keep_erased, now=now)

    def _hears_of_mail(self) -> bool:
        """Return whether events tell of the mail that is sent; raises `BadSetting`."""
        if self.resources.outbox_folder is not None or not self.resources.provider.posts_events:
            return False
        return bool(self.resources.settings.webhook_key_list())


def _network(text: str, number: int) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        why = "is no network"
    else:
        if "/" not in text or text.partition("/")[0] == str(network.network_address):
            return network
        why = f"isn't where a network begins: did you mean {network}?"
    raise BadSetting(
        f"DIGEST_SCANNER_NETWORKS, line {number}: {text} {why}",
        next_step="write one network a line, such as 192.0.2.0/24 or 2001:db8::/32; what follows #"
        " is a comment",
    )
