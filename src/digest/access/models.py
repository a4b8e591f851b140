"""Tables of the API: its tokens, and the answers kept for a repeated request."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, String, Text, UniqueConstraint
from sqlmodel import Field

from subscribers.sql import BigId, TableModel, partial_index

_NOT_REVOKED = "revoked_at IS NULL"


class Scope(StrEnum):
    """What a token lets a program do."""

    COMPARISONS_READ = "comparisons:read"  #: read comparisons, also those that aren't public
    COMPARISONS_WRITE = "comparisons:write"  #: add, change and withdraw comparisons
    ISSUES_READ = "issues:read"  #: read issues, built or sent
    ISSUES_WRITE = "issues:write"  #: build, approve and schedule issues
    SUBSCRIBERS_READ = "subscribers:read"  #: look readers up by address, and export their data
    SUBSCRIBERS_WRITE = "subscribers:write"  #: add readers, let them leave, and erase them
    SOURCES_READ = "sources:read"  #: read sources, polls and proposals
    SOURCES_WRITE = "sources:write"  #: add and remove sources, accept and dismiss proposals
    REPORTS_READ = "reports:read"  #: read the reports on issues
    STATUS_READ = "status:read"  #: read how the service does


class ApiToken(TableModel, table=True):
    """A token of the API; its secret part is stored as a keyed hash only."""

    __tablename__ = "api_token"
    __table_args__ = (
        # A name is free again once its token was revoked.
        partial_index(
            "ix_api_token_name",
            "name",
            unique=True,
            where=_NOT_REVOKED,
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(sa_type=String(64))
    start: str = Field(sa_type=String(16), unique=True)  #: by which it is found, and listed
    secret_hash: str = Field(sa_type=String(64), repr=False)
    scopes: list[str] = Field(sa_type=JSON)  #: values of `Scope`
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None  #: to the minute
    revoked_at: datetime | None = None


class KeptAnswer(TableModel, table=True):
    """The answer to a request that named an idempotency key."""

    __tablename__ = "api_answer"
    __table_args__ = (UniqueConstraint("token_id", "key_hash"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    token_id: int = Field(foreign_key="api_token.id", ondelete="CASCADE", sa_type=BigId)
    key_hash: str = Field(sa_type=String(64))  #: a client may put anything into a key
    request_hash: str = Field(sa_type=String(64))  #: of method, path, query and body
    status: int = 0  #: of HTTP; 0 until its work is done
    headers: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    body: str = Field(default="", sa_type=Text, repr=False)
    at: datetime = Field(index=True)
    #: The reader whom the body names: erased with them.
    subscriber_id: int | None = Field(
        default=None, foreign_key="subscriber.id", ondelete="CASCADE", sa_type=BigId, index=True
    )
