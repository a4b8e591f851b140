"""How votes are read and written: a vote's row, its history and the day's counts change together.

One transaction at a time writes votes, so that no count is ever lost; reading waits for nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Integer,
    Text,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
)
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine
from sqlmodel import col

from digest.comparisons.models import Call
from digest.votes.models import (
    DailyCount,
    HeldReason,
    Vote,
    VoteChange,
)
from digest.votes.terms import Copy
from subscribers import sql
from subscribers.models import JOINED, Consent, ConsentAct, Subscriber, Subscription

_LOCK = "votes"
NEW_FOR = timedelta(days=7)  # how long an address is new: who stuffs ballots has some patience


class VoteKey(NamedTuple):
    """What there is one vote of."""

    comparison_id: int
    tool_id: int
    subscriber_id: int


class StandingVote(NamedTuple):
    """One reader's vote on one tool, as its row holds it."""

    comparison_id: int
    tool_id: int
    subscriber_id: int
    call: Call | None
    held: HeldReason | None
    edition_id: int
    at: datetime
    is_new: bool = False
    mailbox_hash: str | None = None
    network_hash: str | None = None

    @property
    def key(self) -> VoteKey:
        """What it is the vote of."""
        return VoteKey(self.comparison_id, self.tool_id, self.subscriber_id)

    @property
    def copy(self) -> Copy:
        """The copy whose link it was cast by."""
        return Copy(self.edition_id, self.subscriber_id)

    @property
    def values(self) -> tuple[Any, ...]:
        """What its row holds besides the moment, in the order of `_VALUES`."""
        return (*self[:6], *self[7:])

    @property
    def moment(self) -> int:
        """When it was cast, in seconds since 1970."""
        return int(self.at.timestamp())

    @property
    def counted(self) -> Call | None:
        """The call that it counts for; ``None`` while it is held or taken back."""
        return None if self.held else self.call

    @property
    def place(self) -> int | None:
        """Which of `_PLACES` it is counted in; ``None`` once it is taken back."""
        if self.call is None:
            return None
        if self.held:
            return 2
        return 0 if self.call is Call.SHIP else 1


class VoterFacts(NamedTuple):
    """What decides on a reader's votes, apart from the votes."""

    address_key: str
    suppressed: str | None
    is_new: bool  #: on no list a week before, and in no list that an editor has imported

    def __repr__(self) -> str:
        """Return a text without the address."""
        return "VoterFacts()"


class VoteBook:
    """Votes read for one transaction, how they change in it, and what is written of that."""

    def __init__(self) -> None:
        self._votes: dict[VoteKey, StandingVote] = {}
        self._read: dict[VoteKey, StandingVote] = {}
        self._keys: dict[object, set[VoteKey]] = {}  # an index that may lead to votes that moved
        self._history: list[tuple[VoteKey, Call | None]] = []

    def read(self, votes: Iterable[StandingVote]) -> None:
        """Take votes from the store; those that are known stay as they are."""
        for vote in votes:
            if vote.key not in self._votes:
                self._read[vote.key] = vote
                self._set(vote)

    def get(self, key: VoteKey) -> StandingVote | None:
        """Return a vote as it stands, ``None`` where there was none."""
        return self._votes.get(key)

    def put(self, vote: StandingVote) -> None:
        """Set a vote."""
        before = self._votes.get(vote.key)
        if vote.counted != (before.counted if before else None):
            self._history.append((vote.key, vote.counted))
        self._set(vote)

    def of_copy(self, copy: Copy) -> list[StandingVote]:
        """Return the votes cast by a copy's links."""
        return [vote for vote in self._at(copy) if vote.copy == copy]

    def of_hash(self, comparison_id: int, known: str) -> list[StandingVote]:
        """Return the votes on a comparison whose mailbox or network has this hash."""
        found = self._at((comparison_id, known))
        return [vote for vote in found if known in (vote.mailbox_hash, vote.network_hash)]

    def of_reader(self, subscriber_id: int, comparison_id: int) -> list[StandingVote]:
        """Return a reader's votes on a comparison."""
        return self._at((comparison_id, subscriber_id))

    def _set(self, vote: StandingVote) -> None:
        key = vote.key
        self._votes[key] = vote
        for name in (
            vote.copy,
            (vote.comparison_id, vote.subscriber_id),
            (vote.comparison_id, vote.mailbox_hash),
            (vote.comparison_id, vote.network_hash),
        ):
            self._keys.setdefault(name, set()).add(key)

    def _at(self, name: object) -> list[StandingVote]:
        return [self._votes[key] for key in sorted(self._keys.get(name, ()))]

    def write(self, session: Session, now: datetime) -> None:
        """Write what has changed."""
        changed = [vote for key, vote in self._votes.items() if vote != self._read.get(key)]
        if not changed:
            return
        connection, dialect = session.connection(), sql.dialect(session)
        changed.sort(key=attrgetter("at"))
        for at, votes in groupby(changed, attrgetter("at")):
            rows = sql.json_rows_parameter(vote.values for vote in votes)
            connection.execute(_upsert(dialect), {**rows, "at": at})
        if self._history:
            entries = ((n, *key, call) for n, (key, call) in enumerate(self._history))
            rows = sql.json_rows_parameter(entries)
            connection.execute(_history(dialect), {**rows, "at": now})
        moves = [(self._read.get(vote.key), vote) for vote in changed]
        write_counts(session, moves, now)


def write_counts(
    session: Session,
    moves: Iterable[tuple[StandingVote | None, StandingVote | None]],
    now: datetime,
) -> None:
    """Add to the day's counts what votes have become, each with what it was before."""
    changes: dict[tuple[int, int], list[int]] = {}
    for move in moves:
        for vote, by in zip(move, (-1, 1), strict=True):
            if vote is not None and vote.place is not None:
                pair = (vote.comparison_id, vote.tool_id)
                changes.setdefault(pair, [0] * len(_PLACES))[vote.place] += by
    rows = [(*pair, *change) for pair, change in sorted(changes.items()) if any(change)]
    if rows:
        parameters = {**sql.json_rows_parameter(rows), "day": now.date()}
        session.connection().execute(_count(sql.dialect(session)), parameters)


#: The columns of `DailyCount` in which a vote is counted.
_PLACES = ("ships", "skips", "held")


@cache
def _count(dialect: str) -> Any:
    pair = ["comparison_id", "tool_id"]
    given = sql.json_rows(dialect, **dict.fromkeys([*pair, *_PLACES], Integer))
    day = bindparam("day", type_=sql.table(DailyCount).c.day.type)
    statement = sql.upsert_on(dialect, DailyCount).from_select(
        [*pair, *_PLACES, "day"], _ordered(given, day)
    )
    counts = {name: getattr(DailyCount, name) + statement.excluded[name] for name in _PLACES}
    return statement.on_conflict_do_update(index_elements=[*pair, "day"], set_=counts)


_KEY: Mapping[str, type[TypeEngine[Any]]] = {
    "comparison_id": Integer,
    "tool_id": Integer,
    "subscriber_id": BigInteger,
}
_VALUES: Mapping[str, type[TypeEngine[Any]]] = {
    **_KEY,
    "call": Text,
    "held": Text,
    "edition_id": Integer,
    "is_new": Boolean,
    "mailbox_hash": Text,
    "network_hash": Text,
}


@cache
def _upsert(dialect: str) -> Any:
    """Return the statement that sets votes which were cast at one moment."""
    given = sql.json_rows(dialect, **_VALUES)
    at = bindparam("at", type_=sql.table(Vote).c.at.type)
    statement = sql.upsert_on(dialect, Vote).from_select([*_VALUES, "at"], _ordered(given, at))
    return statement.on_conflict_do_update(
        index_elements=list(_KEY),
        set_={name: statement.excluded[name] for name in [*_VALUES, "at"] if name not in _KEY},
    )


def _ordered(given: Any, *more: Any) -> Any:
    """Return the rows that are given; SQLite takes an upsert from a query only if that ends so."""
    return select(*given.c, *more).order_by(given.c.comparison_id, given.c.tool_id)


@cache
def _history(dialect: str) -> Any:
    """Return the statement that adds entries to the history of votes, in their order."""
    given = sql.json_rows(dialect, place=Integer, **_KEY, call=Text)
    same = and_(*(given.c[name] == getattr(Vote, name) for name in _KEY))
    at = bindparam("at", type_=sql.table(VoteChange).c.at.type)
    rows = select(col(Vote.id), given.c.call, at).join_from(given, sql.table(Vote), same)
    return insert(sql.table(VoteChange)).from_select(
        ["vote_id", "call", "at"], rows.order_by(given.c.place)
    )


def one_at_a_time(session: Session) -> None:
    """Let no other transaction write votes until this one ends; call it before votes are read."""
    if sql.dialect(session) != "sqlite":  # SQLite has one writer at a time anyway
        session.connection().execute(_TAKE_TURNS)


_TAKE_TURNS = select(func.pg_advisory_xact_lock(func.hashtext(_LOCK)))
#: A vote without a person is read with the number 0, which is no reader's.
_COLUMNS = [
    func.coalesce(col(Vote.subscriber_id), 0) if name == "subscriber_id" else getattr(Vote, name)
    for name in StandingVote._fields
]


def votes_near(
    session: Session, targets: Collection[tuple[int, int, int]], since: datetime
) -> list[StandingVote]:
    """Return readers' votes on some comparisons, and those by the same copies since a moment.

    A target is a reader, a comparison and an edition.
    """
    return _votes(session, _near(sql.dialect(session)), targets, {"since": since})


@cache
def _near(dialect: str) -> Any:
    given = sql.json_rows(dialect, subscriber=BigInteger, comparison=Integer, edition=Integer)
    recent = col(Vote.at) > bindparam("since", type_=sql.table(Vote).c.at.type)
    same_copy = (col(Vote.edition_id) == given.c.edition) & recent
    return (
        select(*_COLUMNS)
        .join_from(sql.table(Vote), given, col(Vote.subscriber_id) == given.c.subscriber)
        .where(or_(col(Vote.comparison_id) == given.c.comparison, same_copy))
    )


def voters(session: Session, subscriber_ids: Iterable[int], now: datetime) -> dict[int, VoterFacts]:
    """Return what decides on some readers' votes, by subscriber id; those erased are left out."""
    parameters: dict[str, Any] = sql.json_rows_parameter((number,) for number in subscriber_ids)
    parameters["before"] = now - NEW_FOR
    rows = session.connection().execute(_voters(sql.dialect(session)), parameters)
    return {row[0]: VoterFacts(row[1], row[2], not row[3]) for row in rows}


@cache
def _voters(dialect: str) -> Any:
    given = sql.json_rows(dialect, subscriber=BigInteger)
    since = sql.table(Subscription).c.since
    joined = exists().where(
        col(Subscription.subscriber_id) == col(Subscriber.id),
        col(Subscription.standing).in_(JOINED),
        since < bindparam("before", type_=since.type),
    )
    # Nobody fills a list with addresses to vote with by having an editor import them.
    imported = exists().where(
        col(Consent.subscriber_id) == col(Subscriber.id),
        col(Consent.act) == ConsentAct.IMPORTED,
    )
    return select(
        col(Subscriber.id),
        col(Subscriber.address_key),
        col(Subscriber.suppressed),
        or_(joined, imported),
    ).join_from(sql.table(Subscriber), given, col(Subscriber.id) == given.c.subscriber)


def counted_by_hash(
    session: Session, column: str, hashes: Collection[tuple[int, str]]
) -> list[StandingVote]:
    """Return the counted votes on a comparison whose *column* is a hash, for each such pair."""
    if not hashes:
        return []
    return _votes(session, _by_hash(sql.dialect(session), column), hashes)


@cache
def _by_hash(dialect: str, column: str) -> Any:
    given = sql.json_rows(dialect, comparison=Integer, hash=Text)
    same = (col(Vote.comparison_id) == given.c.comparison) & (getattr(Vote, column) == given.c.hash)
    counted = col(Vote.held).is_(None) & col(Vote.call).is_not(None)
    return select(*_COLUMNS).join_from(sql.table(Vote), given, same).where(counted)


def held_for_network(
    session: Session, voters: Collection[tuple[int, str, int]]
) -> set[tuple[int, str, int]]:
    """Return those before whom others were held for their network.

    Each is a comparison, the hash of a network, and a reader.
    """
    if not voters:
        return set()
    rows = session.connection().execute(
        _held_for_network(sql.dialect(session)), sql.json_rows_parameter(voters)
    )
    return {(row[0], row[1], row[2]) for row in rows}


@cache
def _held_for_network(dialect: str) -> Any:
    given = sql.json_rows(dialect, comparison=Integer, hash=Text, subscriber=BigInteger)
    others = exists().where(
        col(Vote.comparison_id) == given.c.comparison,
        col(Vote.network_hash) == given.c.hash,
        col(Vote.held) == HeldReason.NETWORK,
        col(Vote.call).is_not(None),
        col(Vote.subscriber_id) != given.c.subscriber,
    )
    return select(given.c.comparison, given.c.hash, given.c.subscriber).where(others)


def _votes(
    session: Session,
    statement: Any,
    rows: Iterable[Sequence[Any]],
    more: Mapping[str, Any] | None = None,
) -> list[StandingVote]:
    parameters = {**sql.json_rows_parameter(rows), **(more or {})}
    return [StandingVote(*row) for row in session.connection().execute(statement, parameters)]


def votes_of(session: Session, subscriber_id: int) -> list[StandingVote]:
    """Return all the votes of a reader."""
    own = col(Vote.subscriber_id) == subscriber_id
    rows = session.connection().execute(select(*_COLUMNS).where(own))
    return [StandingVote(*row) for row in rows]


def waiting_votes(session: Session, at_most: int) -> list[StandingVote]:
    """Return the oldest votes that wait for news of their copy; not those without a person."""
    rows = session.connection().execute(_WAITING, {"at_most": at_most})
    return [StandingVote(*row) for row in rows]


_WAITING = (
    select(*_COLUMNS)
    .where(
        col(Vote.held) == HeldReason.UNDELIVERED,
        col(Vote.held).is_not(None),  # as the index says it
        col(Vote.subscriber_id).is_not(None),
    )
    .order_by(col(Vote.id))
    .limit(bindparam("at_most"))
)


def call_before(session: Session, key: VoteKey, moment: datetime) -> tuple[Call, datetime] | None:
    """Return for what a vote counted before a moment, and since when; ``None`` for nothing."""
    row = session.connection().execute(_BEFORE, {**_bound(key), "before": moment}).one_or_none()
    return (row[0], row[1]) if row and row[0] else None


def _bound(key: VoteKey) -> dict[str, int]:
    return {f"of_{name}": number for name, number in key._asdict().items()}


_SAME = [getattr(Vote, name) == bindparam(f"of_{name}") for name in _KEY]
_BEFORE = (
    select(col(VoteChange.call), col(VoteChange.at))
    .join_from(sql.table(Vote), sql.table(VoteChange), col(VoteChange.vote_id) == col(Vote.id))
    .where(*_SAME, col(VoteChange.at) < bindparam("before", type_=sql.table(Vote).c.at.type))
    .order_by(col(VoteChange.id).desc())
    .limit(1)
)
