"""A storm of signed event posts about deliveries that were made up, the same for the same seed."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from struct import Struct
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:  # a floor reads posts, and runs no code of the product
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from sqlalchemy import Table

    from digest.db import Database

POST = 1000
BATCH = 1000
START = 1_795_510_800  # 24 November 2026, 09:00
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
JUNK = [
    b"7",
    b'{"event":"delivered"}',
    b'{"event":"open","timestamp":"soon"}',
    b'"\\ud800"',
    b"NaN",
]
_HEAD = Struct(">IHH")


def fill(database: Database, readers: int) -> None:
    """Make the tables, with one issue accepted for *readers*."""
    from digest.issues.models import Edition, Issue, IssueState, Newsletter, Tracking
    from digest.migrations.all_tables import METADATA
    from subscribers.sql import chunks

    METADATA.create_all(database.engine)
    now = datetime.fromtimestamp(START, UTC)
    with database.write() as session:
        session.add(Newsletter(id=1, slug="weekly", name="Weekly"))
        session.flush()
        session.add(
            Issue(
                id=1, newsletter_id=1, number=1, period="2026-W48", state=IssueState.SENT,
                built_at=now, prepared_at=now, sent_at=now,
            )
        )  # fmt: skip
        session.flush()
        session.add(
            Edition(
                id=1, issue_id=1, subject="S", html="<p>H</p>", text="T", fingerprint="f",
                frozen_at=now, tracking=Tracking.READER,
            )
        )  # fmt: skip
        session.flush()
        for table, rows in _rows(readers, now):
            for some in chunks(rows, POST):
                session.connection().execute(table.insert(), some)
    database.scrub()


def _rows(readers: int, now: datetime) -> Iterator[tuple[Table, Iterator[dict[str, Any]]]]:
    """Yield what each table holds of the readers and their batches."""
    from digest.delivery.models import Attempt, Batch, BatchState, Delivery
    from subscribers.models import Standing, Subscriber, Subscription
    from subscribers.sql import table as table_of

    numbers = range(1, readers + 1)
    batches = list(enumerate(range(1, readers + 1, BATCH), 1))
    yield (
        table_of(Subscriber),
        (
            {"id": i, "address": address(i), "address_key": address(i), "created_at": now}
            for i in numbers
        ),
    )
    joined = {"newsletter": "weekly", "standing": Standing.CONFIRMED, "source": "", "since": now}
    yield table_of(Subscription), ({"subscriber_id": i, **joined} for i in numbers)
    yield table_of(Delivery), ({"id": i, "edition_id": 1, "subscriber_id": i} for i in numbers)
    held = {"edition_id": 1, "state": BatchState.ACCEPTED, "attempts": 1, "tries": 0}
    yield (
        table_of(Batch),
        (
            {
                **held, "id": n, "number": n, "key": key(n), "root": key(n), "attempt": key(n),
                "first_delivery": first, "last_delivery": min(first + BATCH - 1, readers),
                "size": min(BATCH, readers - first + 1), "recoveries": 0, "note": "",
            }
            for n, first in batches
        ),
    )  # fmt: skip
    at = {"number": 1, "owner": "benchmark", "claimed_at": now, "lease_until": now, "detail": ""}
    yield table_of(Attempt), ({**at, "key": key(n), "batch_id": n} for n, _ in batches)


def address(number: int) -> str:
    """Return a reader's address."""
    return f"reader{number}@{('example.org', 'example.net', 'example.com')[number % 3]}"


def key(number: int) -> str:
    """Return a batch's key, and its attempt's."""
    return f"{number:032x}"


def stories(readers: int) -> Iterator[dict[str, Any]]:
    """Tell of every delivery what the provider tells: three to four events each."""
    rng = Random(1)  # noqa: S311 - repeatable is the point
    for number in range(1, readers + 1):
        at = START + number // 500
        luck = rng.random()
        yield event(number, "processed", at)
        if luck < 0.005:  # noqa: PLR2004 - a share of readers
            why = "550 5.1.1 no such mailbox here"
            kind = "bounce" if luck < 0.003 else "blocked"  # noqa: PLR2004 - a share of readers
            classed = "Invalid Address"
            yield event(
                number, "bounce", at + 2, type=kind, reason=why, bounce_classification=classed
            )
            continue
        if luck < 0.03:  # noqa: PLR2004 - a share of readers
            yield event(number, "deferred", at + 1, response="450 4.2.1 later", attempt="1")
        yield event(number, "delivered", at + 3, response="250 2.0.0 OK", ip="192.0.2.25", tls=1)
        if luck > 0.25:  # noqa: PLR2004 - a share of readers
            machine = luck > 0.6  # noqa: PLR2004 - a share of readers
            yield event(number, "open", at + 60, useragent=AGENT, sg_machine_open=machine)
        if luck > 0.75:  # noqa: PLR2004 - a share of readers
            url = f"https://verdicts.example.com/comparisons/{number % 12}"
            yield event(number, "click", at + 90, useragent=AGENT, url=url)
        if luck > 0.9996:  # noqa: PLR2004 - a share of readers
            yield event(number, "spamreport", at + 99)


def event(number: int, kind: str, at: int, **own: Any) -> dict[str, Any]:
    """Make one event in the provider's form and about its size."""
    batch = (number - 1) // BATCH + 1
    return {
        "email": address(number),
        "timestamp": at,
        "event": kind,
        "category": "weekly",
        "sg_event_id": f"ZGVsaXZlcmVkLTAt{number:08x}{at:08x}{kind}",
        "sg_message_id": f"jjpcgyPTRsKU4aHxhf1{batch:04x}.recvd-5f54b5d587-x-1-65.{number % 1000}",
        "smtp-id": f"<jjpcgyPTRsKU4aHxhf1{batch:04x}@geopod-ismtpd-3>",
        "digest_issue": "weekly-1",
        "digest_batch": key(batch),
        "digest_attempt": key(batch),
        "digest_delivery": str(number),
        **own,
    }


def storm(readers: int, events: int, *, disorder: bool) -> Iterator[bytes]:
    """Return bodies of 1,000 events each.

    In disorder: 30 % of them told again under another id, all shuffled, and 1 % junk between them.
    """
    lines = []
    for told in stories(readers):
        lines.append(orjson.dumps(told))
        if len(lines) == (events if not disorder else round(events * 0.69)):
            break
    if disorder:
        rng = Random(2)  # noqa: S311 - repeatable
        again = (orjson.loads(rng.choice(lines)) for _ in range(round(events * 0.30)))
        lines += [orjson.dumps({**one, "sg_event_id": f"again-{rng.random()}"}) for one in again]
        lines += [rng.choice(JUNK) for _ in range(events - len(lines))]
        rng.shuffle(lines)
    for at in range(0, len(lines), POST):
        yield b"[" + b",\r\n".join(lines[at : at + POST]) + b"]\r\n"


def write(path: Path, bodies: Iterator[bytes]) -> str:
    """Sign bodies and write them to a file; returns the public key."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.generate_private_key(ec.SECP256R1())
    moment = str(START).encode()
    with path.open("wb") as file:
        for body in bodies:
            signature = b64encode(private.sign(moment + body, ec.ECDSA(hashes.SHA256())))
            file.write(_HEAD.pack(len(body), len(signature), len(moment)))
            file.write(signature + moment + body)
    return public_key(private)


def public_key(private: EllipticCurvePrivateKey) -> str:
    """Return a key that verifies what *private* signs, as the settings hold it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(der).decode()


def posts(path: Path) -> Iterator[tuple[bytes, str, str]]:
    """Read (body, signature, timestamp) back, one at a time."""
    with path.open("rb") as file:
        while head := file.read(_HEAD.size):
            length, signed, moment = _HEAD.unpack(head)
            signature = file.read(signed).decode()
            timestamp = file.read(moment).decode()
            yield file.read(length), signature, timestamp
