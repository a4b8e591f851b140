"""Link tokens: each link names its purpose, and a wrong payload is refused."""

from __future__ import annotations

from datetime import datetime

import pytest

from subscribers.errors import BadToken
from subscribers.tokens import DatedTarget, Links, LinkTarget, Purpose, Tokens, address_mark

WHO = LinkTarget(17, "weekly")


@pytest.fixture
def links(tokens: Tokens) -> Links:
    return Links("https://news.example.com", tokens)


def token(url: str) -> str:
    return url.rpartition("/")[2]


def test_every_link_says_what_it_was_made_for(links: Links, now: datetime) -> None:
    asked = DatedTarget(*WHO, now)
    assert links.read_unsubscribe(token(links.unsubscribe(WHO))) == WHO
    own = links.read_preferences(token(links.preferences(WHO, "ada@example.org")))
    assert own == (WHO, address_mark("ada@example.org"))
    assert links.read_confirm(token(links.confirm(asked))) == asked
    assert links.read_returning(links.returning(asked)) == asked
    assert links.read_change(token(links.change(5, now))) == (5, now)


@pytest.mark.parametrize("subject", ["", ":", "x:weekly", "17", "17:", "-1:weekly", "17:weekly:x"])
def test_a_well_signed_token_that_says_something_else_is_refused(
    links: Links, tokens: Tokens, subject: str
) -> None:
    with pytest.raises(BadToken):
        links.read_confirm(tokens.sign(Purpose.CONFIRM, subject))


def test_I10_the_secret_is_not_in_the_repr(links: Links) -> None:
    assert "Tokens" not in repr(links)
