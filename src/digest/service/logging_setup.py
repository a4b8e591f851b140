"""Format the service's log as text or JSON lines, without personal data or secrets.

Hides the patterns that scrub mail addresses, API keys and readers' links from every record.
"""

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
    """Return *words* with addresses, credentials, API keys and readers' links replaced by "…"."""
    for pattern, instead in _PATTERNS:
        words = pattern.sub(instead, words)
    return words


class _Line(logging.Formatter):
    """Base formatter: turn a log record into fields (time, level, logger, message, facts).

    The fields of ``extra={"facts": {...}}`` are added; the field ``send`` has the same value in
    every line of one issue's send, also after a restart.
    """

    def facts(self, record: logging.LogRecord) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "by": record.name,
            "says": scrub(record.getMessage()),
        }
        extra: dict[str, Any] = getattr(record, "facts", {})
        fields |= {key: scrub(v) if isinstance(v, str) else v for key, v in extra.items()}
        if record.exc_info and record.exc_info[0]:
            fields["fault"] = record.exc_info[0].__name__
            fields["trace"] = scrub(self.formatException(record.exc_info))
        return fields


class JsonLine(_Line):
    """Format a record as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        return orjson.dumps(self.facts(record), default=str).decode()


class TextLine(_Line):
    """Format a record as one line of text, followed by the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        facts = self.facts(record)
        trace = f"\n{facts.pop('trace')}" if "trace" in facts else ""
        head = f"{facts.pop('at')} {facts.pop('level'):7} {facts.pop('by')}: {facts.pop('says')}"
        return f"{head} {' '.join(f'{k}={v}' for k, v in facts.items())}".rstrip() + trace


def set_up_logs(*, as_json: bool, stream: TextIO | None = None) -> None:
    """Log records of level INFO and above to *stream* (default stderr), and nowhere else."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLine() if as_json else TextLine())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # HTTP libraries log each request's URL, and readers' links with it.
    for chatty in (
        "httpx2",
        "httpcore2",
        "uvicorn.access",
        "python_http_client",
        "urllib3",
        "alembic",
    ):
        logging.getLogger(chatty).setLevel(logging.WARNING)
