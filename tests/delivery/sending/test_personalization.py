"""Personalization: the links that belong to one reader."""

from __future__ import annotations

from digest.delivery.sending.personalization import recipient_builder
from subscribers.tokens import Purpose, Tokens

TOKENS = Tokens(["a secret for tests only, long enough"])
BASE = "https://news.example.com"


def test_one_click_and_the_footer_lead_to_the_same_place() -> None:
    reader = recipient_builder("weekly", base_url=BASE, tokens=TOKENS)(7, 3, "reader@example.org")
    token = reader.parts["-digest_unsubscribe_token-"]
    assert reader.headers == {
        "List-Unsubscribe": f"<{BASE}/u/{token}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert TOKENS.read(Purpose.UNSUBSCRIBE, token) == "3:weekly"


def test_an_address_to_write_to_comes_second() -> None:
    make = recipient_builder("weekly", base_url=BASE, tokens=TOKENS, mailto="leave@example.com")
    first, second = make(7, 3, "reader@example.org").headers["List-Unsubscribe"].split(", ")
    assert first.startswith(f"<{BASE}/u/")
    assert second.startswith("<mailto:leave@example.com?subject=unsubscribe%20")


def test_a_link_tells_nothing_of_the_address() -> None:
    reader = recipient_builder("weekly", base_url=BASE, tokens=TOKENS)(7, 3, "reader@example.org")
    assert "reader" not in str(reader.parts) + str(reader.headers)
