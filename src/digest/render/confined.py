"""Renders in a process of its own, which a runaway template can't take others down with.

``python -m digest.render.confined`` is that process: a pickle of ours in, JSON out.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from digest.errors import TemplateBroken
from digest.render.engine import Rendered, render
from digest.render.faults import TemplateFault


def confined(
    name: str,
    context: Mapping[str, object],
    *,
    folder: Path | None = None,
    seconds: float = 10.0,
    megabytes: int = 512,
) -> Rendered:
    """Do what `digest.render.engine.render` does, within *seconds* and *megabytes*.

    The context must be picklable. Raises `TemplateBroken`, also when a limit is reached.
    """
    asked = pickle.dumps((name, dict(context), folder, seconds, megabytes))
    try:
        done = subprocess.run(  # noqa: S603  - this interpreter, this module, nothing of a user's
            [sys.executable, "-m", __name__],
            input=asked,
            capture_output=True,
            timeout=seconds,
            check=False,
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    except subprocess.TimeoutExpired:
        raise TemplateFault(
            f"takes longer than {seconds:g} seconds: look for a loop", file=name
        ) from None
    return _answer(done, name)


def _answer(done: subprocess.CompletedProcess[bytes], name: str) -> Rendered:
    try:
        said = json.loads(done.stdout)
    except ValueError:
        raise TemplateFault(
            f"the renderer died of it (exit {done.returncode}): look for a loop", file=name
        ) from None
    if "what" in said:
        raise TemplateFault(said["what"], file=said["file"], line=said["line"])
    if "broken" in said:
        raise TemplateBroken(said["broken"])
    return Rendered(**said)


def _main() -> None:
    """Render what is asked on stdin, and answer on stdout."""
    name, context, folder, seconds, megabytes = pickle.load(sys.stdin.buffer)  # noqa: S301  - ours
    _limit(seconds, megabytes)
    try:
        answer: dict[str, object] = vars(render(name, context, folder=folder))
    except TemplateFault as fault:
        answer = {"what": fault.what, "file": fault.file, "line": fault.line}
    except TemplateBroken as fault:
        answer = {"broken": str(fault)}
    except MemoryError:
        what = f"needs more than {megabytes} MB: look for a loop"
        answer = {"what": what, "file": name, "line": None}
    sys.stdout.write(json.dumps(answer))


def _limit(seconds: float, megabytes: int) -> None:
    """Bound this process itself, in case nobody is left to end it."""
    size, time = megabytes * 1024 * 1024, int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CPU, (time, time))


if __name__ == "__main__":
    _main()
