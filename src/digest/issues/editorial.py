"""What editors decide of an issue, and what its editions were made from, as it is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String, Text, UniqueConstraint
from sqlmodel import Field, SQLModel


class Draft(SQLModel, table=True):
    """Where an issue's draft stands among its steps; 0 is before the first."""

    newsletter_id: int = Field(foreign_key="newsletter.id", primary_key=True)
    period: str = Field(primary_key=True, sa_type=String(16))
    step: int = 0


class DraftStep(SQLModel, table=True):
    """Everything the editors had decided after one change; undoing goes back a step."""

    __tablename__ = "draft_step"
    __table_args__ = (UniqueConstraint("newsletter_id", "period", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    newsletter_id: int = Field(foreign_key="newsletter.id")
    period: str = Field(sa_type=String(16))
    number: int  #: counts from 1
    what: str = Field(sa_type=String(200))  #: the change, as an editor would say it
    decisions: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    at: datetime


class Approval(SQLModel, table=True):
    """One person's word that an issue may go out exactly as it was then; never changed."""

    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", index=True)
    seal: str = Field(sa_type=String(64))  #: SHA-256 over the three below
    editions: list[str] = Field(sa_type=JSON)  #: the fingerprint of each edition
    audience: str = Field(sa_type=Text)  #: who gets it, as a rule in words
    templates: str = Field(sa_type=String(64))  #: SHA-256 of the templates
    accepted: list[str] = Field(
        default_factory=list, sa_type=JSON
    )  #: rules whose warnings are fine
    by: str = Field(sa_type=String(200))
    at: datetime


class TemplateSet(SQLModel, table=True):
    """The templates a mail was made of, kept once, known by their hash."""

    __tablename__ = "template_set"

    hash: str = Field(primary_key=True, sa_type=String(64))
    files: dict[str, str] = Field(sa_type=JSON)  #: name to source


class Recipe(SQLModel, table=True):
    """Everything an edition was made from, so that it can be made again."""

    edition_id: int = Field(foreign_key="edition.id", primary_key=True)
    made_from: dict[str, Any] = Field(sa_type=JSON)
    #: What was wrong with its templates; the finished mail doesn't show all of it.
    findings: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    templates: str = Field(foreign_key="template_set.hash", sa_type=String(64))
