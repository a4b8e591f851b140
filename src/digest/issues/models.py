"""Newsletters, their numbered issues, and the editions readers get."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, String, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from digest.columns import closed_set


class IssueState(StrEnum):
    """How far an issue has come."""

    BUILT = "built"  #: picked, rendered, checked, frozen; nobody has been chosen to get it
    PREPARED = "prepared"  #: the audience is frozen and cut into batches, which may be claimed
    PAUSED = "paused"  #: prepared, and nothing more is claimed until somebody resumes it
    SENT = "sent"  #: nothing is pending and nothing is in doubt
    CANCELLED = "cancelled"  #: a person's decision: what isn't sent stays unsent
    SKIPPED = "skipped"  #: the week had nothing to say; recorded with the reason


class Newsletter(SQLModel, table=True):
    """A named series one can subscribe to."""

    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True, sa_type=String(64))
    name: str = Field(sa_type=String(200))
    description: str = Field(default="", sa_type=Text)
    timezone: str = Field(default="UTC", sa_type=String(64))
    weekday: int = 1  #: 0 is Monday
    hour: int = 9
    minute: int = 0
    max_per_issue: int = 5
    no_repeat: int = 2  #: a tool isn't shown twice within so many issues
    language: str = Field(default="en", sa_type=String(16))


class Issue(SQLModel, table=True):
    """One numbered, dated instalment: the frozen pick and its subject."""

    __table_args__ = (
        UniqueConstraint("newsletter_id", "number"),
        UniqueConstraint("newsletter_id", "period"),
    )

    id: int | None = Field(default=None, primary_key=True)
    newsletter_id: int = Field(foreign_key="newsletter.id")
    number: int | None = None  #: counts the issues that exist; ``None`` for a skipped week
    period: str = Field(sa_type=String(16))  #: ISO week, "2026-W48"
    state: IssueState = Field(sa_type=closed_set(IssueState))
    note: str = Field(default="", sa_type=Text)  #: why it was skipped, paused or cancelled
    pick: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)  #: every reason, as told then
    built_at: datetime
    prepared_at: datetime | None = None
    sent_at: datetime | None = None


class Placement(SQLModel, table=True):
    """One comparison's place in one issue."""

    __table_args__ = (
        UniqueConstraint("issue_id", "position"),
        UniqueConstraint("issue_id", "comparison_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id")
    position: int  #: counts from 1
    comparison_id: int = Field(foreign_key="comparison.id", index=True)
    revision_id: int = Field(foreign_key="comparison_revision.id")


class Edition(SQLModel, table=True):
    """One rendering of an issue for one slice of its audience; never changed."""

    __table_args__ = (UniqueConstraint("issue_id", "slice", "revision"),)

    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id")
    slice: str = Field(default="everyone", sa_type=String(64))
    revision: int = 1
    language: str = Field(default="en", sa_type=String(16))
    subject: str = Field(sa_type=String(998))
    preheader: str = Field(default="", sa_type=Text)
    html: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    fingerprint: str = Field(sa_type=String(64))  #: SHA-256 of subject, preheader, HTML and text
    frozen_at: datetime
