"""What a benchmark has found, told to people or, with --json, to the program that makes a table."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One figure, beside its floor and its target where it has them, all in one unit."""

    name: str
    value: float
    unit: str
    floor: float | None = None  #: the least that the work can take, or the most it can reach
    target: float | None = None
    more_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """The figure divided by its floor; ``None`` without a floor."""
        return self.value / self.floor if self.floor else None

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; ``None`` without a target."""
        if self.target is None:
            return None
        return self.value >= self.target if self.more_is_better else self.value <= self.target


@contextmanager
def reporting(*, as_json: bool) -> Iterator[list[Measurement]]:
    """Yield the list that a benchmark adds what it finds to.

    With *as_json*, the list is printed at the end, and what else is printed goes to stderr.
    """
    found: list[Measurement] = []
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        yield found
    if as_json:
        print(json.dumps([asdict(each) for each in found]))
