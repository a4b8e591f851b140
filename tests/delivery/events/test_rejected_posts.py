"""Rejected posts: counted by reason, and logged at intervals."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest.delivery.events import rejected_posts
from digest.delivery.events.rejected_posts import RejectedPosts, RejectionReason

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_posts_are_counted_by_reason_across_processes(tmp_path: Path) -> None:
    one, other = RejectedPosts(tmp_path), RejectedPosts(tmp_path)
    for away in (one, other, one):
        away.note(RejectionReason.UNSIGNED, NOON)
    one.note(RejectionReason.BUSY, NOON)
    counted = RejectedPosts(tmp_path).since_yesterday(NOON)
    assert counted == {RejectionReason.UNSIGNED: 3, RejectionReason.BUSY: 1}


def test_the_day_before_counts_and_the_one_before_that_does_not(tmp_path: Path) -> None:
    away = RejectedPosts(tmp_path)
    away.note(RejectionReason.UNSIGNED, NOON)
    assert away.since_yesterday(NOON + timedelta(days=1)) == {RejectionReason.UNSIGNED: 1}
    assert away.since_yesterday(NOON + timedelta(days=2)) == {}


def test_old_days_go_and_a_day_takes_no_more_than_its_bound(
    tmp_path: Path,
) -> None:
    full = tmp_path / f"2026-11-24.unsigned{rejected_posts._SUFFIX}"
    full.write_bytes(b"." * rejected_posts.MOST)
    away = RejectedPosts(tmp_path)
    away.note(RejectionReason.UNSIGNED, NOON)
    assert full.stat().st_size == rejected_posts.MOST
    away.note(RejectionReason.UNSIGNED, NOON + timedelta(days=8))
    assert not full.exists()


def test_a_flood_is_a_line_a_minute(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    away = RejectedPosts(tmp_path)
    with caplog.at_level(logging.WARNING):
        for second in range(90):
            away.note(RejectionReason.UNSIGNED, NOON + timedelta(seconds=second))
    said = [record.getMessage() for record in caplog.records]
    assert [words.partition(" post")[0] for words in said] == [
        "webhook: turned away 1",
        "webhook: turned away 60",
    ]
    assert "DIGEST_WEBHOOK_KEYS" in said[0]


def test_a_disk_that_cannot_be_written_to_spoils_no_answer(tmp_path: Path) -> None:
    file = tmp_path / "a file where the folder should be"
    file.touch()
    away = RejectedPosts(file)
    away.note(RejectionReason.UNSIGNED, NOON)
    assert away.since_yesterday(NOON) == {}
