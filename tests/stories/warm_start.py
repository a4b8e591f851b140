"""The digest command in processes forked from one that has imported it, for speed."""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from digest.cli import COMMANDS, load, main

LIMIT = 60  #: seconds one command may take
HERE = Path(__file__).parents[2]


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def facts(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Warm:
    """The process that forks; it serves one command at a time."""

    process: subprocess.Popen[str] = field(repr=False)

    def run(self, arguments: list[str], folder: Path, env: Mapping[str, str]) -> Said:
        """Run one command to its end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        wish = {"arguments": arguments, "folder": str(folder), "env": dict(env)}
        self.process.stdin.write(json.dumps(wish) + "\n")
        self.process.stdin.flush()
        return Said(**json.loads(self.process.stdout.readline()))


@contextmanager
def warm(env: Mapping[str, str] | None = None) -> Iterator[Warm]:
    """Start the process that forks, and end it afterwards; *env* is what it is started with."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.stories.warm_start"],
        cwd=HERE,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Warm(process)


def _serve() -> None:
    for name in (name for commands in COMMANDS.values() for name in commands):
        load(name)
    importlib.import_module("digest.mail.sendgrid")  # which a command imports when it sends
    gc.freeze()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_forked(**json.loads(line))) + "\n")
        sys.stdout.flush()


def _forked(arguments: list[str], folder: str, env: dict[str, str]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            _live(arguments, folder, env)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        said = [os.pread(each.fileno(), 100_000_000, 0).decode() for each in (out, err)]
    return {"code": code, "out": said[0], "err": said[1]}


def _live(arguments: list[str], folder: str, env: dict[str, str]) -> NoReturn:
    """Be the command: as its console script is, in a process of its own."""
    signal.alarm(LIMIT)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests ignore it
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["digest", *arguments]
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    except BaseException:  # as the interpreter does with what nobody caught
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    _serve()
