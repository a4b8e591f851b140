"""The list of mailbox providers' domains: which domains belong, and their form."""

from __future__ import annotations

from importlib.resources import files

from subscribers.address.mailbox_providers import providers
from subscribers.address.syntax import parse

LARGE = (
    "gmail.com googlemail.com free.fr laposte.net yahoo.fr yahoo.de yahoo.es yahoo.co.jp"
    " hotmail.fr hotmail.co.uk hotmail.it libero.it comcast.net btinternet.com wp.pl seznam.cz"
    " naver.com 126.com ya.ru tutanota.com hey.com t-online.de gmx.net posteo.de icloud.com qq.com"
)


def test_a_domain_of_very_many_people_is_a_provider_s() -> None:
    assert set(LARGE.split()) <= set(providers())


def test_a_company_and_a_throw_away_domain_are_none() -> None:
    assert not {"example.com", "ibm.com", "mailinator.com", "yopmail.com"} & set(providers())


def test_each_domain_is_written_as_addresses_are_compared_and_stands_once() -> None:
    text = (files("subscribers.address") / "mailbox_providers.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    names = [line.partition(": ")[0] for line in lines]
    domains = [one for line in lines for one in line.partition(": ")[2].split()]
    assert len(domains) > 500
    assert len(set(domains)) == len(domains)
    assert len(set(names)) == len(names)
    assert [one for one in domains if parse(f"a@{one}").domain != one] == []


def test_reports_name_the_largest_and_no_others() -> None:
    named = sorted({provider.name for provider in providers().values() if provider.large})
    assert named == [
        "Apple", "Comcast", "Fastmail", "Free", "GMX and WEB.DE", "Gmail", "Mail.ru", "Microsoft",
        "Naver", "NetEase", "Orange", "Proton", "T-Online", "Tencent", "Yahoo and AOL", "Yandex",
        "Zoho",
    ]  # fmt: skip
    assert providers()["mail.com"].name == "GMX and WEB.DE"
