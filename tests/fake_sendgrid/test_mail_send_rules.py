"""The rules of Mail Send: each violation with its field, and what lenient mode accepts."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.fake_sendgrid.mail_send_rules import check
from digest.fake_sendgrid.mail_send_rules.fields import RESERVED, is_address
from tests.fake_sendgrid.bodies import make_body

NOW = 1_796_000_000


def fields(body: Any, **options: Any) -> list[str | None]:
    return [problem.field for problem in check(body, now=NOW, **options)]


def changed(personalization: dict[str, Any], **shared: Any) -> dict[str, Any]:
    """A body with one reader, whose personalization is changed."""
    body = make_body(**shared)
    body["personalizations"][0] |= personalization
    return body


def test_a_body_that_is_in_order_is_taken() -> None:
    assert check(make_body(readers=1000), now=NOW) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"from": None}, "from"),
        ({"from": {"email": "nobody"}}, "from.email"),
        ({"from": {"email": "bücher@example.org"}}, "from.email"),
        ({"subject": None}, "subject"),
        ({"subject": ""}, "subject"),
        ({"content": None}, "content"),
        ({"content": [{"type": "text/plain", "value": ""}]}, "content.0.value"),
        ({"content": [{"type": "text/plain; charset=utf-8", "value": "x"}]}, "content.0.type"),
        ({"personalizations": None}, "personalizations"),
        ({"personalizations": []}, "personalizations"),
        ({"personalizations": ["x"]}, "personalizations.0"),
        ({"headers": {"x-sg-id": "1"}}, "headers.x-sg-id"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "headers"),
        ({"headers": {"X A": "1"}}, "headers"),
        ({"headers": {"X-A": "a\r\nBcc: b@example.org"}}, "headers.X-A"),
        ({"headers": {"X-A": "grüße"}}, "headers.X-A"),
        ({"categories": ["weekly"] * 2}, "categories"),
        ({"categories": ["übersicht"]}, "categories.0"),
        ({"categories": [str(n) for n in range(11)]}, "categories"),
        (
            {"reply_to": {"email": "a@b.org"}, "reply_to_list": [{"email": "a@b.org"}]},
            "reply_to_list",
        ),
        ({"send_at": NOW + 72 * 3600 + 1}, "send_at"),
        ({"send_at": "soon"}, "send_at"),
        ({"batch_id": 7}, "batch_id"),
        ({"asm": {"group_id": "7"}}, "asm.group_id"),
        ({"ip_pool_name": "x"}, "ip_pool_name"),
        ({"mail_settings": {"sandbox_mode": {"enable": "true"}}}, "mail_settings.sandbox_mode"),
        ({"mail_settings": {"bcc": {}}}, "mail_settings.bcc"),
        ({"attachments": [{"content": "eA==", "filename": "a;b"}]}, "attachments.0.filename"),
        ({"sections": {}}, "sections"),
        ({"custom_args": {"a": "x" * 10_000}}, "personalizations.0.custom_args"),
    ],
)
def test_a_fault_at_the_top_level_is_named_by_its_field(change: Any, field: str) -> None:
    assert str(fields(make_body(**change))[0]).startswith(field)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"to": []}, "to"),
        ({"to": [{"email": "two@@example.org"}]}, "to.0.email"),
        ({"to": [{"email": "a@example.org", "name": "Last, First"}]}, "to.0.name"),
        ({"cc": "a@example.org"}, "cc"),
        ({"subject": ""}, "subject"),
        ({"from": {"email": "a@elsewhere.example"}}, "from"),
        ({"headers": {"Reply-To": "a@example.org"}}, "headers.Reply-To"),
        ({"substitutions": {"-a-": "x" * 10_000}}, "substitutions"),
        ({"dynamic_template_data": {}}, "dynamic_template_data"),
        ({"send_at": True}, "send_at"),
        ({"suject": "x"}, "suject"),
    ],
)
def test_a_fault_in_a_personalization_is_named_with_its_place(change: Any, field: str) -> None:
    assert fields(changed(change))[0] == f"personalizations.0.{field}"


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_reserved_header_is_refused_in_any_case(name: str) -> None:
    assert fields(make_body(headers={name.upper(): "x"})) == [f"headers.{name.upper()}"]


@pytest.mark.parametrize("value", [1, None, True, ["x"], {"a": "b"}])
@pytest.mark.parametrize("place", ["substitutions", "custom_args"])
def test_a_value_that_is_not_text_gets_the_cryptic_answer_alone(place: str, value: Any) -> None:
    body = changed({place: {"-a-": value}, "to": [{"email": "nobody"}]})
    assert [tuple(problem) for problem in check(body, now=NOW)] == [("Bad Request", None, None)]


def test_the_bad_recipient_is_named_by_its_place_in_the_order_sent() -> None:
    body = make_body(readers=1000)
    body["personalizations"][437]["to"][0]["email"] = "not an address"
    assert fields(body) == ["personalizations.437.to.0.email"]


def test_several_bad_recipients_are_named_at_once() -> None:
    body = make_body("a@example.org", "nobody", "b@example.org", "@")
    assert fields(body) == ["personalizations.1.to.0.email", "personalizations.3.to.0.email"]


def test_only_the_first_duplicate_is_named_with_the_documented_text() -> None:
    twice = [{"email": "X@example.org"}, {"email": "x@EXAMPLE.org"}, {"email": "x@example.org"}]
    (problem,) = check(changed({"to": twice}), now=NOW)
    assert problem.field == "personalizations.0"
    assert problem.message == (
        "Each email address in the personalization block should be unique between to, cc, and bcc."
        " We found the first duplicate instance of [x@EXAMPLE.org] in the personalizations.0.to"
        " field."
    )


def test_a_duplicate_across_personalizations_is_refused_unless_lenient() -> None:
    body = make_body("a@example.org", "b@example.org", "A@example.org")
    assert fields(body) == ["personalizations.2"]
    assert fields(body, lenient=True) == []


def test_copies_count_as_recipients_of_the_request() -> None:
    copies = [{"email": f"c{n}@example.org"} for n in range(1000)]
    assert fields(changed({"cc": copies})) == ["personalizations"]
    assert fields(changed({"cc": copies[1:]})) == []


def test_custom_arguments_are_measured_after_merging() -> None:
    body = changed({"custom_args": {"own": "x" * 6000}}, custom_args={"shared": "y" * 6000})
    assert fields(body) == ["personalizations.0.custom_args"]


def test_html_must_not_come_before_text() -> None:
    body = make_body()
    body["content"].reverse()
    assert fields(body) == ["content"]


def test_the_top_level_subject_may_be_left_out_when_everyone_has_their_own() -> None:
    assert fields(changed({"subject": "Own"}, subject=None)) == []


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("o'brien+tag@mail.example.org", True),
        ("a@xn--bcher-kva.example", True),
        (f"{'a' * 64}@example.org", True),
        (f"{'a' * 65}@example.org", False),
        (".a@example.org", False),
        ("a..b@example.org", False),
        ("a@localhost", False),
        ("a@-x.org", False),
        ("a@1.2.3.4", False),
        ("a@example.org\n", False),
        ("a b@example.org", False),
        ("bücher@example.org", False),
    ],
)
def test_addresses_are_judged_by_their_form(address: str, taken: bool) -> None:
    assert is_address(address, lenient=False) is taken


def test_lenient_takes_unicode_addresses_but_nothing_broken() -> None:
    assert is_address("bücher@bücher.example", lenient=True)
    assert not is_address("b\N{NO-BREAK SPACE}er@example.org", lenient=True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = sorted(
    set(make_body()) | {"reply_to", "reply_to_list", "categories", "headers", "asm", "send_at"}
    | {"attachments", "mail_settings", "tracking_settings", "batch_id", "template_id"}
)  # fmt: skip


@given(st.sampled_from(NAMES), json_values, st.booleans())
def test_any_json_in_any_field_is_judged_without_a_crash(
    name: str, value: Any, lenient: bool
) -> None:
    problems = check(make_body() | {name: value}, now=NOW, lenient=lenient)
    assert orjson.loads(orjson.dumps([problem._asdict() for problem in problems])) is not None


@given(
    st.sampled_from(["to", "cc", "from", "headers", "substitutions", "custom_args"]), json_values
)
def test_any_json_in_a_personalization_is_judged_without_a_crash(name: str, value: Any) -> None:
    for problem in check(changed({name: value}), now=NOW):
        assert problem.message


@given(json_values)
def test_any_json_as_a_body_is_judged_without_a_crash(value: Any) -> None:
    assert check(value, now=NOW)
