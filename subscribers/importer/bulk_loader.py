"""How a chunk of lines is filed by a handful of SQL statements over a temporary table.

`stage` writes the chunk's lines into the table, `refused` deletes those that must not be imported,
and `admit` inserts the rest into the list with their consent entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    and_,
    bindparam,
    case,
    column,
    delete,
    func,
    insert,
    literal,
    literal_column,
    null,
    or_,
    select,
    table,
    text,
    update,
)
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers.importer.refusal import Refusal
from subscribers.models import (
    JOINED,
    Consent,
    ConsentAct,
    Standing,
    Subscriber,
    Subscription,
    Suppression,
    SuppressionReason,
)
from subscribers.sql import BulkStatement, dialect

CHANNEL = "import"

_METADATA = MetaData()
_STAGE = Table(
    "import_stage",
    _METADATA,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("address", String(254)),
    Column("address_key", String(254)),
    Column("hash_0", String(64)),
    prefixes=["TEMPORARY"],
)
#: The addresses a rehearsal would have added so far; an import finds them in the list itself.
_SEEN = Table(
    "import_seen",
    _METADATA,
    Column("address_key", String(254), primary_key=True),
    prefixes=["TEMPORARY"],
)


class ImportBatch(NamedTuple):
    """The values that all lines of one import share."""

    newsletter: str
    wording_hash: str
    language: str
    source: str
    started_at: datetime
    secrets: int  #: the number of hashes of each address, one a secret


_DELETE_STAGED = BulkStatement(
    lambda _: delete(_STAGE).where(_STAGE.c.position == bindparam("staged")), ["staged"]
)

StagedRow = tuple[int, str, str, list[str]]  #: line, address, its key, its hashes
Refused = tuple[int, str]  #: line, reason


def prepare(session: Session, batch: ImportBatch) -> None:
    """Create the temporary tables of this connection."""
    _METADATA.create_all(session.connection(), checkfirst=False)
    for name in _hashes(batch)[1:]:
        session.execute(text(f"ALTER TABLE import_stage ADD COLUMN {name} VARCHAR(64)"))


def clear(session: Session) -> None:
    """Drop the temporary tables."""
    _METADATA.drop_all(session.connection(), checkfirst=False)


def stage(session: Session, rows: list[StagedRow], batch: ImportBatch) -> None:
    """Write a chunk's lines, which are sorted by key, into the staging table."""
    session.execute(delete(_STAGE))
    values = [
        (position, address, key, *hashes) for position, (_, address, key, hashes) in enumerate(rows)
    ]
    names = ["position", "address", "address_key", *_hashes(batch)]
    insertion = BulkStatement(lambda _: insert(table("import_stage", *map(column, names))), names)
    insertion.run(session, values)


def _hashes(batch: ImportBatch) -> list[str]:
    """Return the names of the columns of an address's hashes, one for each secret."""
    return [f"hash_{number}" for number in range(batch.secrets)]


def refused(
    session: Session, rows: list[StagedRow], batch: ImportBatch, *, rehearsal: bool
) -> list[Refused]:
    """Delete the lines that must not be imported from the stage; return each with its reason."""
    refusals = session.execute(_refusals(batch, rehearsal=rehearsal)).all()
    _DELETE_STAGED.run(session, [(position,) for position, _ in refusals])
    return [(rows[position][0], reason) for position, reason in refusals]


def remember(session: Session, _batch: ImportBatch) -> int:
    """Record the lines a rehearsal would have added; return how many."""
    staged = select(_STAGE.c.address_key)
    return _count(session.execute(insert(_SEEN).from_select(["address_key"], staged)))


def admit(session: Session, batch: ImportBatch) -> int:
    """Add the staged lines to the list, with their consent entries; return how many."""
    session.execute(_new_subscribers(batch))
    if dialect(session) != "sqlite":  # SQLite has one writer at a time anyway
        session.execute(_suppressed_meanwhile(batch))
    added = _count(session.execute(_new_subscriptions(batch)))
    session.execute(_evidence(batch))
    return added


def mailed(session: Session, newsletter: str, keys: Sequence[str]) -> set[str]:
    """Return those of the address keys that get this newsletter."""
    statement = (
        select(col(Subscriber.address_key))
        .join(Subscription, col(Subscription.subscriber_id) == col(Subscriber.id))
        .where(
            col(Subscriber.address_key).in_(keys),
            col(Subscriber.suppressed).is_(None),
            col(Subscription.newsletter) == newsletter,
            col(Subscription.standing).in_(JOINED),
        )
    )
    return set(session.execute(statement).scalars())


def _refusals(batch: ImportBatch, *, rehearsal: bool) -> Any:
    reason = _reason(batch, rehearsal=rehearsal)
    tables = (
        _STAGE.outerjoin(Subscriber, col(Subscriber.address_key) == _STAGE.c.address_key)
        .outerjoin(
            Subscription,
            and_(
                col(Subscription.subscriber_id) == col(Subscriber.id),
                col(Subscription.newsletter) == batch.newsletter,
            ),
        )
        .outerjoin(Suppression, _is_suppressed(batch))
    )
    if rehearsal:
        tables = tables.outerjoin(_SEEN, _SEEN.c.address_key == _STAGE.c.address_key)
    # One address may be suppressed under two secrets; one reason is enough for the report.
    return (
        select(_STAGE.c.position, func.min(reason))
        .select_from(tables)
        .where(reason.is_not(None))
        .group_by(_STAGE.c.position)
    )


def _is_suppressed(batch: ImportBatch) -> Any:
    hashes: list[Any] = [literal_column(f"import_stage.{name}") for name in _hashes(batch)]
    return col(Suppression.address_hash).in_(hashes)


def _reason(batch: ImportBatch, *, rehearsal: bool) -> Any:
    standing, suppressed = col(Subscription.standing), col(Suppression.reason)
    not_mailed = and_(
        col(Subscription.source) == batch.source, col(Subscription.since) == batch.started_at
    )
    twice = or_(not_mailed, _SEEN.c.address_key.is_not(None)) if rehearsal else not_mailed
    words = {
        SuppressionReason.MOVED: Refusal.MOVED,
        SuppressionReason.LEFT: Refusal.LEFT,
        SuppressionReason.ERASED: Refusal.ERASED,
        SuppressionReason.HARD_BOUNCE: Refusal.BOUNCED,
        SuppressionReason.COMPLAINT: Refusal.COMPLAINED,
    }
    return case(
        *((suppressed == reason, literal(refusal.value)) for reason, refusal in words.items()),
        *(
            (col(Subscriber.suppressed) == reason.value, literal(refusal.value))
            for reason, refusal in words.items()
        ),
        (
            or_(suppressed.is_not(None), col(Subscriber.suppressed).is_not(None)),
            literal(Refusal.SUPPRESSED.value),
        ),
        (standing == Standing.UNSUBSCRIBED, literal(Refusal.LEFT.value)),
        (standing == Standing.PENDING, literal(Refusal.PENDING.value)),
        (twice, literal(Refusal.TWICE.value)),
        (standing.is_not(None), literal(Refusal.ALREADY.value)),
        else_=null(),
    )


def _new_subscribers(batch: ImportBatch) -> Any:
    known = select(col(Subscriber.id)).where(col(Subscriber.address_key) == _STAGE.c.address_key)
    rows = select(
        _STAGE.c.address,
        _STAGE.c.address_key,
        literal(batch.language),
        literal(batch.started_at),
    ).where(~known.exists())
    columns = ["address", "address_key", "language", "created_at"]
    return insert(Subscriber).from_select(columns, rows)


def _suppressed_meanwhile(batch: ImportBatch) -> Any:
    """Return the statement that marks the new subscribers suppressed since `refused` ran."""
    held = (
        select(func.min(col(Suppression.reason)))
        .select_from(_STAGE.join(Suppression, _is_suppressed(batch)))
        .where(_STAGE.c.address_key == col(Subscriber.address_key))
        .scalar_subquery()
    )
    keys = select(_STAGE.c.address_key).join(Suppression, _is_suppressed(batch))
    return update(Subscriber).where(col(Subscriber.address_key).in_(keys)).values(suppressed=held)


def _new_subscriptions(batch: ImportBatch) -> Any:
    rows = select(
        col(Subscriber.id),
        literal(batch.newsletter),
        literal(Standing.CONFIRMED.value),
        literal(batch.source),
        literal(batch.started_at),
    ).join(_STAGE, _STAGE.c.address_key == col(Subscriber.address_key))
    columns = ["subscriber_id", "newsletter", "standing", "source", "since"]
    return insert(Subscription).from_select(columns, rows, include_defaults=False)


def _evidence(batch: ImportBatch) -> Any:
    rows = select(
        col(Subscriber.id),
        literal(batch.newsletter),
        literal(ConsentAct.IMPORTED.value),
        literal(CHANNEL),
        literal(batch.source),
        literal(batch.wording_hash),
        literal(batch.language),
        literal(batch.started_at),
    ).join(_STAGE, _STAGE.c.address_key == col(Subscriber.address_key))
    columns = [
        "subscriber_id", "newsletter", "act", "channel", "form", "wording_hash", "language", "at",
    ]  # fmt: skip
    return insert(Consent).from_select(columns, rows, include_defaults=False)


def _count(result: Any) -> int:
    return int(result.rowcount)
