"""Sending as an installation does it: every request is counted in the folder's epoch file."""

from __future__ import annotations

from dataclasses import replace

from digest.delivery.epoch import EpochFile
from digest.delivery.send import Sending, hand_over, turn


def from_here(sending: Sending, file: EpochFile) -> Sending:
    """Let what is sent be counted in a file."""

    def count(name: str) -> None:
        if name == "started":
            file.count()

    return replace(sending, owner=f"{file.place()}/{sending.owner}", step=count)


def send(sending: Sending, file: EpochFile, batches: int = 1) -> None:
    """Send so many batches to the end, counted in a file."""
    here = from_here(sending, file)
    for _ in range(batches):
        _, taken = turn(here, None, more=True)
        assert taken is not None
        turn(here, hand_over(here, taken), more=False)
