"""A warmed process that forks a child for each job, so that a real process is killed."""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
JOBS = "tests.stories.killing.child_jobs"


@dataclass(frozen=True)
class End:
    """How a child ended; *said* is what its job returned, if it came that far."""

    pid: int
    code: int  #: 0 well, 1 raised, -N killed by signal N
    said: Any

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


@dataclass
class Nursery:
    """Where children are started, by the name of their job."""

    process: subprocess.Popen[str] = field(repr=False)

    def start(self, job: str, **given: Any) -> int:
        """Fork a child that does *job*; returns its id."""
        return int(self._ask({"do": "start", "job": job, "given": given})["pid"])

    def wait(self, pid: int) -> End:
        """Wait until a child has ended; raises what went wrong in one that wasn't killed."""
        end = End(**self._ask({"do": "wait", "pid": pid}))
        if end.code > 0:
            raise AssertionError(f"the child failed:\n{end.said}")
        return end

    def frozen(self, pid: int) -> None:
        """Wait until a child has frozen itself."""
        assert self._ask({"do": "frozen", "pid": pid})["frozen"]

    def lives(self, pid: int) -> bool:
        """Tell whether a child hasn't died."""
        return bool(self._ask({"do": "lives", "pid": pid})["lives"])

    def run(self, job: str, **given: Any) -> End:
        """Fork a child that does *job*, and wait until it has ended."""
        return self.wait(self.start(job, **given))

    def _ask(self, wish: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(wish) + "\n")
        self.process.stdin.flush()
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found


@contextmanager
def nursery() -> Iterator[Nursery]:
    """Start a nursery, and end it with all that is left in it."""
    command = [sys.executable, "-m", "tests.stories.killing.child_process"]
    with subprocess.Popen(  # noqa: S603 - this very interpreter
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Nursery(process)
        finally:
            process.stdin.close()  # type: ignore[union-attr]  # asked for above
            process.wait(20)


class _Children:
    """The nursery's side: children under way, and the pipe each answers through."""

    def __init__(self) -> None:
        self._pipes: dict[int, int] = {}
        self._jobs = importlib.import_module(JOBS)
        self._jobs.warm()

    def start(self, job: str, given: dict[str, Any]) -> dict[str, Any]:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            self._live(job, given, writing)
        os.close(writing)
        self._pipes[pid] = reading
        return {"pid": pid}

    def _live(self, job: str, given: dict[str, Any], writing: int) -> None:
        code = 1
        try:
            said = getattr(self._jobs, job)(**given)
            code = 0
        except BaseException:  # whatever it was, the test is told
            said = traceback.format_exc()
        with os.fdopen(writing, "w", encoding="utf-8") as pipe:
            json.dump(said, pipe, default=str)
        os._exit(code)

    def wait(self, pid: int) -> dict[str, Any]:
        with os.fdopen(self._pipes.pop(pid), encoding="utf-8") as pipe:
            said = pipe.read()
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        return {"pid": pid, "code": code, "said": json.loads(said) if said else None}

    def frozen(self, pid: int) -> dict[str, Any]:
        _, status = os.waitpid(pid, os.WUNTRACED)
        return {"frozen": os.WIFSTOPPED(status)}

    def lives(self, pid: int) -> dict[str, Any]:
        status = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
        return {"lives": status.rpartition(")")[2].split()[0] not in {"Z", "X"}}

    def end(self) -> None:
        for pid in self._pipes:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def main() -> None:
    children = _Children()
    gc.freeze()
    for line in sys.stdin:
        wish = json.loads(line)
        answer = getattr(children, wish.pop("do"))(**wish)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    children.end()


if __name__ == "__main__":
    main()
