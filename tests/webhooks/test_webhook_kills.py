"""Whatever dies: each event is told at least once, and each subject keeps its order."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook

from digest.webhooks import find
from subscribers.announcements.models import MessageState
from tests.webhooks import receiver_process, sender_process
from tests.webhooks.conftest import Works

#: What the receiver does with its first posts.
FAULTS = [
    *("take", "500", "kill", "take", "hang", "die", "take", "break off", "redirect"),
    *("take", "429", "kill"),
]
TAKEN = {"take", "kill"}
SUBJECTS = ("subscriber/1", "subscriber/2", "subscriber/3")
MESSAGES = 12
MOST_TURNS = 60
SPAWN = get_context("spawn")


@contextmanager
def receiver(folder: Path, port: int = 0) -> Iterator[tuple[BaseProcess, int]]:
    here, there = SPAWN.Pipe()
    process = SPAWN.Process(target=receiver_process.serve, args=(folder, port, there))
    process.start()
    try:
        yield process, here.recv()
    finally:
        process.kill()
        process.join()


def send(works: Works, folder: Path) -> None:
    """Run a sender until nothing is due, or it is killed; it is half an hour later then."""
    url = works.database.url.render_as_string(hide_password=False)
    sender = SPAWN.Process(target=sender_process.send, args=(url, works.clock(), folder))
    sender.start()
    sender.join()
    works.clock.on(minutes=30)


def send_all(works: Works, folder: Path, port: int) -> None:
    """Send until all is delivered; start the receiver anew whenever it has died."""
    turns = 0
    while set(works.states()) != {MessageState.DELIVERED}:
        with receiver(folder, port) as (process, _):
            while process.is_alive() and set(works.states()) != {MessageState.DELIVERED}:
                turns += 1
                assert turns < MOST_TURNS
                send(works, folder)


def got(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "got.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def is_signed(post: dict[str, Any], secret: str) -> bool:
    headers = {name.lower(): value for name, value in post["headers"].items()}
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    signature = Webhook(secret).sign(headers["webhook-id"], at, post["body"])
    return bool(signature == headers["webhook-signature"])


def test_each_event_is_told_at_least_once_and_in_order_whatever_dies(
    works: Works, tmp_path: Path
) -> None:
    (tmp_path / "faults.json").write_text(json.dumps(FAULTS))
    with receiver(tmp_path) as (_, port):
        endpoint = works.add(f"http://127.0.0.1:{port}/in")
    for number in range(MESSAGES):
        works.tell(SUBJECTS[number % len(SUBJECTS)])
    send_all(works, tmp_path, port)
    posts = got(tmp_path)
    taken, tried = defaultdict(list), defaultdict(list)
    for post in posts:
        subject = json.loads(post["body"])["data"]["subject"]
        number = int(post["headers"]["webhook-id"].rpartition("_")[2])
        tried[subject].append(number)
        if post["fault"] in TAKEN:
            taken[subject].append(number)
    everything = {row.id: row.subject for row in works.rows()}
    assert {number for numbers in taken.values() for number in numbers} == everything.keys()
    assert all(numbers == sorted(numbers) for numbers in tried.values())
    assert [post["fault"] for post in posts[: len(FAULTS)]] == FAULTS
    repeated = sum(map(len, taken.values())) - len(everything)
    assert repeated >= FAULTS.count("kill")
    secret = works.signer.secret(works.change(find, endpoint).nonce)
    assert all(is_signed(post, secret) for post in posts)
