"""Personalization: the links that belong to one reader."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from digest.delivery.sending.personalization import recipient_builder, vote_part_maker
from digest.issues.picking import MOST
from digest.mail.mailing import Recipient, vote_tag
from digest.votes import copy_signer, read_vote_token
from subscribers.tokens import Purpose, Tokens

TOKENS = Tokens(["a secret for tests only, long enough"])
BASE = "https://news.example.com"
A_READER = [(7, 3, "reader@example.org")]


def test_one_click_and_the_footer_lead_to_the_same_place() -> None:
    reader = recipient_builder("weekly", base_url=BASE, tokens=TOKENS)(A_READER)[0]
    token = reader.parts["-digest_unsubscribe_token-"]
    assert reader.headers == {
        "List-Unsubscribe": f"<{BASE}/u/{token}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert TOKENS.read(Purpose.UNSUBSCRIBE, token) == "3:weekly"


def test_an_address_to_write_to_comes_second() -> None:
    make = recipient_builder("weekly", base_url=BASE, tokens=TOKENS, mailto="leave@example.com")
    first, second = make(A_READER)[0].headers["List-Unsubscribe"].split(", ")
    assert first.startswith(f"<{BASE}/u/")
    assert second.startswith("<mailto:leave@example.com?subject=unsubscribe%20")


def test_a_link_tells_nothing_of_the_address() -> None:
    reader = recipient_builder("weekly", base_url=BASE, tokens=TOKENS)(A_READER)[0]
    assert "reader" not in str(reader.parts) + str(reader.headers)


def voter(*comparison_ids: int, parts: tuple[str, ...], subscriber: int = 3) -> Recipient:
    sign = copy_signer(TOKENS, 9, datetime(2026, 11, 24, 9, tzinfo=UTC))
    votes = vote_part_maker(sign, comparison_ids, *parts)
    make = recipient_builder("weekly", base_url=BASE, tokens=TOKENS, vote_parts=votes)
    return make([(7, subscriber, "reader@example.org")])[0]


def test_each_comparison_has_a_token_of_its_own_to_vote() -> None:
    reader = voter(41, 42, parts=(f"/v/{vote_tag(1)}/lathe/ship", f"/v/{vote_tag(2)}"))
    now = datetime(2026, 11, 25, tzinfo=UTC)
    first, second = (
        read_vote_token(TOKENS, reader.parts[vote_tag(place)], now, days=60) for place in (1, 2)
    )

    assert (first.subscriber_id, first.comparison_id, first.edition_id) == (3, 41, 9)
    assert second.comparison_id == 42


def test_only_tags_that_stand_in_the_mail_are_signed() -> None:
    assert voter(41, 42, parts=("an old mail",)).parts.keys() == {
        "-digest_unsubscribe_token-",
        "-digest_preferences_token-",
    }
    assert vote_tag(1) not in voter(41, 42, parts=(vote_tag(2), vote_tag(12))).parts


def test_the_most_comparisons_stay_far_below_what_a_provider_substitutes() -> None:
    """SendGrid replaces at most 10,000 bytes a recipient."""
    tags = "".join(vote_tag(place) for place in range(1, MOST + 1))
    reader = voter(*range(10**9, 10**9 + MOST), parts=(tags,), subscriber=10**12)

    assert len(reader.parts) == MOST + 2
    assert len(orjson.dumps(reader.parts)) < 2_500
