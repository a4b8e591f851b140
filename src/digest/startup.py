"""How the `digest` command starts: what holds while its modules are imported, and what ends that.

Importing takes most of a short command's time, and nothing is begun before it is over. So Ctrl-C
ends the process at once meanwhile, wherever in a library it meets it, and Python doesn't search
what was just imported for garbage: a third of the time.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType

#: What a shell reports of a process that Ctrl-C ended.
STOPPED = 130
STOPPED_BEFORE = "digest: stopped by Ctrl-C, before anything was changed\n"


def begin() -> None:
    """Let Ctrl-C end the process at once, and collect no garbage, until `finish`.

    Where Ctrl-C is ignored, as in a shell's background jobs, it stays so. What the caller closed of
    standard input, output and error is opened again, on nothing.
    """
    _open_closed_streams()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end_at_once)
    gc.disable()


def finish() -> None:
    """End what `begin` began: from now on Ctrl-C raises `KeyboardInterrupt`, as Python has it.

    What was imported stays for good, so no later search for garbage looks at it, the one at the
    end of the process included. Does nothing where `begin` wasn't called.
    """
    if signal.getsignal(signal.SIGINT) is _end_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _open_closed_streams() -> None:
    """Open each standard stream that was closed; else the next file of ours would get its number.

    Python has ``None`` for such a stream, and whatever prints would fail.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - for good


def _end_at_once(_number: int, _frame: FrameType | None) -> None:
    sys.stderr.write(STOPPED_BEFORE)
    sys.stderr.flush()
    os._exit(STOPPED)
