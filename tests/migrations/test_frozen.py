"""Frozen revisions: a released revision never changes."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from digest.migrations import versions

FOLDER = Path(str(versions.__file__)).parent
#: Each revision's file and its SHA-256. New ones are added at the end; no line is ever changed.
FROZEN = {
    "v0001_comparisons.py": "10b74e65fed901b4a63fef2678908327d37370cbdfe0cc42b3ccbed6d2fd8134",
    "v0002_issues.py": "e277b9604245344c592d29feb0e75030c2f21491573e0c860e4ecff798874710",
    "v0003_subscribers.py": "97ddb77d587a306129a647fc3ce4549fb5e850cc7d8b6949791683fdeb538f9c",
    "v0004_delivery.py": "2c5e1820d4c8a6b2c4ed9349c278da6b7d86f3e152cbb680b8447ef8ee4d8e33",
    "v0005_mailboxes.py": "2409b0a23aaf3525c49b3f239d729277bcd2f9fbc855935dcabad78317934690",
    "v0006_known_secrets.py": "479a1e840bd8f70d17e26d5bcc5c9ed4ae71b08f4e9b036fa8832c00156b06dc",
    "v0007_epoch.py": "7d8fcfe7ac7b03dea3b1d3ff5d0c83c6a53156d6fd684f39a5da6d019a451837",
    "v0008_circuit_breaker.py": "f737c4e711f0ce94c1d0b2cf33a0db55babe71786084873de560f1a8b4ebd56f",
    "v0009_send_outcomes.py": "4b2ceeec5df7e195a15223a6132c661f109ba6122ca9715fcc0dd6ccae4ddf93",
    "v0010_one_outbox.py": "220cf91befe54c3621bc81f874f49d968359ac5d78169616dec41f14637e7601",
    "v0011_newsletters.py": "dfd899ef45d90b56aa0d7d6040b576f3eb49775b046748c45aa56b21b8932c62",
    "v0012_reviewing.py": "e1f1e49f5b980dccc9380d8babedae8dd3914a407e524093eb749f145d071ca7",
    "v0013_weeks.py": "27c71a2715432f0b816d05952a6dd8cdab0d814c73d23f981d471ec78d4cfd4c",
    "v0014_corrections.py": "8521405faca93de445dbe248efc997e4f59177bdd5f42e68673405dd40278d7d",
    "v0015_editors.py": "c04dcfa5db51fb8fed18cf19a3048ca7e0ff5876b4040bf3c4cdec4216a69b41",
    "v0016_images.py": "f21593f79fc5b95a0a2d0ebfc5451c5c1e8031a3d80f3b0d0e570d54877835bd",
    "v0017_directory.py": "c060647348f43bf022594eefdefae97308271771c38c0ed703a6b7020d94c3ba",
    "v0018_votes.py": "5618e3a7d69e6b61dd41210f3bd8baa779b4656dc5eaa6ab08fe4d002a4cd990",
    "v0019_job_queue.py": "4ba3c4d05fcd9ebf28400d435d0bbe88669dc7a4b63b2d3097c3f3fb280354ff",
    "v0020_pace.py": "61ba62c9c756d7d7db4ef14254ac7ca755e677b51ce8b8d6ae88c396312f3202",
    "v0021_smtp.py": "0f00b3ce51bfa54433a3070598ce38cb488ae713b9510a288ffa07aec9ee5f57",
    "v0022_sources.py": "0c7912062dba4ece6a00ba556b1ed7cfed8f418b5d0ccff2f09e0ef1fd8e047a",
    "v0023_api.py": "254f12da0374857538e65a94b44089e9087352e4ab8562fba3825ff007c4cfcb",
    "v0024_webhooks.py": "2ca0bcdeba00e0d9bfeaef251d842e77c8afd6fc5c72a6a8c4bbaee4e0f167fa",
    "v0025_history.py": "e49bafe5ec62278933457acba9116bfc82867f36dbb53d94dcf6e26ee52ae326",
    "v0026_audience.py": "9f2c99d8ddc105911988e3aad40f809d5f6cbcb37949c5cabb4e4fb70f07937b",
}
FILES = {path.name: sha256(path.read_bytes()).hexdigest() for path in FOLDER.glob("v*.py")}


@pytest.mark.parametrize("name", FROZEN)
def test_a_revision_stays_as_it_was_released(name: str) -> None:
    assert FILES.get(name) == FROZEN[name], (
        f"{name} was edited, and databases it has made would never learn of it."
        " Take the edit back, and make a new revision: make migration NAME=..."
    )


def test_every_revision_is_frozen() -> None:
    new = [f'"{name}": "{FILES[name]}",' for name in sorted(FILES.keys() - FROZEN.keys())]
    assert not new, "Once a new revision is finished, add it to FROZEN:\n" + "\n".join(new)
