"""The JSON that the API takes and returns, an object a class.

Made by scripts/client_types.py from the OpenAPI document: change the API, and run it again.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class AcceptedAnswerJson(TypedDict):
    """What accepting a proposal did."""

    proposal: int
    kind: Literal["new", "revision", "withdrawal"]
    comparison: str
    revision: int | None
    warnings: list[str]


class AddedSourceJson(TypedDict):
    """A source that was just added."""

    id: int
    url: str
    kind: Literal["sitemap", "feed", "page", "json"]
    match: str | None
    newsletter: str | None
    accept: Literal["none", "changes", "all"]
    paused: bool
    added_at: str
    last_poll_at: str | None
    next_poll_at: str | None
    under_way: bool
    ok: bool
    result: str
    pages: int
    refused: int
    waiting: int
    found: int
    left_out: int


class AddressOrderJson(TypedDict):
    """Whom to look up; in a body, since addresses don't belong in URLs."""

    address: str


class ApprovalAnswerJson(TypedDict):
    """An approval that was given."""

    issue: int
    seal: str
    by: str
    accepted: list[str]
    given: int
    needed: int
    next_steps: list[str]


class ApprovalOrderJson(TypedDict):
    """Which warnings are accepted."""

    despite: NotRequired[list[str]]
    accept_warnings: NotRequired[bool]


class AudienceCountsJson(TypedDict):
    """The numbers of a newsletter's readers; ``total`` is the sum over the standings."""

    newsletter: str
    total: int
    mailable: int
    standings: dict[str, int]
    excluded: dict[str, int]
    sources: dict[str, int]
    weeks: list[WeeklyGrowthJson]
    let_in: int
    stopped: dict[str, int]


class BuildOrderJson(TypedDict):
    """What to build; by default, the next issue that is due."""

    period: NotRequired[str | None]
    count: NotRequired[int | None]
    again: NotRequired[bool]


class BuiltAnswerJson(TypedDict):
    """An issue that was just built, with what the checks found."""

    issue: int
    period: str
    corrects: int | None
    state: Literal["built", "prepared", "paused", "sent", "cancelled", "skipped"]
    note: str
    subject: str
    preheader: str
    revision: int
    fingerprint: str
    variants: list[VariantNoteJson]
    html_bytes: int
    text_bytes: int
    built_at: str
    prepared_at: str | None
    sent_at: str | None
    pick: dict[str, Any]
    draft: dict[str, Any] | None
    findings: list[FindingJson]


class CarryingIssueEntryJson(TypedDict):
    """An issue that carries a comparison."""

    newsletter: str
    number: int
    period: str
    state: Literal["built", "prepared", "paused", "sent", "cancelled", "skipped"]


class ChangeJson(TypedDict):
    """One field that differs: its name in words, and its text before and after."""

    field: str
    before: str
    after: str


class ComparisonContentJson(TypedDict):
    """The keys of a JSON file, which are all that a page can say as well."""

    format: NotRequired[Literal[1]]
    slug: NotRequired[str | None]
    kicker: NotRequired[str]
    title: NotRequired[str | None]
    question: NotRequired[str]
    intro: NotRequired[str]
    published_on: NotRequired[str | None]
    url: NotRequired[str | None]
    weight: NotRequired[float]
    labels: NotRequired[list[str]]
    seats: NotRequired[int]
    contenders: list[ContenderDraftJson]
    closing: NotRequired[list[str]]


class ComparisonEntryJson(TypedDict):
    """A comparison in a list; what only a token is shown is missing without one."""

    slug: str
    title: str
    revision: int
    published_on: str | None
    imported_on: str
    page: str
    contenders: list[ContenderEntryJson]
    weight: NotRequired[float]
    withdrawn: NotRequired[bool]


class ComparisonFactsJson(TypedDict):
    """A comparison with its verdicts; what only a token is shown is missing without one."""

    slug: str
    revision: int
    imported_at: str
    kicker: str
    title: str
    question: str
    intro: str
    published_on: str | None
    url: str | None
    page: str
    seats: int
    closing: list[str]
    leans: str | None
    contenders: list[ContenderFactsJson]
    revisions: NotRequired[int]
    withdrawn_at: NotRequired[str | None]
    withdrawn_why: NotRequired[str]
    set_by_editors: NotRequired[dict[str, Any]]
    editor: NotRequired[str | None]
    weight: NotRequired[float]
    labels: NotRequired[list[str]]
    form: NotRequired[Literal["page", "json"]]
    source: NotRequired[str]


class ComparisonVotesJson(TypedDict):
    """What readers voted on a comparison."""

    slug: str
    title: str
    since: str | None
    turnout: int
    tools: list[ToolVotesJson]
    held: dict[str, int]
    taken_back: int


class ConsentEntryJson(TypedDict):
    """One entry of the consent record."""

    newsletter: str
    act: Literal["asked", "confirmed", "imported", "withdrawn", "returned", "moved", "erased"]
    channel: str
    form: str
    language: str
    at: str
    wording_hash: str | None
    wording: str | None
    network: str | None


class ConsentEvidenceJson(TypedDict):
    """How the reader agreed; it's kept as proof."""

    form: str
    words: str
    asked_at: NotRequired[str | None]
    confirmed: NotRequired[str | None]


class ContenderDraftJson(TypedDict):
    """One contender; shares are in percent, and ``None`` when none was published."""

    category: NotRequired[str]
    name: str
    tagline: NotRequired[str]
    panel_share: NotRequired[float | None]
    community_share: NotRequired[float | None]
    entry: NotRequired[str]
    description: NotRequired[str]
    url: NotRequired[str | None]
    verdicts: list[VerdictDraftJson]


class ContenderEntryJson(TypedDict):
    """One side of a comparison in a list."""

    tool: str
    name: str
    category: str
    panel_share: float | None


class ContenderFactsJson(TypedDict):
    """One side of a comparison."""

    side: str
    tool: str
    category: str
    name: str
    tagline: str
    panel_share: float | None
    community_share: float | None
    entry: Literal["free", "paid", "other"] | None
    entry_text: str
    description: str
    url: str | None
    ships: int | None
    skips: int | None
    verdicts: list[ReviewerVerdictJson]


class DismissOrderJson(TypedDict):
    """Why a proposal is dismissed."""

    why: NotRequired[str]


class DismissedAnswerJson(TypedDict):
    """A proposal that was dismissed."""

    proposal: int
    dismissed: bool
    why: str


class EditionRowJson(TypedDict):
    """One edition of the issue, with the counts of its deliveries; most issues have one."""

    slice: str
    revision: int
    language: str
    fingerprint: str
    accepted: int
    delivered: int
    deferred: int
    blocked: int
    bounced: int
    dropped: int
    complained: int


class EraseAnswerJson(TypedDict):
    """A reader was erased."""

    erased: bool


class ExclusionCountJson(TypedDict):
    """How many readers were left out for one reason."""

    outcome: Literal["excluded", "refused"]
    reason: str
    readers: int


class FieldProblemJson(TypedDict):
    """One fault of a request."""

    pointer: str
    detail: str


class FindingJson(TypedDict):
    """One fault of a mail: its place, its message, and how to mend it."""

    rule: str
    severity: Literal["error", "warning"]
    place: Literal["subject", "preheader", "html", "text", "mjml"]
    message: str
    mend: str
    line: NotRequired[int | None]
    column: NotRequired[int | None]
    file: NotRequired[str]
    words: NotRequired[str]


class IssueChangeJson(TypedDict):
    """The state of an issue after a change."""

    issue: int
    state: Literal["built", "prepared", "paused", "sent", "cancelled", "skipped"]
    note: str


class IssueCheckJson(TypedDict):
    """What the checks find in an issue as it is now."""

    issue: int
    findings: list[FindingJson]


class IssueDetailJson(TypedDict):
    """An issue with what it carries, and why."""

    issue: int
    period: str
    corrects: int | None
    state: Literal["built", "prepared", "paused", "sent", "cancelled", "skipped"]
    note: str
    subject: str
    preheader: str
    revision: int
    fingerprint: str
    variants: list[VariantNoteJson]
    html_bytes: int
    text_bytes: int
    built_at: str
    prepared_at: str | None
    sent_at: str | None
    pick: dict[str, Any]
    draft: dict[str, Any] | None


class IssueNumbersJson(TypedDict):
    """What became of the copies of one issue: readers, unless a field says otherwise."""

    accepted: int
    delivered: int
    failures_only: bool
    deferred: int
    bounced: int
    blocked: int
    dropped: int
    complained: int
    left: int
    late_bounces: int
    opened_people: int
    opened_machines: int
    clicked_surely: int
    clicked_all: int
    clicks_surely: int
    clicks_all: int
    links: list[LinkStatisticsJson]
    providers: list[ProviderStatisticsJson]
    causes: dict[str, int]
    timeline: list[list[Any]]
    unheard: int
    complaint_rate: float | None


class IssueStatusAnswerJson(TypedDict):
    """Where an issue stands; what readers it went to, and what became of their copies."""

    issue: int
    period: str
    corrects: int | None
    state: Literal["built", "prepared", "paused", "sent", "cancelled", "skipped"]
    phase: Literal[
        "built", "sending", "paused", "written to the outbox folder", "sent", "cancelled", "skipped"
    ]
    note: str
    candidates: int
    accepted: int
    refused: int
    excluded: int
    pending: int
    in_doubt: int
    under_way: int
    called_off: int
    parked: int
    delivered: int
    deferred: int
    bounced: int
    blocked: int
    dropped: int
    complained: int
    unheard: int
    in_outbox: int
    left_out: list[ExclusionCountJson]
    problems: list[ProblemJson]
    waits: str
    next_step: str
    dated: str
    approved: bool
    approved_by: list[str]
    approved_at: str | None
    approval_void: list[str]
    would_get: int | None
    leaves_at: str | None
    hold: str | None


class IssueSummaryJson(TypedDict):
    """An issue in a list."""

    issue: int
    period: str
    corrects: int | None
    state: Literal["built", "prepared", "paused", "sent", "cancelled", "skipped"]
    note: str
    subject: str
    preheader: str
    revision: int
    fingerprint: str
    variants: list[VariantNoteJson]
    html_bytes: int
    text_bytes: int
    built_at: str
    prepared_at: str | None
    sent_at: str | None


class JobStatusJson(TypedDict):
    """One job that the service runs by itself."""

    name: str
    last_run: str
    next_run: str
    running: bool
    ok: bool
    result: str
    overdue: bool


class LeaveAnswerJson(TypedDict):
    """Whether a reader left."""

    newsletter: str
    unsubscribed: bool


class LeaveOrderJson(TypedDict):
    """What a reader leaves."""

    newsletter: str


class LinkRowJson(TypedDict):
    """One link of the mail, with the counts of its clicks and readers."""

    words: str
    section: str
    url: str
    surely: int
    readers: int
    clicks: int


class LinkStatisticsJson(TypedDict):
    """One link: how many readers followed it, surely and in all, and how often."""

    url: str
    surely: int
    readers: int
    clicks: int


class MoveAnswerJson(TypedDict):
    """An issue at its new moment."""

    newsletter: str
    period: str
    at: str
    local: str
    next_steps: list[str]


class MoveOrderJson(TypedDict):
    """When an issue comes out."""

    to: str
    why: NotRequired[str]


class PeriodStatusJson(TypedDict):
    """One period of the last four weeks."""

    period: str
    due_at: str
    state: str
    note: str
    next_step: str
    newsletter: str


class ProblemJson(TypedDict):
    """One thing that is stuck, and the next step for a person."""

    what: str
    next_step: str
    batch: NotRequired[str | None]
    readers: NotRequired[int]
    since: NotRequired[str | None]
    evidence: NotRequired[str | None]


class ProblemDocumentJson(TypedDict):
    """What went wrong (RFC 9457), and what to do next."""

    type: str
    title: str
    status: int
    detail: str
    next_step: NotRequired[str | None]
    errors: NotRequired[list[FieldProblemJson] | None]


class ProposalDetailJson(TypedDict):
    """What a source wants to change, with the whole content."""

    id: int
    source: int
    url: str
    kind: Literal["new", "revision", "withdrawal"]
    title: str
    comparison: str | None
    found_at: str
    warnings: list[str]
    changes: list[ChangeJson]
    content: dict[str, Any] | None


class ProposalEntryJson(TypedDict):
    """What a source wants to change."""

    id: int
    source: int
    url: str
    kind: Literal["new", "revision", "withdrawal"]
    title: str
    comparison: str | None
    found_at: str
    warnings: list[str]
    changes: list[ChangeJson]


class ProviderStatisticsJson(TypedDict):
    """How an edition fared with one mailbox provider; all numbers are deliveries."""

    name: str
    accepted: NotRequired[int]
    delivered: NotRequired[int]
    deferred: NotRequired[int]
    bounced: NotRequired[int]
    blocked: NotRequired[int]
    dropped: NotRequired[int]
    complained: NotRequired[int]


class RemovedSourceJson(TypedDict):
    """A source that isn't followed any more."""

    id: int
    removed: bool
    proposals_deleted: int


class ReportAnswerJson(TypedDict):
    """What became of an issue."""

    newsletter: str
    number: int
    period: str
    subject: str
    sent_at: str | None
    dated: str
    tracking: Literal["off", "anonymous", "reader"]
    numbers: IssueNumbersJson
    sections: list[SectionRowJson]
    links: list[LinkRowJson]
    unsubscribed: int
    growth: AudienceCountsJson
    editions: list[EditionRowJson]
    corrects: int | None
    in_folder: bool
    votes: VotesOfAnIssueJson


class RestoredComparisonJson(TypedDict):
    """A comparison that is back."""

    slug: str
    withdrawn: bool


class ResumeAnswerJson(TypedDict):
    """An issue that was let go on."""

    issue: int
    paused: bool
    first_wave_first: bool
    new_sender: str | None


class ResumeOrderJson(TypedDict):
    """How an issue goes on."""

    past_first_wave: NotRequired[bool]


class ReviewerVerdictJson(TypedDict):
    """What one reviewer says of one tool."""

    seat: int
    quote: str
    call: Literal["ship", "skip"] | None
    reviewer: str | None


class ScannedCopiesJson(TypedDict):
    """Copies whose links a program followed."""

    copies: int
    signs: dict[str, int]
    pressed: int


class SectionRowJson(TypedDict):
    """One comparison of the mail; each reader counts once a link."""

    title: str
    surely: int
    readers: int


class SendBackOrderJson(TypedDict):
    """Why an issue is sent back."""

    note: str


class SentBackAnswerJson(TypedDict):
    """An issue that was sent back."""

    issue: int
    by: str
    note: str
    at: str
    next_step: str


class ServiceStatusJson(TypedDict):
    """How the service does."""

    hold: str | None
    scheduled: bool
    turns: list[PeriodStatusJson]
    ticks: list[JobStatusJson]
    proposals: int
    webhooks: list[WebhookTroubleJson]
    workers: NotRequired[WorkerStatusJson | None]


class SourceDetailJson(TypedDict):
    """A source with its pages."""

    id: int
    url: str
    kind: Literal["sitemap", "feed", "page", "json"]
    match: str | None
    newsletter: str | None
    accept: Literal["none", "changes", "all"]
    paused: bool
    added_at: str
    last_poll_at: str | None
    next_poll_at: str | None
    under_way: bool
    ok: bool
    result: str
    pages: int
    refused: int
    waiting: int
    page_list: list[SourcePageEntryJson]


class SourceEntryJson(TypedDict):
    """A site, feed, page or JSON address that is followed."""

    id: int
    url: str
    kind: Literal["sitemap", "feed", "page", "json"]
    match: str | None
    newsletter: str | None
    accept: Literal["none", "changes", "all"]
    paused: bool
    added_at: str
    last_poll_at: str | None
    next_poll_at: str | None
    under_way: bool
    ok: bool
    result: str
    pages: int
    refused: int
    waiting: int


class SourceListJson(TypedDict):
    """The sources."""

    items: list[SourceEntryJson]


class SourceOrderJson(TypedDict):
    """What to follow."""

    url: str
    kind: NotRequired[Literal["sitemap", "feed", "page", "json"] | None]
    match: NotRequired[str]
    newsletter: NotRequired[str]
    accept: NotRequired[Literal["none", "changes", "all"]]


class SourcePageEntryJson(TypedDict):
    """A page of a source: what was found when, and why it was refused."""

    url: str
    outcome: Literal["new", "changed", "unchanged", "refused", "failed", "gone"] | None
    reason: str | None
    line: int | None
    checked_at: str | None
    comparison: str | None


class StopOrderJson(TypedDict):
    """Why an issue is stopped."""

    why: NotRequired[str]


class StoredComparisonJson(TypedDict):
    """What storing a comparison did."""

    slug: str
    title: str
    outcome: Literal["new", "revised", "unchanged"]
    revision: int
    warnings: list[str]


class SubscribeOrderJson(TypedDict):
    """A reader to be added."""

    address: str
    newsletters: list[str]
    consent: ConsentEvidenceJson
    language: NotRequired[str | None]
    visitor: NotRequired[str | None]


class SubscribeOutcomeJson(TypedDict):
    """What became of one newsletter."""

    newsletter: str
    added: bool
    asked: bool
    reason: str | None


class SubscribedReaderJson(TypedDict):
    """A reader who was added, or was asked to confirm."""

    number: int | None
    results: list[SubscribeOutcomeJson]


class SubscriberEntryJson(TypedDict):
    """A reader in a newsletter's list."""

    number: int
    address: str
    standing: Literal["pending", "confirmed", "paused", "unsubscribed"]
    suppressed: str | None
    source: str
    since: str
    created_at: str
    language: str


class SubscriberExportJson(TypedDict):
    """All that is stored about a reader, for the reader (GDPR, article 15)."""

    number: NotRequired[int | None]
    address: NotRequired[str | None]
    language: NotRequired[str | None]
    created_at: NotRequired[str | None]
    subscriptions: NotRequired[list[SubscriptionEntryJson]]
    suppression: SuppressionEntryJson | None
    wished_for: bool
    declined_at: str | None
    suppressed: NotRequired[str | None]
    consent: list[ConsentEntryJson]
    letters: list[dict[str, Any]]
    address_changes: list[dict[str, Any]]
    issues: list[dict[str, Any]]
    votes: list[dict[str, Any]]


class SubscriberFactsJson(TypedDict):
    """A reader, or an address that isn't a reader's and must not be mailed."""

    number: NotRequired[int | None]
    address: NotRequired[str | None]
    language: NotRequired[str | None]
    created_at: NotRequired[str | None]
    subscriptions: NotRequired[list[SubscriptionEntryJson]]
    suppression: SuppressionEntryJson | None
    wished_for: bool
    declined_at: str | None


class SubscriptionEntryJson(TypedDict):
    """How a reader stands with one newsletter."""

    newsletter: str
    standing: Literal["pending", "confirmed", "paused", "unsubscribed"]
    source: str
    since: str
    paused_until: str | None
    topics: list[str] | None


class SuppressionEntryJson(TypedDict):
    """Why an address must not be mailed."""

    reason: Literal["moved", "left", "erased", "hard-bounce", "provider", "complaint", "manual"]
    at: str
    erased_at: str | None


class ToolEntryJson(TypedDict):
    """A tool in a list."""

    slug: str
    name: str
    comparisons: int


class ToolFactsJson(TypedDict):
    """A tool as its newest comparison shows it, with its panel shares over time."""

    slug: str
    name: str
    tagline: str
    category: str
    url: str | None
    page: str
    panel_share: float | None
    newest: str
    comparisons: int
    shares: list[ToolShareJson]


class ToolShareJson(TypedDict):
    """A tool's panel share on one day."""

    day: str
    share: float


class ToolVotesJson(TypedDict):
    """The votes on one tool of a comparison."""

    tool: str
    name: str
    ships: int
    skips: int
    share: float | None
    interval: VoteIntervalJson | None
    panel_share: float | None
    community_share: float | None
    days: list[VotesOfADayJson]


class VariantNoteJson(TypedDict):
    """What an editor is told of a variant: who gets it, and with which quote it leads."""

    seat: int
    quote: str
    byline: str


class VerdictDraftJson(TypedDict):
    """One reviewer's quote on one contender; *call* is ``None`` unless it was published."""

    seat: int
    quote: str
    call: NotRequired[Literal["ship", "skip"] | None]
    reviewer: NotRequired[str | None]


class VoteIntervalJson(TypedDict):
    """The interval that holds the true share with 95% certainty, in percent."""

    low: float
    high: float


class VotesAnswerJson(TypedDict):
    """What readers voted on a comparison, and what isn't counted."""

    slug: str
    title: str
    since: str | None
    turnout: int
    tools: list[ToolVotesJson]
    held: dict[str, int]
    taken_back: int
    scans: ScannedCopiesJson


class VotesOfADayJson(TypedDict):
    """The votes on a tool as they stood at the end of a day, in UTC."""

    day: str
    ships: int
    skips: int
    share: float | None


class VotesOfAnIssueJson(TypedDict):
    """What readers voted on the comparisons of an issue."""

    turnout: int
    comparisons: list[ComparisonVotesJson]
    scans: ScannedCopiesJson


class WebhookTroubleJson(TypedDict):
    """A webhook endpoint that a person should look at."""

    id: int
    says: str
    next_step: str


class WeeklyGrowthJson(TypedDict):
    """How many asked, joined and left in one ISO week, in UTC."""

    week: str
    asked: int
    joined: int
    left: int


class WithdrawOrderJson(TypedDict):
    """Why a comparison is withdrawn."""

    why: str


class WithdrawnComparisonJson(TypedDict):
    """A comparison that was withdrawn, and the issues that carry it."""

    slug: str
    withdrawn: bool
    issues: list[CarryingIssueEntryJson]


class WorkerStatusJson(TypedDict):
    """The workers of an installation on PostgreSQL."""

    running: int
    waiting: int
    under_way: int
    failed: int
    oldest_seconds: float
