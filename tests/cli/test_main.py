"""The next steps that the command line prints for errors of the operating system."""

from __future__ import annotations

import errno
import os

from digest.cli import next_step_of


def test_a_file_or_folder_that_may_not_be_used_comes_with_what_to_do() -> None:
    refused = OSError(errno.EACCES, os.strerror(errno.EACCES), ".env")
    assert "ls -la" in (next_step_of(refused) or "")
