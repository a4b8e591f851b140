"""How an issue, its checks and what was decided on it are shown as JSON.

The fields are those of the commands' ``--json``, which come from the same functions.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field

from digest.delivery.reporting import ExclusionCount, IssuePhase, Problem
from digest.issues.issue_facts import chosen_facts, issue_facts
from digest.issues.models import Edition, Issue, IssueState
from digest.issues.variants import VariantNote
from digest.render.lint import Finding


class IssueSummary(BaseModel):
    """An issue in a list."""

    issue: int = Field(description="Its number within its newsletter.", examples=[12])
    period: str = Field(description="The ISO week it's for.", examples=["2026-W49"])
    corrects: int | None = Field(description="The number of the issue it corrects, if it does.")
    state: IssueState
    note: str = Field(description="Why it was paused or cancelled, for people.")
    subject: str
    preheader: str
    revision: int = Field(description="How often it was built.")
    fingerprint: str = Field(description="SHA-256 of what readers get.")
    variants: list[VariantNote] = Field(description="Variants that begin with one reviewer.")
    html_bytes: int
    text_bytes: int
    built_at: datetime
    prepared_at: datetime | None = Field(description="When its audience was frozen.")
    sent_at: datetime | None = Field(description="When nothing of it waited any more.")


class IssueDetail(IssueSummary):
    """An issue with what it carries, and why."""

    pick: dict[str, Any] = Field(
        description="What was chosen and left out, with the reasons: as `digest pick --json`."
    )
    draft: dict[str, Any] | None = Field(
        description="What editors wrote and chose; null where that isn't known."
    )


class BuiltAnswer(IssueDetail):
    """An issue that was just built, with what the checks found."""

    findings: list[Finding]


class IssueCheck(BaseModel):
    """What the checks find in an issue as it is now."""

    issue: int
    findings: list[Finding] = Field(description="An error forbids sending; a warning is accepted.")


class IssueStatusAnswer(BaseModel):
    """Where an issue stands; what readers it went to, and what became of their copies."""

    issue: int
    period: str
    corrects: int | None
    state: IssueState
    phase: IssuePhase = Field(description="The state in the words that people read.")
    note: str
    candidates: int = Field(
        description="accepted + refused + excluded + pending + in_doubt; 0 before it's planned."
    )
    accepted: int
    refused: int
    excluded: int
    pending: int
    in_doubt: int
    under_way: int = Field(description="The part of in_doubt whose request has just left.")
    called_off: int = Field(description="The part of excluded that was cancelled.")
    parked: int = Field(description="The part of pending that waits for a person.")
    delivered: int
    deferred: int
    bounced: int
    blocked: int
    dropped: int
    complained: int
    unheard: int = Field(description="Accepted copies that no event has told of yet.")
    in_outbox: int = Field(description="Copies in the outbox folder, which reached nobody.")
    left_out: list[ExclusionCount]
    problems: list[Problem]
    waits: str = Field(description="What the sender's pace lets it wait for, for people.")
    next_step: str = Field(description="What a person can do, in words.")
    dated: date
    approved: bool
    approved_by: list[str]
    approved_at: datetime | None
    approval_void: list[str] = Field(description="What has changed since it was approved.")
    would_get: int | None = Field(description="Readers who would get it now; null once planned.")
    leaves_at: datetime | None = Field(description="When the service sends it by itself.")
    hold: str | None = Field(description="Why nothing is sent by this database; null for no hold.")


class IssueChange(BaseModel):
    """The state of an issue after a change."""

    issue: int
    state: IssueState
    note: str


class ApprovalAnswer(BaseModel):
    """An approval that was given."""

    issue: int
    seal: str = Field(description="SHA-256 of what was approved: mail, audience, templates.")
    by: str = Field(description="The token's name.")
    accepted: list[str] = Field(description="The rules whose warnings were accepted.")
    given: int = Field(description="How many have approved the issue as it is now.")
    needed: int
    next_steps: list[str] = Field(description="What happens now, for people.")


class SentBackAnswer(BaseModel):
    """An issue that was sent back."""

    issue: int
    by: str
    note: str
    at: datetime
    next_step: str = Field(description="What lets it go after all, for people.")


class ResumeAnswer(BaseModel):
    """An issue that was let go on."""

    issue: int
    paused: bool = Field(description="It stays paused: its sender is new, and needs an approval.")
    first_wave_first: bool = Field(description="The first wave goes alone; the rest waits for it.")
    new_sender: str | None = Field(description="The sender it comes from now, if that changed.")


class MoveAnswer(BaseModel):
    """An issue at its new moment."""

    newsletter: str
    period: str
    at: datetime = Field(description="The moment in UTC.")
    local: datetime = Field(description="The moment in the newsletter's time zone.")
    next_steps: list[str] = Field(description="What has to be done since the day is another one.")


def issue_summary(issue: Issue, edition: Edition) -> IssueSummary:
    """Return an issue as an entry of a list."""
    return IssueSummary(**issue_facts(issue, edition))


def issue_detail(issue: Issue, edition: Edition) -> IssueDetail:
    """Return an issue as it is shown alone: its entity tag is the version that changes name."""
    return IssueDetail(**chosen_facts(issue, edition))
