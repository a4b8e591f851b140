"""Run `digest` with arguments from standard input, and print as JSON what it has imported."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys

from digest.cli import main


def _run(folder: str, arguments: list[str]) -> None:
    os.chdir(folder)
    sys.argv = ["digest", *arguments]
    shown = io.StringIO()
    code: object = 0
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        try:
            main()
        except SystemExit as end:
            code = end.code
    sys.stdout.write(json.dumps({"code": code, "modules": sorted(sys.modules)}))


if __name__ == "__main__":
    _run(**json.load(sys.stdin))
