"""The JSON parser: every key of the guide, defaults, and refusals with their place."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.comparisons.json_parser import parse_json
from digest.comparisons.models import Call, Entry, SourceForm
from digest.comparisons.schema import (
    ComparisonContent,
    ComparisonDraft,
    ContenderDraft,
    VerdictDraft,
    fingerprint,
)
from digest.errors import ComparisonUnreadable

GUIDE = Path(__file__).parents[2] / "docs" / "comparison-format.md"


def example() -> str:
    """The full example of the guide."""
    return GUIDE.read_text(encoding="utf-8").split("```json\n")[1].split("```")[0]


def least(**fields: Any) -> dict[str, Any]:
    """The least a comparison can say."""
    verdicts = [{"seat": 1, "quote": "Said."}]
    sides = [{"name": name, "verdicts": verdicts} for name in ("Lathe", "Mortar")]
    return {"contenders": sides, **fields}


def read(data: Any) -> Any:
    return parse_json(json.dumps(data))


def refusal(text: str) -> ComparisonUnreadable:
    with pytest.raises(ComparisonUnreadable) as caught:
        parse_json(text, source="a.json")
    return caught.value


def test_the_example_of_the_guide_says_all_it_seems_to() -> None:
    draft = parse_json(example())
    left, right = draft.contenders
    assert (draft.slug, draft.published_on, draft.weight, draft.labels, draft.seats) == (
        "lathe-vs-mortar-studio",
        date(2026, 11, 20),
        1.5,
        ("Tested for a month",),
        4,
    )
    assert left.verdicts[3] == VerdictDraft(
        seat=4, quote="Nobody pays for this.", call=Call.SKIP, reviewer="The buyer"
    )
    assert (left.community_share, right.community_share) == (None, 62.5)
    assert (right.entry, right.entry_text) == (Entry.OTHER, "Contact sales")
    assert left.description.count("\n\n") == 1
    assert (draft.form, draft.source) == (SourceForm.JSON, example())


def test_the_guide_names_every_key() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    fields = [
        (field.validation_alias or name)
        for model in (ComparisonContent, ContenderDraft, VerdictDraft)
        for name, field in model.model_fields.items()
    ]
    assert [key for key in fields if f"`{key}`" not in guide] == []


def test_what_is_left_out_is_unknown() -> None:
    draft = read(least())
    assert draft.title == "Lathe vs Mortar"
    assert draft.contenders[0] == ContenderDraft(
        name="Lathe", verdicts=(VerdictDraft(seat=1, quote="Said."),)
    )
    assert (draft.published_on, draft.url, draft.weight, draft.seats) == (None, None, 1.0, 4)


def test_an_entry_word_may_be_null_as_votes_may_be() -> None:
    data = least()
    data["contenders"][0]["entry"] = None
    assert parse_json(json.dumps(data)).contenders[0].entry is None


def test_verdicts_stand_in_the_order_of_seats() -> None:
    data = least()
    data["contenders"][0]["verdicts"] = [{"seat": seat, "quote": "Said."} for seat in (3, 1)]
    assert [verdict.seat for verdict in read(data).contenders[0].verdicts] == [1, 3]


def test_layout_makes_no_other_comparison() -> None:
    indented = json.dumps(least(intro="One  two."), indent=4)
    assert fingerprint(parse_json(indented)) == fingerprint(read(least(intro="One two.")))


def test_a_byte_order_mark_makes_no_difference() -> None:
    assert parse_json("\ufeff" + json.dumps(least())).title == "Lathe vs Mortar"


def test_zero_has_no_sign() -> None:
    assert str(parse_json(left(panel_share=-0.0)).contenders[0].panel_share) == "0.0"


def within(change: Callable[[dict[str, Any]], Any]) -> str:
    data = least()
    data["contenders"][0] = json.loads(json.dumps(data["contenders"][0]))
    change(data)
    return json.dumps(data)


def left(**fields: Any) -> str:
    return within(lambda data: data["contenders"][0].update(fields))


def verdict(**fields: Any) -> str:
    return within(lambda data: data["contenders"][0]["verdicts"][0].update(fields))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "this isn't JSON"),
        ("[]", "must be an object"),
        ("{}", "contenders: this key is missing"),
        ('{"a": 1, "a": 2}', "the key a stands twice"),
        ('{"weight": NaN}', "NaN isn't a number"),
        ("[" * 100_000, "nested too deeply"),
        (f'{{"weight": {"9" * 5000}}}', "a number has more than 100 digits"),
        (json.dumps(dict.fromkeys(map(str, range(90_000))))[:-1] + ', "89999": 1}', "stands twice"),
        (json.dumps(least(format=2)), "format: must be 1"),
        (json.dumps(least(tilte="A")), "tilte: this key isn't known"),
        (left(vedicts=[]), "contenders[0].vedicts: this key isn't known"),
        (left(name=" "), "contenders[0].name: must not be empty"),
        (left(name="A\nB"), "contenders[0].name: must be one line"),
        (left(name="A" * 201), "201 characters; 200 at most"),
        (left(name="a\x00"), "a control character (U+0000)"),
        (left(name="a\ud800"), "a control character (U+D800)"),
        (left(name="a\u202e"), "a text direction character (U+202E)"),
        (left(name="mortar"), "can't be compared with itself"),
        (left(panel_share=101), "contenders[0].panel_share: must be less than or equal to 100"),
        (left(panel_share="75"), "contenders[0].panel_share: must be a number"),
        (left(community_share=True), "contenders[0].community_share: must be a number"),
        (left(verdicts=[]), "contenders[0].verdicts"),
        (left(url="javascript:alert(1)"), "must be a web address"),
        (left(url="https://user@example.com"), "must be a web address"),
        (left(url="https://example.com/a b"), "must be a web address"),
        (left(url="https://example.com:99999/"), "contenders[0].url: Port out of range"),
        (verdict(call="maybe"), "contenders[0].verdicts[0].call: must be 'ship' or 'skip'"),
        (verdict(seat=0), "contenders[0].verdicts[0].seat"),
        (verdict(seat=5), "Lathe: seat 5 speaks, but the panel has 4 seats"),
        (left(verdicts=[{"seat": 1, "quote": "A"}] * 2), "Lathe: a seat speaks twice"),
        (json.dumps(least(published_on="2026-02-30")), "published_on: day is out of range"),
        (json.dumps(least(published_on="24.11.2026")), "published_on: must be a day such as"),
        (json.dumps(least(published_on=1)), "published_on: must be a day such as"),
        (json.dumps(least(weight=11)), "weight: must be less than or equal to 10"),
        ('{"weight": 1e999}', "weight: must be a finite number"),
        (json.dumps(least(slug="Not A Slug")), "slug: must be a slug, such as not-a-slug"),
        (json.dumps({"contenders": [1]}), "contenders[0]: must be an object"),
        (json.dumps({"contenders": []}), "contenders: list should have at least 2 items"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_place(text: str, reason: str) -> None:
    fault = refusal(text)
    assert reason in fault.reason
    assert fault.source == "a.json"


def test_a_fault_of_syntax_has_its_line() -> None:
    assert refusal('{\n"weight":\n}').line == 3


def test_every_field_has_its_line_however_often_its_key_stands_there() -> None:
    text = json.dumps(least(tilte="A"), indent=1)
    assert refusal(text).line == text.split('"tilte"')[0].count("\n") + 1
    twice = json.loads(left())
    twice["contenders"][1]["panel_share"] = "75"
    text = json.dumps(twice, indent=1)
    assert refusal(text).line == text.split('"75"')[0].count("\n") + 1


def test_a_key_that_is_missing_has_the_line_of_what_lacks_it() -> None:
    text = json.dumps(least(contenders=[{"name": "Lathe"}, {"name": "Mortar"}]), indent=1)
    fault = refusal(text)

    assert fault.reason.startswith(
        "verdicts of the left tool, contenders[0].verdicts: this key is missing"
    )
    assert fault.line == text.split('"name"')[0].count("\n")
    assert "of the right tool, contenders[1].verdicts: this key is missing (line " in fault.reason


def test_a_field_is_named_in_words_and_by_its_path() -> None:
    assert "panel share of the left tool, contenders[0].panel_share: " in (
        refusal(left(panel_share="75")).reason
    )
    assert "call 1 on the left tool, contenders[0].verdicts[0].call: " in (
        refusal(verdict(call="maybe")).reason
    )


def test_many_faults_are_counted_and_not_all_told() -> None:
    fault = refusal(json.dumps(least(**{f"k{number}": 1 for number in range(9)})))
    assert fault.reason.endswith("; and 4 more")


def test_a_key_from_outside_is_printed_safely() -> None:
    assert "\x1b" not in str(refusal(json.dumps(least(**{"\x1b[31m": 1}))))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.text() | JSON.map(json.dumps))
def test_any_text_is_refused_unless_it_is_a_comparison(text: str) -> None:
    assert refusal(text).reason


@given(st.data())
def test_an_example_with_one_value_spoilt_is_a_draft_or_refused(data: st.DataObject) -> None:
    whole = json.loads(example())
    part: Any = whole
    while isinstance(part, dict | list) and part:
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(part[key], dict | list) or data.draw(st.booleans()):
            part[key] = data.draw(JSON)
            break
        part = part[key]
    assert outcome(json.dumps(whole))


def outcome(text: str) -> ComparisonDraft | ComparisonUnreadable:
    try:
        return parse_json(text)
    except ComparisonUnreadable as fault:
        return fault
