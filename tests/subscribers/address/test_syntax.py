"""Address syntax: accepted and refused addresses, limits in octets, and spellings."""

from __future__ import annotations

from contextlib import suppress

import pytest
from email_validator import validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from subscribers.address.syntax import MAX_OCTETS, mailbox, parse, wire
from subscribers.errors import AddressFault, BadAddress

TAKEN = [  # given, key
    ("reader@example.com", "reader@example.com"),
    ("  reader@example.com\r\n", "reader@example.com"),
    ("Reader.Name+ai@Example.COM", "reader.name+ai@example.com"),
    ("o'brien@example.org", "o'brien@example.org"),
    ("a@b.co", "a@b.co"),
    ("a@b.c", "a@b.c"),
    ("!#$%&'*+/=?^_`{|}~-@example.net", "!#$%&'*+/=?^_`{|}~-@example.net"),
    ("1234567890@example.com", "1234567890@example.com"),
    ("reader@sub.domain.example.com", "reader@sub.domain.example.com"),
    ("reader@3com-like.example", "reader@3com-like.example"),
    ("reader@münchen.de", "reader@xn--mnchen-3ya.de"),
    ("reader@faß.de", "reader@xn--fa-hia.de"),
    ("reader@例え.テスト", "reader@xn--r8jz45g.xn--zckzah"),
    ("reader@xn--mnchen-3ya.de", "reader@xn--mnchen-3ya.de"),
    ("reader@bücher。example", "reader@xn--bcher-kva.example"),
]

REFUSED = [
    ("", AddressFault.EMPTY),
    (" \t ", AddressFault.EMPTY),
    ("reader", AddressFault.NO_AT),
    ("reader.example.com", AddressFault.NO_AT),
    ("reader@work@example.com", AddressFault.MANY_AT),
    ("@example.com", AddressFault.LOCAL),
    ("reader@", AddressFault.DOMAIN),
    ("reader@example", AddressFault.DOMAIN),
    ("reader name@example.com", AddressFault.HIDDEN),
    ("reader@exam ple.com", AddressFault.HIDDEN),
    ("reader\x00@example.com", AddressFault.HIDDEN),
    ("reader@example.com\x00", AddressFault.HIDDEN),
    ("reader@example.com\nBcc: other@example.com", AddressFault.HIDDEN),
    ("reader@example.com\u2028", AddressFault.HIDDEN),
    ("rea\u200bder@example.com", AddressFault.HIDDEN),
    ("\u202ereader@example.com", AddressFault.HIDDEN),
    ("reader\ud800@example.com", AddressFault.HIDDEN),
    ("reader\ue000@example.com", AddressFault.HIDDEN),
    ("\ufeffreader@example.com", AddressFault.HIDDEN),
    ('"reader"@example.com', AddressFault.QUOTED),
    ('"rea@der"@example.com', AddressFault.QUOTED),
    ("reader@[192.0.2.1]", AddressFault.LITERAL),
    ("reader@[IPv6:2001:db8::1]", AddressFault.LITERAL),
    ("reader@192.0.2.1", AddressFault.DOMAIN),
    ("lesér@example.com", AddressFault.ACCENTED),
    ("用户@example.com", AddressFault.ACCENTED),
    ("\u212areader@example.com", AddressFault.ACCENTED),  # the Kelvin sign becomes K in form C
    (".reader@example.com", AddressFault.DOT),
    ("reader.@example.com", AddressFault.DOT),
    ("rea..der@example.com", AddressFault.DOT),
    ("reader@.example.com", AddressFault.DOT),
    ("reader@example..com", AddressFault.DOT),
    ("reader@example.com..", AddressFault.DOT),
    ("rea(comment)der@example.com", AddressFault.LOCAL),
    ("rea,der@example.com", AddressFault.LOCAL),
    ("rea;der@example.com", AddressFault.LOCAL),
    ("rea\\der@example.com", AddressFault.LOCAL),
    ("Reader<reader@example.com>", AddressFault.LOCAL),
    ("reader@exam_ple.com", AddressFault.DOMAIN),
    ("reader@-example.com", AddressFault.DOMAIN),
    ("reader@example-.com", AddressFault.DOMAIN),
    ("reader@ab--cd.com", AddressFault.DOMAIN),
    ("reader@xn--.com", AddressFault.DOMAIN),
    ("reader@xn--zzzzzzzz.com", AddressFault.DOMAIN),
    ("reader@example.123", AddressFault.DOMAIN),
    ("reader@☃.com", AddressFault.DOMAIN),
    ("reader@\u0301example.com", AddressFault.DOMAIN),
    ("reader@example.com>", AddressFault.DOMAIN),
    ("reader@exa%6dple.com", AddressFault.DOMAIN),
    ("reader@example.invalid", AddressFault.RESERVED),
    ("reader@example.test", AddressFault.RESERVED),
    ("reader@printer.local", AddressFault.RESERVED),
    ("reader@1.2.0.192.in-addr.arpa", AddressFault.RESERVED),
    ("reader@hidden.ONION", AddressFault.RESERVED),
    ("root@localhost", AddressFault.RESERVED),
]


@pytest.mark.parametrize(("text", "key"), TAKEN)
def test_H01_a_good_address_is_taken_and_survives_a_second_reading(text: str, key: str) -> None:
    address = parse(text)
    assert address.key == key
    assert parse(address.text) == address
    assert parse(address.text).text == address.text


@pytest.mark.parametrize(("text", "fault"), REFUSED)
def test_H01_what_the_policy_forbids_is_refused_with_its_reason(
    text: str, fault: AddressFault
) -> None:
    with pytest.raises(BadAddress) as caught:
        parse(text)
    assert caught.value.fault is fault
    assert "reader" not in str(caught.value)


def test_H05_sixty_four_octets_before_the_at_are_the_limit() -> None:
    assert parse("a" * 64 + "@example.com").text
    with pytest.raises(BadAddress, match="64"):
        parse("a" * 65 + "@example.com")


def test_H05_sixty_three_octets_a_label_are_the_limit() -> None:
    assert parse(f"a@{'b' * 63}.com").text
    with pytest.raises(BadAddress, match="63"):
        parse(f"a@{'b' * 64}.com")


def test_H05_two_hundred_and_fifty_four_octets_are_the_limit() -> None:
    labels = ".".join(["b" * 61] * 3)
    longest = f"{'a' * 64}@{labels}.com"
    assert len(longest) == MAX_OCTETS
    assert parse(longest).text == longest
    with pytest.raises(BadAddress, match="254"):
        parse(f"{'a' * 64}@b{labels}.com")


def test_H05_octets_count_in_the_form_given_and_in_ascii() -> None:
    with pytest.raises(BadAddress, match="254"):
        parse(f"a@{'.'.join(['ü' * 40] * 4)}.de")


def test_H08_a_very_long_address_is_refused_before_anything_costly_looks_at_it() -> None:
    with pytest.raises(BadAddress, match="254"):
        parse("a@" + "\u0661" * 1_000_000 + ".com")


@pytest.mark.parametrize(
    "same",
    [
        ("Reader@example.com", "reader@EXAMPLE.com"),
        ("reader@münchen.de", "reader@XN--MNCHEN-3YA.de"),
        ("reader@münchen.de", "reader@MÜNCHEN.DE"),
        ("reader@example.com", "reader@example.com."),
        ("reader@m\u00fcnchen.de", "reader@mu\u0308nchen.de"),
        ("reader@bücher.example", "reader@bücher。example"),
    ],
)
def test_G05_two_spellings_of_one_mailbox_have_one_key(same: tuple[str, str]) -> None:
    first, second = (parse(text) for text in same)
    assert first == second
    assert hash(first) == hash(second)


def test_an_address_keeps_the_case_it_was_given_with() -> None:
    assert parse("Reader@Example.com").text == "Reader@Example.com"


def test_names_for_tests_are_let_in_only_where_asked_for() -> None:
    assert parse("reader@inbox.test", test_names=True).domain == "inbox.test"
    with pytest.raises(BadAddress):
        parse("reader@inbox.invalid", test_names=True)


def test_a_provider_gets_the_domain_in_ascii_and_the_local_part_as_given() -> None:
    assert parse("Reader@münchen.de").wire == "Reader@xn--mnchen-3ya.de"
    assert wire("Reader@Example.com") == "Reader@Example.com"


@pytest.mark.parametrize(
    ("spelling", "other", "same"),
    [
        ("ann+news@example.com", "ANN@Example.com", True),
        ("ann+a+b@example.com", "ann+c@example.com", True),
        ("a.n.n+x@gmail.com", "ann@googlemail.com", True),
        ("ann@gmail.com.", "Ann+1@GoogleMail.com", True),
        ("a.nn@example.com", "ann@example.com", False),
        ("ann@example.com", "ann@example.org", False),
        ("+a@example.com", "+b@example.com", False),
        ("ann-news@example.com", "ann@example.com", False),
    ],
)
def test_spellings_of_one_mailbox_are_known_for_one(spelling: str, other: str, same: bool) -> None:
    assert (mailbox(parse(spelling).key) == mailbox(parse(other).key)) is same


def test_I10_no_address_is_in_its_repr() -> None:
    assert "reader" not in repr(parse("reader@example.com"))


PIECES = st.sampled_from(
    ["a", "B", "9", "-", "--", ".", "_", "+", "'", "@", "xn--", "test", "onion", "com", "é", "。"]
)


@settings(max_examples=600)
@given(st.lists(PIECES, min_size=1, max_size=12).map("".join))
def test_H01_nothing_is_taken_that_the_library_refuses(text: str) -> None:
    try:
        address = parse(text)
    except BadAddress:
        return
    known = validate_email(address.text, check_deliverability=False, strict=True)
    assert known.ascii_email is not None
    assert known.ascii_email.lower() == address.key


@settings(max_examples=400)
@given(st.text(max_size=300))
def test_H02_any_text_is_an_address_or_refused(text: str) -> None:
    with suppress(BadAddress):
        assert parse(text).key.isascii()
