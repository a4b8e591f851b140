"""Fault scripts: which request meets which fault, and refused scripts."""

from __future__ import annotations

from typing import Any

import pytest

from digest.errors import BadSetting
from digest.fake_sendgrid.faults.catalogue import SETTINGS, BadAddresses, FaultKind
from digest.fake_sendgrid.faults.script import parse
from tests.fake_sendgrid.bodies import make_body


def met(script: Any, requests: int = 10, **options: Any) -> list[int]:
    """The numbers of the requests that meet a fault."""
    plan = parse(script, **options)
    return [number for number in range(1, requests + 1) if plan.next()]


@pytest.mark.parametrize(
    ("when", "numbers"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ({"on": 3}, [3]),
        ({"on": [1, 4]}, [1, 4]),
        ({"first": 8}, [8, 9, 10]),
        ({"last": 2}, [1, 2]),
        ({"first": 2, "every": 3}, [2, 5, 8]),
        ({"times": 2, "first": 5}, [5, 6]),
        ({"chance": 0.0}, []),
    ],
)
def test_a_fault_meets_the_requests_it_names(when: dict[str, Any], numbers: list[int]) -> None:
    assert met([{"do": "cut", **when}]) == numbers


def test_chance_follows_the_seed() -> None:
    script = [{"do": "cut", "chance": 0.3}]
    first, again, other = (met(script, 1000, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert 250 < len(first) < 350


def test_the_first_line_that_meets_a_request_has_it() -> None:
    plan = parse([{"do": "cut", "on": 2}, {"do": "hang"}])
    assert [fault.kind for fault in (plan.next(), plan.next()) if fault] == ["hang", "cut"]
    assert [line["met"] for line in plan.describe()["faults"]] == [1, 1]


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (7, "a list"),
        ({"faults": []}, "requests, addresses, events, seed"),
        ([{"do": "explode"}], "fault 1: do is one of cut-request"),
        (["cut"], "fault 1: do is one of"),
        ([{"do": "cut"}, {"do": "cut", "att": 1}], "fault 2: cut takes accept, reset"),
        ([{"do": "cut", "accept": 1}], "fault 1: accept must look like True"),
        ([{"do": "cut-answer", "at": True}], "at must look like 10"),
        ([{"do": "cut-answer", "at": -1}], "out of range"),
        ([{"do": "delay", "seconds": "long"}], "seconds must look like 1.0"),
        ([{"do": "status", "status": 100}], "200 to 599"),
        ([{"do": "rate-limit", "reset": "later"}], "reset is one of soon"),
        ([{"do": "kill", "pid": 4711}], "--may-kill"),
        ([{"do": "cut", "on": 0}], "on is a number from 1"),
        ([{"do": "cut", "every": 0}], "every is a whole number from 1"),
        ([{"do": "cut", "chance": 2}], "chance is a number from 0 to 1"),
        ({"addresses": {"contains": "bad"}}, "addresses: takes containing"),
        ({"events": {"duplicate": 1_000_000}}, "duplicate is a number from 1 to 1000"),
        ({"requests": {}, "seed": "x"}, "seed a number"),
    ],
)
def test_a_script_that_makes_no_sense_is_refused_in_words(script: Any, says: str) -> None:
    with pytest.raises(BadSetting, match=says):
        parse(script)


@pytest.mark.parametrize("pid", [0, 1])
def test_nobody_may_ask_to_kill_everything(pid: int) -> None:
    with pytest.raises(BadSetting, match="needs a pid"):
        parse([{"do": "kill", "pid": pid}], may_kill=True)


def test_every_kind_may_be_asked_for_with_its_usual_settings() -> None:
    for kind in FaultKind:
        assert parse([{"do": kind, "pid": 4711} if kind == "kill" else {"do": kind}], may_kill=True)
    assert SETTINGS.keys() == set(FaultKind)


@pytest.mark.parametrize(
    ("bad", "fields"),
    [
        (BadAddresses(containing="BAD"), ["personalizations.1.to.0.email"]),
        (BadAddresses(listed=["Fine@bad.example"]), ["personalizations.2.to.0.email"]),
        (BadAddresses(one_in=1, named="first"), ["personalizations.0.to.0.email"]),
        (BadAddresses(), []),
    ],
)
def test_addresses_named_as_bad_are_refused_by_place(bad: BadAddresses, fields: list[str]) -> None:
    body = make_body("a@example.org", "so-bad@example.org", "fine@bad.example")
    assert [problem.field for problem in bad.refuse(body)] == fields


def test_one_in_a_hundred_is_about_that_and_always_the_same() -> None:
    body = make_body(readers=1000)
    violations = BadAddresses(one_in=100).refuse(body)
    assert 2 <= len(violations) <= 25
    assert violations == BadAddresses(one_in=100).refuse(body)
