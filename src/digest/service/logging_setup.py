"""What the service logs: lines for people or JSON, without addresses, keys or readers' links."""

from __future__ import annotations

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

_PATTERNS = (
    (re.compile(r"(://)[^\s/@]+@"), r"\1…@"),
    (re.compile(r"[^\s<>@,;:'\"()\[\]/…]+@[^\s<>@,;:'\"()\[\]/]+"), "…@…"),
    (re.compile(r"\bSG\.[\w.-]{8,}"), "SG.…"),
    (re.compile(r"(?i)\bbearer\s+\S+"), "Bearer …"),
    # A reader's link is one path, then a token.
    (re.compile(r"(/[a-z]{1,12}/)[A-Za-z0-9_.~-]{20,}"), r"\1…"),
)


def scrub(words: str) -> str:
    """Return *words* without anything that names a reader or opens a door."""
    for pattern, instead in _PATTERNS:
        words = pattern.sub(instead, words)
    return words


class _Line(logging.Formatter):
    """One event, as facts: when, how bad, who says it, what, and what it is about.

    What a call passes as ``extra={"facts": {...}}`` stands beside it; ``send`` is the same in
    every line of one issue's send, also after a restart.
    """

    def facts(self, record: logging.LogRecord) -> dict[str, Any]:
        said: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "by": record.name,
            "says": scrub(record.getMessage()),
        }
        given: dict[str, Any] = getattr(record, "facts", {})
        said |= {key: scrub(v) if isinstance(v, str) else v for key, v in given.items()}
        if record.exc_info and record.exc_info[0]:
            said["fault"] = record.exc_info[0].__name__
            said["trace"] = scrub(self.formatException(record.exc_info))
        return said


class JsonLine(_Line):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the event as JSON."""
        return orjson.dumps(self.facts(record), default=str).decode()


class TextLine(_Line):
    """One line, or a few where something failed, for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the event in words."""
        facts = self.facts(record)
        trace = f"\n{facts.pop('trace')}" if "trace" in facts else ""
        head = f"{facts.pop('at')} {facts.pop('level'):7} {facts.pop('by')}: {facts.pop('says')}"
        return f"{head} {' '.join(f'{k}={v}' for k, v in facts.items())}".rstrip() + trace


def set_up_logs(*, as_json: bool, stream: TextIO | None = None) -> None:
    """Send everything from INFO on to *stream* (stderr), and nothing anywhere else."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLine() if as_json else TextLine())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # Libraries that log requests would log addresses of the web, and readers' links with them.
    for chatty in (
        "httpx",
        "httpcore",
        "uvicorn.access",
        "python_http_client",
        "urllib3",
        "alembic",
    ):
        logging.getLogger(chatty).setLevel(logging.WARNING)
