"""Whose mailbox an address is in, as far as its domain tells.

A company that has its mail kept by one of these under a domain of its own isn't seen from here.
"""

from __future__ import annotations

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


def provider_of(domain: str | None) -> str:
    """Name the provider behind a domain in lower case; ``None`` stands for an erased reader."""
    return ERASED if domain is None else _BY_DOMAIN.get(domain, OTHERS)
