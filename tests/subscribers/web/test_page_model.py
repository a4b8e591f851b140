"""The page model: a text for every outcome, hostile texts, and field errors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import pytest

from subscribers.address_change import AddressChangeResult
from subscribers.errors import AddressFault
from subscribers.lifecycle import ConfirmResult
from subscribers.web.address_faults import ADDRESS_FAULTS
from subscribers.web.confirm import CONFIRMED
from subscribers.web.confirm_address import MOVED
from subscribers.web.page_model import Choice, Field, Form, Page
from tests.subscribers.web.conftest import Site, render

EVIL = """"><script>alert('x')</script>&"""


@pytest.mark.parametrize(
    ("texts", "keys"),
    [(ADDRESS_FAULTS, AddressFault), (CONFIRMED, ConfirmResult), (MOVED, AddressChangeResult)],
)
def test_there_are_words_for_every_outcome(
    texts: Mapping[object, object], keys: Iterable[object]
) -> None:
    assert texts.keys() == set(keys)


def test_a_page_shows_every_text_and_trusts_none() -> None:
    page = Page(
        language="en",
        title=EVIL,
        paragraphs=[EVIL],
        fault=EVIL,
        form=Form(
            action=f"/{EVIL}",
            button=EVIL,
            hidden=((EVIL, EVIL),),
            fields=(Field(name="email", label=EVIL, kind="email", value=EVIL),),
            choices=(Choice(name="c", label=EVIL, options=[(EVIL, EVIL)], chosen=[EVIL]),),
        ),
        links=((EVIL, f"/{EVIL}"),),
        small=EVIL,
    )
    html = render(page)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 14


def test_no_page_loads_anything_from_elsewhere(site: Site) -> None:
    for path in ("/subscribe", "/subscribe/frame", "/c/bad", "/u/bad", "/p/bad", "/a/bad"):
        page = site.http.get(path).text
        assert re.findall(r'(?:src|href|action)="(?:[a-z]+:)?//', page) == []
        assert len(page.encode()) < 20_000


def test_a_fault_is_tied_to_its_field(site: Site) -> None:
    page = site.fill_in("nobody").text
    assert 'role="alert" id="fault"' in page
    assert 'aria-describedby="fault" aria-invalid="true"' in page
