"""Run `digest` as its script does, with Ctrl-C at a point that a line of JSON on stdin names.

The point is the import of a module, or a number: that many imports after the start.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from importlib.abc import MetaPathFinder


class _CtrlC(MetaPathFinder):
    """Sends the process Ctrl-C's signal at one import, and finds nothing itself."""

    def __init__(self, at: int | str) -> None:
        self.at, self.seen = at, 0

    def find_spec(self, fullname: str, *_: object) -> None:
        self.seen += 1
        if self.at in {self.seen, fullname}:
            signal.raise_signal(signal.SIGINT)


def _run(folder: str, arguments: list[str], at: int | str) -> None:
    os.chdir(folder)
    sys.argv = ["digest", *arguments]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job would ignore it
    sys.meta_path.insert(0, _CtrlC(at))
    from digest.__main__ import main

    main()


if __name__ == "__main__":
    _run(**json.load(sys.stdin))
