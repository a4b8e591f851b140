"""An issue through a real Postfix: its sender dies on the way, and nobody is mailed twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.smtp_journey import CATCH_ALL, journey
from tests.mail.smtp.postfix_server import postfix_can_run, running_postfix

READERS = 60
BATCH = 5


@pytest.mark.skipif(not postfix_can_run(), reason="Postfix isn't here, or the tests aren't root")
def test_A05_a_sender_that_is_killed_leaves_named_doubts_and_mails_nobody_twice(
    tmp_path: Path,
) -> None:
    with running_postfix(CATCH_ALL) as postfix:
        end = journey(
            postfix,
            tmp_path,
            readers=READERS,
            kills=2,
            DIGEST_BATCH_SIZE=str(BATCH),
            DIGEST_CONCURRENCY="1",
        )
    assert end.counts.balances
    assert (end.doubled, end.lost, end.unknown) == (0, 0, 0)
    assert (end.counts.pending, end.counts.refused) == (0, 0)
    assert end.counts.accepted + end.counts.in_doubt == READERS
    assert end.counts.in_doubt <= end.kills * BATCH
