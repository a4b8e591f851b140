"""How a mail is rendered in a separate process, within limits of time and memory.

``python -m digest.render.sandbox`` is that process. It reads pickled requests from stdin and
writes JSON to stdout, each message after its length as a 32-bit big-endian number. Its
environment holds nothing but the import path.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from digest.errors import TemplateBroken
from digest.render.engine import finish
from digest.render.lint import Finding, Severity, parse_colour
from digest.render.lint.mjml import fill_checked
from digest.render.rendered import Rendered
from digest.render.template_errors import TemplateFault
from digest.render.template_paths import template_folders

#: Rules whose errors stop the compiler, or leave the tag in the mail.
_FATAL_RULES = ("mjml-syntax", "mjml-tag")


def render_checked(
    name: str, context: Mapping[str, object], *, folder: Path | None = None
) -> Rendered:
    """Return the mail as `digest.render.engine.render` does, with the findings of its MJML.

    Raises `TemplateBroken`; for MJML that can't be parsed it has line, column and words.
    """
    folders = template_folders("email", folder)
    mjml, findings = fill_checked(f"{name}.mjml", context, folders)
    stops = [
        finding
        for finding in findings
        if finding.rule in _FATAL_RULES and finding.severity is Severity.ERROR
    ]
    if stops:
        raise _template_fault(stops[0])
    return replace(finish(name, context, folders, mjml), findings=tuple(findings))


def _template_fault(finding: Finding) -> TemplateFault:
    return TemplateFault(
        f"{finding.message}. {finding.mend}",
        file=finding.file,
        line=finding.line,
        column=finding.column,
        words=finding.words,
    )


MAX_HTML = 4_000_000  #: characters; about forty times what Gmail shows
_MAX_ANSWER = 32_000_000
_LENGTH = struct.Struct(">I")
_START_SECONDS = 60.0
_SECONDS, _MEGABYTES = 10.0, 512


def render_confined(
    name: str,
    context: Mapping[str, object],
    *,
    folder: Path | None = None,
    seconds: float = _SECONDS,
    megabytes: int = _MEGABYTES,
) -> Rendered:
    """Return the mail as `render_checked` does, within *seconds* and *megabytes*.

    The context must be picklable. Raises `TemplateBroken`, also when a limit is reached.
    """
    with RenderProcess(seconds=seconds, megabytes=megabytes) as process:
        return process.render(name, context, folder=folder)


class RenderProcess:
    """A render process, reused for the next mail, which then takes milliseconds.

    A process that reaches a limit is killed; the next mail starts another one.
    """

    def __init__(self, *, seconds: float = _SECONDS, megabytes: int = _MEGABYTES) -> None:
        self.seconds, self.megabytes = seconds, megabytes
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> RenderProcess:
        """Return the object; the first mail starts the process."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self.close()

    def render(
        self, name: str, context: Mapping[str, object], *, folder: Path | None = None
    ) -> Rendered:
        """Return the mail called *name*; raises `TemplateBroken`, also when a limit is reached."""
        request = pickle.dumps((name, dict(context), folder, self.seconds, self.megabytes))
        with self._lock:
            process = self._running_process()
            try:
                answer = self._exchange(process, request)
            except TimeoutError:
                self._kill()
                problem = f"takes longer than {self.seconds:g} seconds: look for a loop"
                raise TemplateFault(problem, file=name) from None
            except (OSError, EOFError, ValueError):
                code = self._kill()
                problem = f"the renderer died of it (exit {code}): look for a loop"
                raise TemplateFault(problem, file=name) from None
        return _parse_answer(answer)

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._kill()

    def _running_process(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._kill()
            self._process = subprocess.Popen(  # noqa: S603  - this interpreter, this module
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
            _await_ready(self._process)
        return self._process

    def _exchange(self, process: subprocess.Popen[bytes], request: bytes) -> dict[str, Any]:
        deadline = time.monotonic() + self.seconds
        assert process.stdin  # noqa: S101 - both are pipes
        assert process.stdout  # noqa: S101 - as above
        _write(process.stdin, request)
        size = _LENGTH.unpack(_read(process.stdout, _LENGTH.size, deadline))[0]
        if size > _MAX_ANSWER:
            raise ValueError("an answer of that size isn't one of ours")
        answer: dict[str, Any] = json.loads(_read(process.stdout, size, deadline))
        return answer

    def _kill(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            try:
                if pipe:
                    pipe.close()
            except OSError:  # unwritten bytes have no reader any more
                continue
        return process.returncode


def _await_ready(process: subprocess.Popen[bytes]) -> None:
    """Wait until the process has imported its modules; this isn't counted as rendering time."""
    assert process.stdout  # noqa: S101 - a pipe
    try:
        _read(process.stdout, _LENGTH.size, time.monotonic() + _START_SECONDS)
    except (OSError, EOFError):  # TimeoutError is an OSError; the request that follows will fail
        process.kill()


def _read(pipe: IO[bytes], size: int, deadline: float) -> bytes:
    parts = b""
    while len(parts) < size:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise TimeoutError
        part = os.read(pipe.fileno(), size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return parts


def _write(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(_LENGTH.pack(len(message)) + message)
    pipe.flush()


def _parse_answer(answer: dict[str, Any]) -> Rendered:
    if "what" in answer:
        raise TemplateFault(answer.pop("what"), **answer)
    if "broken" in answer:
        raise TemplateBroken(answer["broken"])
    findings = answer.pop("findings")
    return Rendered(
        **answer,
        findings=tuple(
            Finding(**{**finding, "severity": Severity(finding["severity"])})
            for finding in findings
        ),
    )


def _main() -> None:
    """Answer each request of stdin on stdout until stdin ends."""
    source, answers = sys.stdin.buffer, sys.stdout.buffer
    parse_colour("black")  # imports the CSS parser before a request's time and memory count
    answers.write(_LENGTH.pack(0))
    answers.flush()
    while len(head := source.read(_LENGTH.size)) == _LENGTH.size:
        request = pickle.loads(source.read(_LENGTH.unpack(head)[0]))  # noqa: S301  - from the parent
        name, context, folder, seconds, megabytes = request
        _set_limits(seconds, megabytes)
        _write(answers, json.dumps(_answer(name, context, folder, megabytes)).encode())


def _answer(
    name: str, context: Mapping[str, object], folder: Path | None, megabytes: int
) -> dict[str, object]:
    try:
        rendered = render_checked(name, context, folder=folder)
    except TemplateFault as fault:
        names = ("what", "file", "line", "column", "words")
        return {name: getattr(fault, name) for name in names}
    except TemplateBroken as fault:
        return {"broken": str(fault)}
    except MemoryError:
        return {"what": f"needs more than {megabytes} MB: look for a loop", "file": name}
    if len(rendered.html) > MAX_HTML:
        problem = f"makes a mail of {len(rendered.html) / 1e6:.0f} MB: look for a loop"
        return {"what": problem, "file": name}
    return asdict(rendered)


def _set_limits(seconds: float, megabytes: int) -> None:
    """Set the limits of this process itself, in case the parent process is gone."""
    size = megabytes * 1024 * 1024
    used = resource.getrusage(resource.RUSAGE_SELF)
    time_ = int(used.ru_utime + used.ru_stime + seconds) + 2
    resource.setrlimit(resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CPU, (time_, resource.RLIM_INFINITY))


if __name__ == "__main__":
    _main()
