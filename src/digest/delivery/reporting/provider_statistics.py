"""How an edition fared with each mailbox provider."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlmodel import Session, col

from digest.delivery.models import Batch, BatchState, Delivery, News
from subscribers.models import Subscriber

OTHERS = "Other domains"
ERASED = "Erased readers"

_PROVIDERS = {
    "Gmail": "gmail.com googlemail.com",
    "Microsoft": "outlook.com hotmail.com live.com msn.com hotmail.co.uk hotmail.fr hotmail.de"
    " hotmail.it hotmail.es outlook.de outlook.fr outlook.es outlook.it live.co.uk live.fr live.nl"
    " live.de windowslive.com passport.com",
    "Yahoo and AOL": "yahoo.com ymail.com rocketmail.com aol.com aim.com yahoo.co.uk yahoo.fr"
    " yahoo.de yahoo.es yahoo.it yahoo.ca yahoo.co.in yahoo.com.br yahoo.co.jp aol.co.uk aol.de",
    "Apple": "icloud.com me.com mac.com",
    "GMX and WEB.DE": "gmx.de gmx.net gmx.at gmx.ch gmx.com web.de mail.com",
    "Proton": "proton.me protonmail.com pm.me protonmail.ch",
    "Fastmail": "fastmail.com fastmail.fm",
    "T-Online": "t-online.de magenta.de",
    "Orange": "orange.fr wanadoo.fr",
    "Free": "free.fr",
    "Comcast": "comcast.net",
    "Zoho": "zoho.com zohomail.com",
    "Yandex": "yandex.ru yandex.com ya.ru",
    "Mail.ru": "mail.ru bk.ru inbox.ru list.ru",
    "Tencent": "qq.com foxmail.com",
    "NetEase": "163.com 126.com yeah.net",
    "Naver": "naver.com",
}
_BY_DOMAIN = {domain: name for name, all_ in _PROVIDERS.items() for domain in all_.split()}


def mailbox_provider(domain: str | None) -> str:
    """Name the provider behind a domain in lower case; ``None`` stands for an erased reader."""
    return ERASED if domain is None else _BY_DOMAIN.get(domain, OTHERS)


@dataclass(frozen=True, kw_only=True)
class ProviderStatistics:
    """Readers with one mailbox provider."""

    name: str
    accepted: int = 0
    delivered: int = 0
    deferred: int = 0
    bounced: int = 0
    blocked: int = 0
    dropped: int = 0
    complained: int = 0

    @property
    def complaint_rate(self) -> float | None:
        """Complaints by delivered mails; ``None`` where none was delivered."""
        return self.complained / self.delivered if self.delivered else None


def count_by_mailbox_provider(session: Session, edition_id: int) -> tuple[ProviderStatistics, ...]:
    """Count standings of what was accepted by mailbox provider, the largest first."""
    tally: dict[str, Counter[str]] = defaultdict(Counter)
    domain = _domain(session)
    rows = session.connection().execute(
        select(domain, col(Delivery.news), func.count())
        .select_from(Batch)
        .join(
            Delivery, col(Delivery.id).between(col(Batch.first_delivery), col(Batch.last_delivery))
        )
        .join(Subscriber, col(Subscriber.id) == col(Delivery.subscriber_id), isouter=True)
        .where(
            col(Batch.edition_id) == edition_id,
            col(Batch.state) == BatchState.ACCEPTED,
            col(Delivery.edition_id) == edition_id,
            col(Delivery.outcome).is_(None),
        )
        .group_by(domain, col(Delivery.news))
    )
    for of, news, number in rows:
        mine = tally[mailbox_provider(of)]
        mine["accepted"] += number
        if news is not None and news is not News.PROCESSED:
            mine[str(news)] += number
        if news is News.COMPLAINED:
            mine["delivered"] += number
    found = [ProviderStatistics(name=name, **numbers) for name, numbers in tally.items()]
    return tuple(sorted(found, key=lambda each: (-each.accepted, each.name)))


def _domain(session: Session) -> ColumnElement[Any]:
    key = col(Subscriber.address_key)
    if session.get_bind().dialect.name == "sqlite":
        return func.substr(key, func.instr(key, "@") + 1)
    return func.split_part(key, "@", 2)
