"""What a visitor asks a letter for: a link to vote on a comparison, with their choices preset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from digest.comparisons.models import Call

_JOINS = "join"


class VoteRequest(NamedTuple):
    """A link to vote on a comparison, as a visitor asked for it."""

    comparison_id: int
    calls: Mapping[int, Call]  #: the choices to preset, by tool id
    joins: bool = False  #: the press is to subscribe as well

    def as_text(self) -> str:
        """Return the request as a queued letter keeps it: ``12 join 3=ship 4=skip``."""
        choices = [f"{tool}={call.value}" for tool, call in self.calls.items()]
        return " ".join([str(self.comparison_id), *([_JOINS] if self.joins else []), *choices])


def read_request(text: str) -> VoteRequest:
    """Return what `VoteRequest.as_text` wrote; raises `ValueError`."""
    comparison, *words = text.split(" ")
    joins = words[:1] == [_JOINS]
    pairs = [word.split("=") for word in words[joins:]]
    return VoteRequest(int(comparison), {int(tool): Call(call) for tool, call in pairs}, joins)
