"""A secret replaced by mistake: noticed before anything is sent or imported."""

from __future__ import annotations

import re

import pytest

from tests.stories.conftest import Installation

NEW = "5b9c4f0a7d2e8163c5b9c4f0a7d2e8163c5b9c4f0a7d2e8163c5b9c4f0a7d2e8"
GONE = "can't be found in DIGEST_SECRET, DIGEST_OLD_SECRETS or DIGEST_LEAKED_SECRETS"


@pytest.fixture
def old(ready: Installation) -> str:
    """The secret the installation has worked with until now."""
    found = re.search(r"DIGEST_SECRET=(\w+)", (ready.folder / ".env").read_text("utf-8"))
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    "line",
    [
        "send 1",
        "run --port 0",
        "web --port 0",
        "subscribers import readers.csv --consent TEXT",
        "subscribers forget reader.1@example.org",
        "subscribers suppress reader.1@example.org",
        "events drain",
        "init",
    ],
)
def test_nothing_goes_on_with_a_secret_missing(ready: Installation, line: str) -> None:
    said = ready.run(*line.split(), DIGEST_SECRET=NEW)
    assert said.code == 1
    assert GONE in said.err
    assert "put the earlier secret into DIGEST_OLD_SECRETS" in said.err
    assert not (ready.folder / "outbox").exists()


def test_the_doctor_says_so_and_what_only_reads_goes_on(ready: Installation) -> None:
    seen = ready.run("doctor", "--no-dns", DIGEST_SECRET=NEW)
    assert (seen.code, GONE in seen.out) == (1, True)
    for line in ("status", "show 1", "subscribers count", "subscribers show reader.1@example.org"):
        ready.done(*line.split(), DIGEST_SECRET=NEW)


@pytest.mark.parametrize("setting", ["DIGEST_OLD_SECRETS", "DIGEST_LEAKED_SECRETS"])
def test_with_the_earlier_one_listed_it_is_sent(
    ready: Installation, old: str, setting: str
) -> None:
    ready.done("send", "1", **{"DIGEST_SECRET": NEW, setting: old})
    again = ready.run("send", "1", DIGEST_SECRET=old)
    assert GONE in again.err, "from now on both have to be there"


def test_a_secret_lost_for_good_is_given_up_by_name_and_reason(ready: Installation) -> None:
    ready.run("resume", "--lost-secret", DIGEST_SECRET=NEW)
    assert ready.run("send", "1", DIGEST_SECRET=NEW).code == 1, "nobody has said who decides"
    words = ("--by", "Ann", "--why", "the machine burnt down")
    said = ready.done("resume", "--lost-secret", *words, DIGEST_SECRET=NEW).out
    assert "1 secret given up" in said
    ready.done("send", "1", DIGEST_SECRET=NEW)
