"""Sending with each request noted in the restore guard's file, as an installation does it."""

from __future__ import annotations

from dataclasses import replace

from digest.delivery.sending.batch_worker import EditionSend, send_batch, settle_and_claim
from digest.delivery.sending.restore_guard import RestoreGuardFile


def with_guard(sending: EditionSend, file: RestoreGuardFile) -> EditionSend:
    """Return the send with its starts noted in the restore guard's file."""
    return replace(sending, on_start=file.note)


def send(sending: EditionSend, file: RestoreGuardFile, batches: int = 1) -> None:
    """Send that many batches, each noted in the file."""
    guarded = with_guard(sending, file)
    for _ in range(batches):
        _, taken = settle_and_claim(guarded, None, more=True)
        assert taken is not None
        settle_and_claim(guarded, send_batch(guarded, taken), more=False)
