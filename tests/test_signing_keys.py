"""Signing keys: rotated, leaked and short secrets."""

from __future__ import annotations

from typing import Any

import pytest

from digest import signing_keys
from digest.errors import BadSetting
from digest.settings import Settings
from subscribers.errors import BadToken
from subscribers.tokens import Hashes, Purpose, Tokens

NEW, OLD, LEAKED = (letter * 32 for letter in "nol")


def settings(**chosen: Any) -> Settings:
    return Settings(**({"secret": NEW} | chosen))


def test_an_earlier_secret_s_links_go_on_working() -> None:
    link = Tokens([OLD]).sign(Purpose.UNSUBSCRIBE, "1:weekly")
    reading = Tokens(signing_keys.signing(settings(old_secrets=f" {OLD} ,")))
    assert reading.read(Purpose.UNSUBSCRIBE, link) == "1:weekly"


def test_a_leaked_secret_s_links_stop_and_its_hashes_stay_known() -> None:
    chosen = settings(old_secrets=f"{OLD},{LEAKED}", leaked_secrets=LEAKED)
    link = Tokens([LEAKED]).sign(Purpose.PREFERENCES, "1:weekly")
    with pytest.raises(BadToken):
        Tokens(signing_keys.signing(chosen)).read(Purpose.PREFERENCES, link)
    known_by = Hashes([LEAKED]).first("gone@example.org")
    assert known_by in Hashes(signing_keys.hashing(chosen)).every("gone@example.org")


def test_a_leaked_secret_signs_nothing() -> None:
    with pytest.raises(BadSetting, match="among DIGEST_LEAKED_SECRETS"):
        signing_keys.signing(settings(leaked_secrets=NEW))


def test_a_short_secret_is_named_and_not_shown() -> None:
    with pytest.raises(BadSetting, match="shorter than 32") as fault:
        signing_keys.signing(settings(secret="short and secret"))
    assert "short and secret" not in str(fault.value)
