"""Tables of votes: each reader's vote as it stands, its history, counts by the day, and scanners.

A vote is one reader's on one tool of one comparison, whatever revision showed it.
"""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Index, SmallInteger, String, UniqueConstraint
from sqlmodel import Field

from digest.comparisons.models import Call
from subscribers.sql import BigId, TableModel, closed_set, partial_index

BY_LETTER = 0  #: the edition of a link that came in a letter of its own, not in an issue


class HeldReason(StrEnum):
    """Why a vote isn't counted."""

    SCANNER = "scanner"  #: the link was followed as no person follows it
    UNDELIVERED = "undelivered"  #: the copy isn't reported as delivered yet; it is judged again
    SUPPRESSED = "suppressed"  #: the address must not be mailed
    DISPOSABLE = "disposable"  #: the address's domain is one for throwaway addresses
    MAILBOX = "mailbox"  #: another spelling of the mailbox has voted
    NETWORK = "network"  #: one of many new addresses that vote from one network


class ScanSign(StrEnum):
    """What shows that a program followed the links of a mail."""

    EARLY = "early"  #: sooner after delivery than a person can
    BURST = "burst"  #: several links at once
    SWEEP = "sweep"  #: link by link, as nobody reads
    MACHINE = "machine"  #: by a client that is no browser
    NETWORK = "network"  #: from a network of a known scanner


class Vote(TableModel, table=True):
    """One reader's vote on one tool of one comparison, as it stands."""

    __table_args__ = (
        UniqueConstraint("comparison_id", "tool_id", "subscriber_id"),
        Index("ix_vote_subscriber", "subscriber_id"),
        partial_index(
            "ix_vote_held",
            "held",
            where="held IS NOT NULL",
        ),
        Index("ix_vote_mailbox", "comparison_id", "mailbox_hash"),
        partial_index(
            "ix_vote_network",
            "comparison_id",
            "network_hash",
            where="network_hash IS NOT NULL",
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    comparison_id: int = Field(foreign_key="comparison.id")
    tool_id: int = Field(foreign_key="tool.id")
    #: Not a foreign key: a vote may outlive its reader. ``None`` once the reader was erased.
    subscriber_id: int | None = Field(default=None, sa_type=BigId)
    call: Call | None = Field(default=None, sa_type=closed_set(Call))  #: ``None``: taken back
    held: HeldReason | None = Field(default=None, sa_type=closed_set(HeldReason))
    edition_id: int = BY_LETTER  #: whose copy the link was in
    at: datetime  #: of the last change by the reader
    is_new: bool = False  #: by an address that was on no list a week before
    mailbox_hash: str | None = Field(default=None, sa_type=String(32), repr=False)
    #: Of a new address only, for some days.
    network_hash: str | None = Field(default=None, sa_type=String(32), repr=False)


class VoteChange(TableModel, table=True):
    """One entry of a vote's history: how it has counted from a moment on; only added."""

    __tablename__ = "vote_change"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    vote_id: int = Field(foreign_key="vote.id", ondelete="CASCADE", sa_type=BigId, index=True)
    call: Call | None = Field(default=None, sa_type=closed_set(Call))  #: ``None``: not at all
    at: datetime


class DailyCount(TableModel, table=True):
    """By how much one day changed the counts of one tool of one comparison; UTC days.

    The counts as they stand are the sums of all days.
    """

    __tablename__ = "vote_count"

    comparison_id: int = Field(foreign_key="comparison.id", primary_key=True)
    tool_id: int = Field(foreign_key="tool.id", primary_key=True)
    day: date = Field(primary_key=True)
    ships: int = 0
    skips: int = 0
    held: int = 0  #: votes held, which aren't among the two


class VoteLinkVisit(TableModel, table=True):
    """One look at a vote link, kept for some days to tell scanners from people."""

    __tablename__ = "vote_visit"

    subscriber_id: int = Field(primary_key=True, sa_type=BigInteger)
    edition_id: int = Field(primary_key=True)
    moment: int = Field(primary_key=True, sa_type=BigInteger, index=True)  #: seconds since 1970
    link: int = Field(primary_key=True, sa_type=BigInteger)  #: see `scan_rules.link_number`
    machine: int = Field(default=0, sa_type=SmallInteger)  #: 1 when the client was no browser


class ScannedCopy(TableModel, table=True):
    """A copy of an issue, or a letter, whose links a program has followed."""

    __tablename__ = "scanned_copy"

    edition_id: int = Field(primary_key=True)  # first: a report counts an edition's
    subscriber_id: int = Field(primary_key=True, sa_type=BigInteger)
    sign: ScanSign = Field(sa_type=closed_set(ScanSign))
    at: datetime
    pressed: bool = False  #: it pressed the button, too


class VoterPreference(TableModel, table=True):
    """What a reader has chosen to get for their votes; each is off without a row."""

    __tablename__ = "voter"

    #: Not a foreign key, as in `Vote`; the row goes when the reader is erased.
    subscriber_id: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    reviewer_since: datetime | None = None  #: their mail leads with the reviewer they agree with
    changes_since: datetime | None = None  #: a letter tells them when a verdict changed
