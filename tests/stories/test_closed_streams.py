"""What a command does whose standard output or error was closed, as some job runners do."""

from __future__ import annotations

import subprocess

import pytest

from tests.stories.conftest import DIGEST, Installation


def closing(stream: str, ready: Installation, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command by a shell that closes *stream* before."""
    return subprocess.run(  # noqa: S603 - the command under test
        ["/bin/sh", "-c", f'exec "$0" "$@" {stream}', DIGEST, *arguments],
        cwd=ready.folder,
        env=ready.environment({}),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("stream", ["2>&-", ">&-", "<&-", "<&- >&- 2>&-"])
def test_a_send_with_a_closed_stream_reaches_everybody(ready: Installation, stream: str) -> None:
    assert closing(stream, ready, "send", "1").returncode == 0
    assert ready.status()["pending"] == 0


def test_status_for_a_program_that_does_not_listen_is_no_fault(ready: Installation) -> None:
    said = closing(">&-", ready, "status", "--json")
    assert (said.returncode, said.stderr) == (0, "")
