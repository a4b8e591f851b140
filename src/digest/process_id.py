"""Name the process that holds work, so that others on its machine can tell when it has died.

This module decides what a name consists of: host name, boot, PID namespace, PID and start time.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_STARTED_FIELD = 19  # index of `starttime` after the command name in /proc/PID/stat: proc(5)


def this_process() -> str:
    """Return this process's name, which differs from that of a later process with the same PID."""
    pid = os.getpid()
    return f"{_machine()}/{pid}/{_started(pid) or 0}"


def alive(owner: str) -> bool | None:
    """Return whether *owner* is alive; ``None`` when it is on another machine or can't be seen."""
    *_, machine, pid, started = ["", "", "", *owner.split("/")]
    if machine != _machine() or not pid.isdigit() or not Path("/proc/self/stat").exists():
        return None
    return str(_started(int(pid))) == started


def _machine() -> str:
    boot = _BOOT.read_text(encoding="ascii").strip() if _BOOT.exists() else "unknown"
    return f"{socket.gethostname()}:{boot[:8]}:{_pid_space()}"


def _pid_space() -> str:
    """Return the PID namespace: the same PID is another process in another container."""
    link = Path("/proc/self/ns/pid")
    return str(link.readlink()).strip("pid:[]") if link.exists() else "0"


def _started(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command name is in parentheses and may hold any character.
    fields = stat.rpartition(")")[2].split()
    # A zombie (Z) has ended, but its parent hasn't waited for it yet.
    return None if fields[0] in {"Z", "X"} else int(fields[_STARTED_FIELD])
