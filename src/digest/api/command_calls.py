"""Say a next step to programs: the call that does what a command does, where there is one.

This module hides how a command in the words of an error is told from the words around it. A
command that no call stands for stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import orjson

from digest.issues.store import USUAL

_WITH_VALUE = r"--(newsletter|despite|period|by) ([^\s;,]+)"
_OPTIONS = rf"(?P<options>(?: (?:{_WITH_VALUE.replace('(', '(?:')}|--[a-z-]+))*)"
_ISSUE = re.compile(
    r"digest (?P<verb>approve|cancel|check|pause|report|resume|send-back|show|status)"
    rf" (?P<number>\d+){_OPTIONS}"
)
_BUILD = re.compile(rf"digest build\b{_OPTIONS}")
_COMPARISON = re.compile(r"digest comparisons (?P<verb>show|restore) (?P<slug>[^\s;,]+)")
_SOURCE = re.compile(r"digest sources (?P<verb>show|poll|pause|resume) (?P<number>\d+)")
_PROPOSAL = re.compile(r"digest sources (?P<verb>accept|dismiss) (?P<number>\d+)")
_LIST = re.compile(r"digest (?P<what>comparisons list|sources list|sources proposals)")
_LISTS = {
    "comparisons list": "/comparisons",
    "sources list": "/sources",
    "sources proposals": "/proposals",
}
_READS = {"check": "/check", "report": "/report", "show": "", "status": "/status"}
#: Options that no call takes: a person's command alone means what they say.
_COMMANDS_ALONE = ("--after-restore", "--lost-secret", "--past-first-wave")


def as_calls(step: str) -> str:
    """Return a next step in which each command that a call stands for is that call."""
    for form, call in _FORMS:
        step = form.sub(call, step)
    return step


def _issue(found: re.Match[str]) -> str:
    verb, options = found["verb"], re.findall(_WITH_VALUE, found["options"])
    if any(option in found["options"] for option in _COMMANDS_ALONE):
        return found[0]
    path = f"{_issues(options)}/{found['number']}"
    if verb in _READS:
        return f"GET {path}{_READS[verb]}"
    despite = [value for name, value in options if name == "despite"]
    body = f" with {orjson.dumps({'despite': despite}).decode()}" if despite else ""
    return f"POST {path}/{verb}{body}"


def _build(found: re.Match[str]) -> str:
    options = re.findall(_WITH_VALUE, found["options"])
    order: dict[str, object] = {name: value for name, value in options if name == "period"}
    order |= {"again": True} if "--again" in found["options"] else {}
    body = f" with {orjson.dumps(order).decode()}" if order else ""
    return f"POST {_issues(options)}{body}"


def _issues(options: list[tuple[str, str]]) -> str:
    return f"/newsletters/{dict(options).get('newsletter', USUAL)}/issues"


def _comparison(found: re.Match[str]) -> str:
    path = f"/comparisons/{found['slug']}"
    return f"GET {path}" if found["verb"] == "show" else f"POST {path}/restore"


def _source(found: re.Match[str]) -> str:
    path = f"/sources/{found['number']}"
    return f"GET {path}" if found["verb"] == "show" else f"POST {path}/{found['verb']}"


def _proposal(found: re.Match[str]) -> str:
    return f"POST /proposals/{found['number']}/{found['verb']}"


def _list(found: re.Match[str]) -> str:
    return f"GET {_LISTS[found['what']]}"


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (_ISSUE, _issue),
    (_BUILD, _build),
    (_COMPARISON, _comparison),
    (_SOURCE, _source),
    (_PROPOSAL, _proposal),
    (_LIST, _list),
)
