"""Run `digest` with arguments from standard input; print as JSON what it left behind."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import sys

from digest.__main__ import main


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
    sqlmodel = sys.modules.get("sqlmodel")
    tables = [*sqlmodel.SQLModel.metadata.tables] if sqlmodel else []
    facts = {
        "code": code,
        "modules": [*sys.modules],
        "tables": tables,
        "collects": gc.isenabled(),
        "kept": gc.get_freeze_count(),
    }
    sys.stdout.write(json.dumps(facts))


if __name__ == "__main__":
    _run(**json.load(sys.stdin))
