"""Tables of newsletters, issues, editions, approvals, drafts and slots."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, String, Text, UniqueConstraint, false, true
from sqlmodel import Field

from digest.images import Image
from digest.issues.calendar import Cadence, Frequency
from digest.render.brand import Font
from subscribers.sql import BigId, TableModel, closed_set, partial_index


class Draft(TableModel, table=True):
    """The current step of an issue's draft; 0 is before the first step."""

    newsletter_id: int = Field(foreign_key="newsletter.id", primary_key=True)
    period: str = Field(primary_key=True, sa_type=String(16))
    step: int = 0


class DraftStep(TableModel, table=True):
    """The editors' decisions after one change; undo moves the draft back one step."""

    __tablename__ = "draft_step"
    __table_args__ = (UniqueConstraint("newsletter_id", "period", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    newsletter_id: int = Field(foreign_key="newsletter.id")
    period: str = Field(sa_type=String(16))
    number: int  #: counts from 1
    what: str = Field(sa_type=String(200))  #: the change, in an editor's words
    decisions: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    at: datetime


class ApprovalAct(StrEnum):
    """What an entry in the record of approvals says."""

    APPROVED = "approved"  #: a person consents
    SENT_BACK = "sent-back"  #: a person refuses; the note says what has to change
    WITHDRAWN = "withdrawn"  #: the approvals before it hold no longer; the note says why


class ApprovalChannel(StrEnum):
    """By what way a person decided on an issue."""

    COMMAND = "command"  #: on the command line
    DESK = "desk"  #: at the editor's desk
    LINK = "link"  #: on the page that a letter to an editor links to
    API = "api"  #: by a program, under the name of its token


class Approval(TableModel, table=True):
    """One entry in the record of who approved an issue or sent it back; never updated.

    An approval is a person's consent that the issue is sent exactly as it was then.
    """

    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", index=True)
    act: ApprovalAct = Field(default=ApprovalAct.APPROVED, sa_type=closed_set(ApprovalAct))
    seal: str = Field(default="", sa_type=String(64))  #: SHA-256 over the three below
    editions: list[str] = Field(default_factory=list, sa_type=JSON)  #: each edition's fingerprint
    audience: str = Field(default="", sa_type=Text)  #: the audience as a rule in words
    templates: str = Field(default="", sa_type=String(64))  #: SHA-256 of the templates
    accepted: list[str] = Field(
        default_factory=list, sa_type=JSON
    )  #: rules whose warnings are accepted
    note: str = Field(default="", sa_type=Text)
    by: str = Field(sa_type=String(200))
    #: ``None`` in an entry older than this column.
    channel: ApprovalChannel | None = Field(default=None, sa_type=closed_set(ApprovalChannel))
    at: datetime


class ReviewCode(TableModel, table=True):
    """A code mailed to an editor, which decides once; it is made of *nonce* and the secret."""

    __tablename__ = "review_code"

    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id", index=True)
    editor: str = Field(sa_type=String(8))  #: the mark of the editor's address
    fingerprint: str = Field(sa_type=String(64))  #: of the mail the editor saw
    nonce: str = Field(sa_type=String(32))
    letter_id: int = Field(sa_type=BigId)  #: the row of `letter_to_send` that brings it
    asked_at: datetime
    tries: int = 0  #: wrong codes given for it
    used_at: datetime | None = None


class TemplateSet(TableModel, table=True):
    """The templates an edition was rendered with, stored once for each hash."""

    __tablename__ = "template_set"

    hash: str = Field(primary_key=True, sa_type=String(64))
    files: dict[str, str] = Field(sa_type=JSON)  #: from template name to source


class Recipe(TableModel, table=True):
    """The inputs of an edition, from which it can be rendered again."""

    edition_id: int = Field(foreign_key="edition.id", primary_key=True)
    made_from: dict[str, Any] = Field(sa_type=JSON)
    #: Findings of its templates; the finished mail doesn't show all of them.
    findings: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    templates: str = Field(foreign_key="template_set.hash", sa_type=String(64))


class IssueState(StrEnum):
    """The state of an issue."""

    BUILT = "built"  #: the edition is frozen, the audience isn't
    PREPARED = "prepared"  #: the audience is frozen and cut into batches, which may be claimed
    PAUSED = "paused"  #: prepared, and no batch is claimed until the issue is resumed
    SENT = "sent"  #: no recipient is pending or in doubt
    CANCELLED = "cancelled"  #: by a person's decision; pending mail is never sent
    SKIPPED = "skipped"  #: the period has no issue; the note tells why


class WhenEmpty(StrEnum):
    """What happens in a period without new comparisons."""

    SKIP = "skip"  #: no issue comes out
    EVERGREEN = "evergreen"  #: a short issue from the evergreen list


class Tracking(StrEnum):
    """What is recorded of opens and clicks; each mail states it."""

    OFF = "off"  #: nothing; no link is rewritten and no image is added
    ANONYMOUS = "anonymous"  #: numbers only
    READER = "reader"  #: the links that each reader followed


class Newsletter(TableModel, table=True):
    """A named series one can subscribe to."""

    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True, sa_type=String(64))
    name: str = Field(sa_type=String(200))
    description: str = Field(default="", sa_type=Text)
    timezone: str = Field(default="UTC", sa_type=String(64))
    every: Frequency = Field(default=Frequency.WEEK, sa_type=closed_set(Frequency))
    weekday: int = 1  #: 0 is Monday
    hour: int = 9
    minute: int = 0
    nth: int | None = None  #: which weekday of the month, 1 to 4, -1 for the last
    anchor: date | None = None  #: a day in a week with an issue, for every second week
    scheduled: bool = True  #: false: the service neither builds nor sends
    scheduled_since: datetime | None = None  #: moments before it are ignored
    build_lead: int = 48  #: hours before its moment that an issue is built
    remind_lead: int = 24  #: hours before its moment that its editors are reminded
    max_lateness: int = 12  #: hours after its moment in which an issue is still sent by itself
    when_empty: WhenEmpty = Field(default=WhenEmpty.SKIP, sa_type=closed_set(WhenEmpty))
    evergreen: list[str] = Field(default_factory=list, sa_type=JSON)  #: slugs of comparisons
    tracking: Tracking = Field(default=Tracking.OFF, sa_type=closed_set(Tracking))
    unattended: bool = False  #: an issue without findings may be sent without approval
    #: How many people have to approve an issue.
    approvals_needed: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    max_per_issue: int = 5
    min_per_issue: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    no_repeat: int = 2  #: number of issues for which a tool rests
    #: The points of the pick that differ from those of `PickPoints`, by name.
    points: dict[str, float] = Field(
        default_factory=dict, sa_type=JSON, sa_column_kwargs={"server_default": "{}"}
    )
    language: str = Field(default="en", sa_type=String(16))
    #: Who its mail is from; each is empty where the installation's setting counts.
    sender: str = Field(default="", sa_type=String(400), sa_column_kwargs={"server_default": ""})
    reply_to: str = Field(default="", sa_type=String(400), sa_column_kwargs={"server_default": ""})
    postal_address: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    #: Its colour on white, "#2744c4"; empty for the design's own.
    accent: str = Field(default="", sa_type=String(7), sa_column_kwargs={"server_default": ""})
    #: Key of its logo's image; ``None`` where its name stands instead.
    logo: str | None = Field(
        default=None, foreign_key=f"{Image.__tablename__}.key", sa_type=String(64)
    )
    #: What the logo is to who can't see it; empty for the newsletter's name.
    logo_alt: str = Field(default="", sa_type=String(200), sa_column_kwargs={"server_default": ""})
    font: Font = Field(
        default=Font.CLASSIC,
        sa_type=closed_set(Font),
        sa_column_kwargs={"server_default": Font.CLASSIC.value},
    )
    #: Whether the links to what it compares carry the tags that web statistics read.
    utm: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    #: Listed on the site, and open to sign-ups; false: known to its readers only.
    public: bool = Field(default=True, sa_column_kwargs={"server_default": true()})
    archived_at: datetime | None = None  #: since then, no issue is built or sent, nobody signs up

    @property
    def running(self) -> bool:
        """Whether the service builds and sends its issues: scheduled, and not archived."""
        return self.scheduled and self.archived_at is None

    @property
    def open(self) -> bool:
        """Whether strangers may sign up: public, and not archived."""
        return self.public and self.archived_at is None

    def cadence(self) -> Cadence:
        """Return the cadence of the newsletter; raises `BadCadence`."""
        return Cadence(
            every=self.every,
            weekday=self.weekday,
            hour=self.hour,
            minute=self.minute,
            timezone=self.timezone,
            nth=self.nth,
            anchor=self.anchor,
        )


#: The numbers of corrections lie beyond it: the first of issue 12 is 100012, the second 200012.
CORRECTION_STEP = 100_000


class Issue(TableModel, table=True):
    """One numbered instalment of a newsletter, or the correction of one, with the frozen pick."""

    __table_args__ = (
        UniqueConstraint("newsletter_id", "number"),
        partial_index(
            "ix_issue_period",
            "newsletter_id",
            "period",
            unique=True,  # a cancelled week can be built again, as another issue
            where="state <> 'cancelled'",
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    newsletter_id: int = Field(foreign_key="newsletter.id")
    #: Counts the issues that exist, corrections apart; ``None`` for a skipped week.
    number: int | None = None
    #: ISO week, "2026-W48"; of a correction with its number, since it has no place in the calendar.
    period: str = Field(sa_type=String(16))
    corrects_issue_id: int | None = Field(default=None, foreign_key="issue.id")
    state: IssueState = Field(sa_type=closed_set(IssueState))
    note: str = Field(default="", sa_type=Text)  #: why it was skipped, paused or cancelled
    pick: dict[str, Any] = Field(
        default_factory=dict, sa_type=JSON
    )  #: the pick with its reasons, as JSON types
    built_at: datetime
    prepared_at: datetime | None = None
    sent_at: datetime | None = None

    @property
    def corrected_number(self) -> int | None:
        """Return the number of the weekly issue that a correction is about; else ``None``."""
        if self.corrects_issue_id is None or self.number is None:
            return None
        return self.number % CORRECTION_STEP


class Placement(TableModel, table=True):
    """The position of one comparison in one issue."""

    __table_args__ = (
        UniqueConstraint("issue_id", "position"),
        UniqueConstraint("issue_id", "comparison_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id")
    position: int  #: counts from 1
    comparison_id: int = Field(foreign_key="comparison.id", index=True)
    revision_id: int = Field(foreign_key="comparison_revision.id")


class Edition(TableModel, table=True):
    """One rendering of an issue for one slice of its audience; never updated."""

    __table_args__ = (UniqueConstraint("issue_id", "slice", "revision"),)

    id: int | None = Field(default=None, primary_key=True)
    issue_id: int = Field(foreign_key="issue.id")
    slice: str = Field(default="everyone", sa_type=String(64))
    revision: int = 1
    language: str = Field(default="en", sa_type=String(16))
    #: What its mail says is recorded of opens and clicks, also when the newsletter changes.
    tracking: Tracking = Field(default=Tracking.OFF, sa_type=closed_set(Tracking))
    subject: str = Field(sa_type=String(998))
    preheader: str = Field(default="", sa_type=Text)
    html: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    #: SHA-256 of subject, preheader, HTML and text, and of its variants.
    fingerprint: str = Field(sa_type=String(64))
    frozen_at: datetime


class EditionVariant(TableModel, table=True):
    """An edition that leads with the quote of one reviewer, for readers who agree with them."""

    __tablename__ = "edition_variant"

    edition_id: int = Field(foreign_key="edition.id", primary_key=True)
    seat: int = Field(primary_key=True)  #: of the panel, from 1
    html: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)


class SlotState(StrEnum):
    """The state of a slot."""

    AHEAD = "ahead"  #: claimed, without a draft; the note tells why
    DRAFTED = "drafted"  #: the editors have a draft
    HELD = "held"  #: due, but not allowed to be sent; sent once it is allowed, unless too late
    RELEASED = "released"  #: the audience is frozen; sending is under way or done
    SKIPPED = "skipped"  #: no issue comes out; the note tells why
    MISSED = "missed"  #: later than `max_lateness`; a person may still send it


class Slot(TableModel, table=True):
    """One period of a newsletter, claimed once, with its moment as the calendar had it then."""

    __tablename__ = "turn"

    __table_args__ = (UniqueConstraint("newsletter_id", "period"),)

    id: int | None = Field(default=None, primary_key=True)
    newsletter_id: int = Field(foreign_key="newsletter.id")
    period: str = Field(sa_type=String(16))
    day: date  #: the day the cadence names
    due_at: datetime
    state: SlotState = Field(sa_type=closed_set(SlotState))
    note: str = Field(default="", sa_type=Text)
    claimed_at: datetime


class Blackout(TableModel, table=True):
    """Days without an issue."""

    id: int | None = Field(default=None, primary_key=True)
    newsletter_id: int = Field(foreign_key="newsletter.id")
    first: date
    last: date  #: inclusive
    why: str = Field(sa_type=String(200))


class SlotShift(TableModel, table=True):
    """The moved moment of one period."""

    __tablename__ = "shift"

    newsletter_id: int = Field(foreign_key="newsletter.id", primary_key=True)
    period: str = Field(primary_key=True, sa_type=String(16))
    wall: str = Field(sa_type=String(16))  #: naive local time: 2026-11-26T10:00
    why: str = Field(default="", sa_type=String(200))


class JobRun(TableModel, table=True):
    """The last run of one job of the service, its result, and when the job runs next."""

    __tablename__ = "tick"

    name: str = Field(primary_key=True, sa_type=String(32))
    every: int  #: seconds
    started_at: datetime
    ended_at: datetime | None = None  #: ``None`` while it runs, or when its process died in it
    next_at: datetime
    ok: bool = True
    result: str = Field(default="", sa_type=Text)
    owner: str = Field(default="", sa_type=String(200))
