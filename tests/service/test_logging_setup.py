"""Logging: what is logged, and what is scrubbed."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from digest.service.logging_setup import JsonLine, TextLine


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(stream: io.StringIO) -> Iterator[logging.Logger]:
    logger = logging.getLogger("tests.schedule.logs")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLine())
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)


def test_a_line_is_an_object_with_the_sends_id(log: logging.Logger, stream: io.StringIO) -> None:
    log.info("handed over %d readers", 2, extra={"facts": {"send": "weekly-1", "status": 202}})
    line = json.loads(stream.getvalue())
    assert (line["says"], line["send"], line["status"]) == (
        "handed over 2 readers",
        "weekly-1",
        202,
    )
    assert line["level"] == "info"


def test_addresses_and_keys_are_taken_out_of_words_facts_and_traces(
    log: logging.Logger, stream: io.StringIO
) -> None:
    try:
        raise ValueError("ann@example.org SG.abcdefgh.ijklmnop")
    except ValueError:
        log.exception("failed for bob@example.org", extra={"facts": {"who": "eve@example.org"}})
    assert "@example.org" not in stream.getvalue()
    assert "abcdefgh" not in stream.getvalue()
    assert json.loads(stream.getvalue())["fault"] == "ValueError"


def test_a_line_for_people_reads_in_order(log: logging.Logger, stream: io.StringIO) -> None:
    log.handlers[0].setFormatter(TextLine())
    log.warning("slow", extra={"facts": {"send": "weekly-1"}})
    assert stream.getvalue().endswith("warning tests.schedule.logs: slow send=weekly-1\n")
