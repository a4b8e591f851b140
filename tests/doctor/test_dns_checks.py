"""DNS checks: the SPF, DKIM and DMARC records of a sender."""

from __future__ import annotations

from collections.abc import Sequence

from digest.doctor.dns_checks import Resolve, is_reserved, look_up, records
from digest.mail.sendgrid import sendgrid_provider

DMARC = "v=DMARC1; p=reject"
PROVIDER = sendgrid_provider(api_key=None, url="https://api.sendgrid.com", seconds=1)


def answers(**known: Sequence[str]) -> Resolve:
    return lambda name, kind: known.get(f"{name} {kind}".replace(".", "_").replace(" ", "__"), [])


def test_the_records_can_be_copied() -> None:
    needed = {
        (record.what, record.name, record.type) for record in records(PROVIDER, "mill-lane.eu")
    }
    assert ("DMARC", "_dmarc.mill-lane.eu", "TXT") in needed
    assert ("DKIM", "s1._domainkey.mill-lane.eu", "CNAME") in needed


def test_what_is_set_is_fine_and_what_is_not_is_reported() -> None:
    known = answers(_dmarc_mill_lane_eu__TXT=[DMARC], s1__domainkey_mill_lane_eu__CNAME=["x."])
    checked = look_up(PROVIDER, "mill.lane.eu", known)
    assert [(record.what, record.fine) for record in checked] == [
        ("SPF", None),
        ("DKIM", True),
        ("DKIM", False),
        ("DMARC", True),
    ]


def test_a_domain_without_a_policy_has_its_parents() -> None:
    checked = look_up(PROVIDER, "news.mill.eu", answers(_dmarc_mill_eu__TXT=[DMARC]))
    assert checked[-1].fine
    assert checked[-1].found == (DMARC,)


def test_without_a_resolver_nothing_is_claimed() -> None:
    assert {record.fine for record in look_up(PROVIDER, "mill.eu", lambda _name, _kind: None)} == {
        None
    }


def test_domains_made_for_examples_are_known() -> None:
    assert is_reserved("news.example.com")
    assert not is_reserved("notexample.com")
