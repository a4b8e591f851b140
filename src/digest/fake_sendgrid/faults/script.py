"""The fault script as users write it, read strictly: a fault that never fires proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from digest.errors import BadSetting
from digest.fake_sendgrid.events.webhook_batches import EventFaults
from digest.fake_sendgrid.faults.catalogue import (
    SETTINGS,
    BadAddresses,
    Fault,
    FaultCondition,
    FaultKind,
    FaultPlan,
)

RESETS = ("soon", "past", "2100", "negative", "text", "missing")
STATUSES = range(200, 600)
LONGEST_BODY = 10_000_000_000
MOST_COPIES = 1000
Filled = TypeVar("Filled", FaultCondition, BadAddresses, EventFaults)


def parse(script: Any, *, seed: int = 0, may_kill: bool = False) -> FaultPlan:
    """Return the plan of a script: a list of faults, or {requests, addresses, events, seed}.

    Raise `BadSetting`, which names the line and its mistake.
    """
    document = {"requests": script or []} if script is None or isinstance(script, list) else script
    if not isinstance(document, dict) or document.keys() - {
        "requests",
        "addresses",
        "events",
        "seed",
    }:
        raise BadSetting("a fault script is a list, or has: requests, addresses, events, seed")
    lines = document.get("requests") or []
    if not isinstance(lines, list) or not isinstance(document.get("seed", 0), int):
        raise BadSetting("in a fault script requests is a list, and seed a number")
    return FaultPlan(
        tuple(_fault(line, f"fault {n}", may_kill=may_kill) for n, line in enumerate(lines, 1)),
        _filled(BadAddresses, document.get("addresses", {}), "addresses"),
        _filled(EventFaults, document.get("events", {}), "events"),
        document.get("seed", seed),
    )


def _fault(line: Any, where: str, *, may_kill: bool) -> Fault:
    kinds = list(FaultKind)
    if not isinstance(line, dict) or line.get("do") not in kinds:
        raise BadSetting(f"{where}: do is one of {', '.join(kinds)}")
    kind = FaultKind(line["do"])
    usual = SETTINGS[kind]
    times = {f.name for f in fields(FaultCondition)}
    unknown = line.keys() - usual.keys() - times - {"do"}
    if unknown:
        raise BadSetting(f"{where}: {kind} takes {', '.join([*usual, *sorted(times)])}")
    settings = {name: line.get(name, value) for name, value in usual.items()}
    for name, value in usual.items():
        _check_type(settings[name], value, f"{where}: {name}")
    _check_values(kind, settings, where, may_kill=may_kill)
    when = {name: value for name, value in line.items() if name in times}
    if isinstance(when.get("on"), int):
        when["on"] = [when["on"]]
    return Fault(kind, _filled(FaultCondition, when, where), settings)


def _check_type(value: Any, usual: Any, where: str) -> None:
    wanted = (int, float) if isinstance(usual, float) else type(usual)
    if not isinstance(value, wanted) or isinstance(value, bool) is not isinstance(usual, bool):
        raise BadSetting(f"{where} must look like {usual!r}")


def _check_values(
    kind: FaultKind, settings: Mapping[str, Any], where: str, *, may_kill: bool
) -> None:
    if kind is FaultKind.KILL and (not may_kill or settings["pid"] <= 1):
        raise BadSetting(f"{where}: kill needs a pid, and a fake started with --may-kill")
    if kind is FaultKind.RATE_LIMIT and settings["reset"] not in RESETS:
        raise BadSetting(f"{where}: reset is one of {', '.join(RESETS)}")
    if kind is FaultKind.STATUS and settings["status"] not in STATUSES:
        raise BadSetting(f"{where}: status is from 200 to 599; for 100 there is continue")
    numbers = [v for v in settings.values() if isinstance(v, int | float)]
    if not all(0 <= number <= LONGEST_BODY for number in numbers):
        raise BadSetting(f"{where}: a number is out of range")


def _filled(kind: type[Filled], values: Any, where: str) -> Filled:
    known = [field.name for field in fields(kind)]
    if not isinstance(values, dict) or values.keys() - set(known):
        raise BadSetting(f"{where}: takes {', '.join(known)}")
    for name, value in values.items():
        wanted, fits = _VALUES[name]
        if not fits(value):
            raise BadSetting(f"{where}: {name} is {wanted}")
    return kind(**values)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_list_of(kind: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(kind, value))


def _is_one_of(*words: str) -> tuple[str, Callable[[Any], bool]]:
    return f"one of {', '.join(words)}", lambda value: value in words


_COUNT = ("a whole number from 1", _is_count)
_SHARE = ("a number from 0 to 1", _is_share)
_FLAG = ("true or false", lambda value: isinstance(value, bool))
_TEXT = ("text", lambda value: isinstance(value, str))
#: By field: the allowed values, in words and as a check.
_VALUES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "on": ("a number from 1, or a list of them", _is_list_of(_is_count)),
    "first": _COUNT, "last": _COUNT, "every": _COUNT, "times": _COUNT, "one_in": _COUNT,
    "chance": _SHARE, "drop": _SHARE, "corrupt": _SHARE,
    "containing": _TEXT, "listed": ("a list of addresses", _is_list_of(_TEXT[1])),
    "named": _is_one_of("all", "first"), "how": _is_one_of("signature", "json"),
    "new_ids": _FLAG, "shuffle": _FLAG,
    "duplicate": (
        f"a number from 1 to {MOST_COPIES}", lambda n: _is_count(n) and n <= MOST_COPIES
    ),
    "delay": ("a number of seconds", lambda n: isinstance(n, int | float) and n >= 0),
}  # fmt: skip
