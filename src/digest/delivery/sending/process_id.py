"""Who holds a batch: this process, known so that others on the machine see when it has died."""

from __future__ import annotations

import os
import socket
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_STARTED_FIELD = 19  # of what follows the command's name in /proc/PID/stat: its start, in ticks


def this_process() -> str:
    """Name this process: machine, boot, pid and start, so that a reused pid isn't mistaken."""
    pid = os.getpid()
    return f"{_machine()}/{pid}/{_started(pid) or 0}"


def this_process_beside(owner: str) -> str:
    """Name this process as one that sends from the same place as *owner*."""
    return "/".join([*owner.split("/")[:-3], this_process()])


def alive(owner: str) -> bool | None:
    """Say whether *owner* lives; ``None`` when it is of another machine or can't be seen."""
    *_, machine, pid, started = ["", "", "", *owner.split("/")]
    if machine != _machine() or not pid.isdigit() or not Path("/proc/self/stat").exists():
        return None
    return str(_started(int(pid))) == started


def _machine() -> str:
    boot = _BOOT.read_text(encoding="ascii").strip() if _BOOT.exists() else "unknown"
    return f"{socket.gethostname()}:{boot[:8]}:{_pid_space()}"


def _pid_space() -> str:
    """Tell one container's pids from another's: the same number is another process there."""
    link = Path("/proc/self/ns/pid")
    return str(link.readlink()).strip("pid:[]") if link.exists() else "0"


def _started(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    # A zombie is dead; its parent just hasn't asked.
    return None if fields[0] in {"Z", "X"} else int(fields[_STARTED_FIELD])
