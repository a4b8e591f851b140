"""The shipped samples: comparisons without warnings, and addresses that repeat."""

from __future__ import annotations

from datetime import datetime

from digest.comparisons import store
from digest.comparisons.loader import read_file
from digest.comparisons.schema import ComparisonDraft
from digest.comparisons.score import split
from digest.db import Database
from digest.samples import comparisons
from digest.samples.sample_addresses import addresses
from subscribers.address.syntax import parse


def drafts() -> list[ComparisonDraft]:
    return [read_file(path) for path in comparisons()]


def test_every_sample_is_kept_without_a_warning(database: Database, now: datetime) -> None:
    with database.write() as session:
        kept = [store.store_draft(session, draft, now=now) for draft in drafts()]
    assert len(kept) >= 12
    assert {result.outcome for result in kept} == {store.ImportOutcome.NEW}
    assert [result.warnings for result in kept if result.warnings] == []


def test_samples_show_what_a_panel_can_say() -> None:
    splits = {split(side.panel_share) for draft in drafts() for side in draft.contenders}
    assert {(ships, 4 - ships) for ships in range(5)} <= splits


def test_samples_show_what_may_be_missing() -> None:
    sides = [side for draft in drafts() for side in draft.contenders]
    assert any(side.community_share is None for side in sides)
    assert any(side.community_share for side in sides)
    assert {side.entry_text for side in sides} >= {"Free", "Paid", "Freemium", "Contact sales"}
    assert any(not side.name.isascii() for side in sides)


def test_sample_addresses_are_different_and_always_the_same() -> None:
    paths = list(addresses(500))
    assert len(set(paths)) == 500
    assert paths[:3] == list(addresses(3))
    assert {address.split("@")[1] for address in paths} == {
        "example.com",
        "example.net",
        "example.org",
    }


def test_sample_addresses_are_addresses() -> None:
    assert [str(parse(address)) for address in addresses(3)]
