"""A method for each operation of the API.

Made by scripts/client_types.py from the OpenAPI document: change the API, and run it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from digest.client.api_connection import ApiConnection
from digest.client.api_types import (
    AcceptedAnswerJson,
    AddedSourceJson,
    AddressOrderJson,
    ApprovalAnswerJson,
    ApprovalOrderJson,
    BuildOrderJson,
    BuiltAnswerJson,
    ComparisonContentJson,
    ComparisonEntryJson,
    ComparisonFactsJson,
    DismissedAnswerJson,
    DismissOrderJson,
    EraseAnswerJson,
    IssueChangeJson,
    IssueCheckJson,
    IssueDetailJson,
    IssueStatusAnswerJson,
    IssueSummaryJson,
    LeaveAnswerJson,
    LeaveOrderJson,
    MoveAnswerJson,
    MoveOrderJson,
    ProposalDetailJson,
    ProposalEntryJson,
    RemovedSourceJson,
    ReportAnswerJson,
    RestoredComparisonJson,
    ResumeAnswerJson,
    ResumeOrderJson,
    SendBackOrderJson,
    SentBackAnswerJson,
    ServiceStatusJson,
    SourceDetailJson,
    SourceEntryJson,
    SourceListJson,
    SourceOrderJson,
    StopOrderJson,
    StoredComparisonJson,
    SubscribedReaderJson,
    SubscribeOrderJson,
    SubscriberEntryJson,
    SubscriberExportJson,
    SubscriberFactsJson,
    ToolEntryJson,
    ToolFactsJson,
    VotesAnswerJson,
    WithdrawnComparisonJson,
    WithdrawOrderJson,
)


class Operations:
    """The operations of the API, over one connection.

    Each raises `ApiProblem` for a refusal, and `ApiUnreachable` where no answer came.
    """

    def __init__(self, connection: ApiConnection) -> None:
        self._connection = connection

    def comparisons(
        self,
        *,
        limit: int | None = None,
        q: str | None = None,
        category: str | None = None,
        tool: str | None = None,
        since: str | None = None,
    ) -> Iterator[ComparisonEntryJson]:
        """List the public comparisons.

        The newest first; those with the words of `q`, the best first. With a token of the
        scope `comparisons:read`, those that aren't out or were withdrawn as well.
        """
        return self._connection.walk(
            "/comparisons",
            query={"limit": limit, "q": q, "category": category, "tool": tool, "since": since},
        )

    def comparison(self, slug: str) -> ComparisonFactsJson:
        """Get a comparison with the verdict of each reviewer.

        With a token of the scope `comparisons:read`, one that isn't out or was withdrawn as
        well.
        """
        answer: ComparisonFactsJson = self._connection.send(
            "GET", f"/comparisons/{_part(slug)}"
        ).value
        return answer

    def put_comparison(
        self, slug: str, body: ComparisonContentJson, *, if_match: str | None = None
    ) -> StoredComparisonJson:
        """Add a comparison, or a revision of one, by its JSON format, as an import does.

        Content that is stored already changes nothing, and values that editors have set
        stay. To change one that is there, send its ETag as If-Match. Needs the scope
        `comparisons:write`.
        """
        answer: StoredComparisonJson = self._connection.send(
            "PUT", f"/comparisons/{_part(slug)}", body=body, if_match=if_match
        ).value
        return answer

    def tools(self, *, limit: int | None = None) -> Iterator[ToolEntryJson]:
        """List the tools that stand in public comparisons, by slug.

        With a token of the scope `comparisons:read`, those of the other comparisons as
        well.
        """
        return self._connection.walk("/tools", query={"limit": limit})

    def tool(self, slug: str) -> ToolFactsJson:
        """Get a tool with its panel shares; `GET /comparisons?tool=` lists its comparisons.

        With a token of the scope `comparisons:read`, what isn't out or was withdrawn counts
        as well.
        """
        answer: ToolFactsJson = self._connection.send("GET", f"/tools/{_part(slug)}").value
        return answer

    def withdraw_comparison(
        self, slug: str, body: WithdrawOrderJson, *, if_match: str | None = None
    ) -> WithdrawnComparisonJson:
        """Let no issue pick it, and take its page away; issues that were sent keep it.

        If-Match isn't required. Needs the scope `comparisons:write`.
        """
        answer: WithdrawnComparisonJson = self._connection.send(
            "POST", f"/comparisons/{_part(slug)}/withdraw", body=body, if_match=if_match
        ).value
        return answer

    def restore_comparison(
        self, slug: str, *, if_match: str | None = None
    ) -> RestoredComparisonJson:
        """Let issues pick it again, and bring its page back.

        If-Match isn't required. Needs the scope `comparisons:write`.
        """
        answer: RestoredComparisonJson = self._connection.send(
            "POST", f"/comparisons/{_part(slug)}/restore", if_match=if_match
        ).value
        return answer

    def issues(self, newsletter: str, *, limit: int | None = None) -> Iterator[IssueSummaryJson]:
        """List what was built, the newest first, corrections included.

        Needs the scope `issues:read`.
        """
        return self._connection.walk(
            f"/newsletters/{_part(newsletter)}/issues", query={"limit": limit}
        )

    def build_issue(
        self, newsletter: str, body: BuildOrderJson | None = None, *, if_match: str | None = None
    ) -> BuiltAnswerJson:
        """Pick, compose, render, check and freeze the issue; this takes a second or two.

        Needs the scope `issues:write`.
        """
        answer: BuiltAnswerJson = self._connection.send(
            "POST", f"/newsletters/{_part(newsletter)}/issues", body=body, if_match=if_match
        ).value
        return answer

    def issue(self, newsletter: str, number: int) -> IssueDetailJson:
        """Show what an issue carries, and why.

        Its ETag is what a change gives as If-Match. Needs the scope `issues:read`.
        """
        answer: IssueDetailJson = self._connection.send(
            "GET", f"/newsletters/{_part(newsletter)}/issues/{_part(number)}"
        ).value
        return answer

    def issue_html(self, newsletter: str, number: int, *, reviewer: int | None = None) -> str:
        """Show the mail as it is stored: each reader's own links are still tags in it.

        Needs the scope `issues:read`.
        """
        answer: str = self._connection.send(
            "GET",
            f"/newsletters/{_part(newsletter)}/issues/{_part(number)}/html",
            query={"reviewer": reviewer},
        ).value
        return answer

    def issue_text(self, newsletter: str, number: int, *, reviewer: int | None = None) -> str:
        """Show the mail as it is stored: each reader's own links are still tags in it.

        Needs the scope `issues:read`.
        """
        answer: str = self._connection.send(
            "GET",
            f"/newsletters/{_part(newsletter)}/issues/{_part(number)}/text",
            query={"reviewer": reviewer},
        ).value
        return answer

    def check_issue(self, newsletter: str, number: int) -> IssueCheckJson:
        """Check the mail by today's settings, and what has changed since it was built.

        Needs the scope `issues:read`.
        """
        answer: IssueCheckJson = self._connection.send(
            "GET", f"/newsletters/{_part(newsletter)}/issues/{_part(number)}/check"
        ).value
        return answer

    def issue_status(self, newsletter: str, number: int) -> IssueStatusAnswerJson:
        """Show its approval, when it leaves, who would get it, and what became of each copy.

        Needs the scope `issues:read`.
        """
        answer: IssueStatusAnswerJson = self._connection.send(
            "GET", f"/newsletters/{_part(newsletter)}/issues/{_part(number)}/status"
        ).value
        return answer

    def approve_issue(
        self,
        newsletter: str,
        number: int,
        body: ApprovalOrderJson | None = None,
        *,
        if_match: str | None = None,
    ) -> ApprovalAnswerJson:
        """Approve exactly the version that If-Match names, in the token's name.

        The service sends it when it's due. Any later change voids the approval. Needs the
        scope `issues:write`.
        """
        answer: ApprovalAnswerJson = self._connection.send(
            "POST",
            f"/newsletters/{_part(newsletter)}/issues/{_part(number)}/approve",
            body=body,
            if_match=if_match,
        ).value
        return answer

    def send_issue_back(
        self, newsletter: str, number: int, body: SendBackOrderJson, *, if_match: str | None = None
    ) -> SentBackAnswerJson:
        """Refuse the version that If-Match names: it isn't sent until it's approved again.

        Needs the scope `issues:write`.
        """
        answer: SentBackAnswerJson = self._connection.send(
            "POST",
            f"/newsletters/{_part(newsletter)}/issues/{_part(number)}/send-back",
            body=body,
            if_match=if_match,
        ).value
        return answer

    def schedule_issue(
        self, newsletter: str, number: int, body: MoveOrderJson, *, if_match: str | None = None
    ) -> MoveAnswerJson:
        """Let the service send it at another time; on another day, it has to be built again.

        Needs the scope `issues:write`.
        """
        answer: MoveAnswerJson = self._connection.send(
            "POST",
            f"/newsletters/{_part(newsletter)}/issues/{_part(number)}/schedule",
            body=body,
            if_match=if_match,
        ).value
        return answer

    def pause_issue(
        self,
        newsletter: str,
        number: int,
        body: StopOrderJson | None = None,
        *,
        if_match: str | None = None,
    ) -> IssueChangeJson:
        """Finish the requests under way, and start no further batch.

        If-Match isn't required. Needs the scope `issues:write`.
        """
        answer: IssueChangeJson = self._connection.send(
            "POST",
            f"/newsletters/{_part(newsletter)}/issues/{_part(number)}/pause",
            body=body,
            if_match=if_match,
        ).value
        return answer

    def resume_issue(
        self,
        newsletter: str,
        number: int,
        body: ResumeOrderJson | None = None,
        *,
        if_match: str | None = None,
    ) -> ResumeAnswerJson:
        """Let the service go on with a paused issue, and retry its parked batches.

        If-Match isn't required. Needs the scope `issues:write`.
        """
        answer: ResumeAnswerJson = self._connection.send(
            "POST",
            f"/newsletters/{_part(newsletter)}/issues/{_part(number)}/resume",
            body=body,
            if_match=if_match,
        ).value
        return answer

    def cancel_issue(
        self,
        newsletter: str,
        number: int,
        body: StopOrderJson | None = None,
        *,
        if_match: str | None = None,
    ) -> IssueChangeJson:
        """Leave unsent what isn't sent; nothing brings it back.

        If-Match isn't required. Needs the scope `issues:write`.
        """
        answer: IssueChangeJson = self._connection.send(
            "POST",
            f"/newsletters/{_part(newsletter)}/issues/{_part(number)}/cancel",
            body=body,
            if_match=if_match,
        ).value
        return answer

    def subscribers(
        self, *, newsletter: str, limit: int | None = None
    ) -> Iterator[SubscriberEntryJson]:
        """List everyone who ever joined a newsletter.

        Those who left as well, the oldest first. Needs the scope `subscribers:read`.
        """
        return self._connection.walk(
            "/subscribers", query={"newsletter": newsletter, "limit": limit}
        )

    def add_subscriber(self, body: SubscribeOrderJson) -> SubscribedReaderJson:
        """Add a reader who has confirmed elsewhere.

        Or send a letter that asks for confirmation. Nobody comes back who left, was erased,
        or must not be mailed: `reason` says so, and only the reader's own new confirmation
        changes it. Needs the scope `subscribers:write`.
        """
        answer: SubscribedReaderJson = self._connection.send(
            "POST", "/subscribers", body=body
        ).value
        return answer

    def look_up_subscriber(self, body: AddressOrderJson) -> SubscriberFactsJson:
        """Show what is known of an address.

        It changes nothing, and no answer is kept under a key. Needs the scope
        `subscribers:read`.
        """
        answer: SubscriberFactsJson = self._connection.send(
            "POST", "/subscribers/lookup", body=body
        ).value
        return answer

    def subscriber(self, number: int) -> SubscriberFactsJson:
        """Get a reader's address, subscriptions, and whether the address must not be mailed.

        Needs the scope `subscribers:read`.
        """
        answer: SubscriberFactsJson = self._connection.send(
            "GET", f"/subscribers/{_part(number)}"
        ).value
        return answer

    def export_subscriber(self, number: int) -> SubscriberExportJson:
        """Get all that is stored about a reader: consent, letters, issues, votes.

        Needs the scope `subscribers:read`.
        """
        answer: SubscriberExportJson = self._connection.send(
            "GET", f"/subscribers/{_part(number)}/export"
        ).value
        return answer

    def leave_newsletter(self, number: int, body: LeaveOrderJson) -> LeaveAnswerJson:
        """Unsubscribe a reader from one newsletter, now.

        Needs the scope `subscribers:write`.
        """
        answer: LeaveAnswerJson = self._connection.send(
            "POST", f"/subscribers/{_part(number)}/leave", body=body
        ).value
        return answer

    def erase_subscriber(self, number: int) -> EraseAnswerJson:
        """Erase everything about a reader, for good.

        What stays is the consent record, under a number, and a keyed hash of the address,
        so that no import adds it again. Needs the scope `subscribers:write`.
        """
        answer: EraseAnswerJson = self._connection.send(
            "POST", f"/subscribers/{_part(number)}/erase"
        ).value
        return answer

    def sources(self) -> SourceListJson:
        """List what is followed, with the last and the next poll of each.

        Needs the scope `sources:read`.
        """
        answer: SourceListJson = self._connection.send("GET", "/sources").value
        return answer

    def add_source(self, body: SourceOrderJson) -> AddedSourceJson:
        """Look at the address, and follow what is there.

        Its comparisons are proposed to the editors. This takes some seconds, since the site
        is asked what it has. Needs the scope `sources:write`.
        """
        answer: AddedSourceJson = self._connection.send("POST", "/sources", body=body).value
        return answer

    def source(self, source: int) -> SourceDetailJson:
        """Show what was read and when, and what was refused and why.

        Needs the scope `sources:read`.
        """
        answer: SourceDetailJson = self._connection.send("GET", f"/sources/{_part(source)}").value
        return answer

    def remove_source(self, source: int, *, discard: bool | None = None) -> RemovedSourceJson:
        """Forget a source and its pages; the comparisons that came of it stay.

        Needs the scope `sources:write`.
        """
        answer: RemovedSourceJson = self._connection.send(
            "DELETE", f"/sources/{_part(source)}", query={"discard": discard}
        ).value
        return answer

    def poll_source(self, source: int) -> SourceEntryJson:
        """Let the service poll it within a minute, though it isn't due.

        Needs the scope `sources:write`.
        """
        answer: SourceEntryJson = self._connection.send(
            "POST", f"/sources/{_part(source)}/poll"
        ).value
        return answer

    def pause_source(self, source: int) -> SourceEntryJson:
        """Poll it no more; what it proposed stays.

        Needs the scope `sources:write`.
        """
        answer: SourceEntryJson = self._connection.send(
            "POST", f"/sources/{_part(source)}/pause"
        ).value
        return answer

    def resume_source(self, source: int) -> SourceEntryJson:
        """Poll a paused source again, within a minute.

        Needs the scope `sources:write`.
        """
        answer: SourceEntryJson = self._connection.send(
            "POST", f"/sources/{_part(source)}/resume"
        ).value
        return answer

    def proposals(
        self, *, source: int | None = None, limit: int | None = None
    ) -> Iterator[ProposalEntryJson]:
        """List new comparisons.

        Revisions with their difference, and withdrawals, the oldest first. Needs the scope
        `sources:read`.
        """
        return self._connection.walk("/proposals", query={"source": source, "limit": limit})

    def proposal(self, proposal: int) -> ProposalDetailJson:
        """Show a proposal that waits, with the whole content that would be stored.

        Needs the scope `sources:read`.
        """
        answer: ProposalDetailJson = self._connection.send(
            "GET", f"/proposals/{_part(proposal)}"
        ).value
        return answer

    def accept_proposal(self, proposal: int) -> AcceptedAnswerJson:
        """Store what is new or changed, or withdraw what is gone, in the token's name.

        A page that changes meanwhile has a proposal with another number. Needs the scope
        `sources:write`.
        """
        answer: AcceptedAnswerJson = self._connection.send(
            "POST", f"/proposals/{_part(proposal)}/accept"
        ).value
        return answer

    def dismiss_proposal(
        self, proposal: int, body: DismissOrderJson | None = None
    ) -> DismissedAnswerJson:
        """Leave everything as it is; the page proposes the same again only after it has changed.

        Needs the scope `sources:write`.
        """
        answer: DismissedAnswerJson = self._connection.send(
            "POST", f"/proposals/{_part(proposal)}/dismiss", body=body
        ).value
        return answer

    def report(self, newsletter: str, number: int) -> ReportAnswerJson:
        """Show deliveries, opens, clicks, who left, complaints, and votes.

        Needs the scope `reports:read`.
        """
        answer: ReportAnswerJson = self._connection.send(
            "GET", f"/newsletters/{_part(newsletter)}/issues/{_part(number)}/report"
        ).value
        return answer

    def votes(self, slug: str) -> VotesAnswerJson:
        """Show the readers' shares beside the panel's, turnout, and what isn't counted.

        Needs the scope `reports:read`.
        """
        answer: VotesAnswerJson = self._connection.send(
            "GET", f"/comparisons/{_part(slug)}/votes"
        ).value
        return answer

    def status(self, *, newsletter: str | None = None) -> ServiceStatusJson:
        """Show the periods of the last four weeks.

        The jobs, and whether anything holds mail back. Needs the scope `status:read`.
        """
        answer: ServiceStatusJson = self._connection.send(
            "GET", "/status", query={"newsletter": newsletter}
        ).value
        return answer


def _part(value: object) -> str:
    """Return a value as a part of a path."""
    return quote(str(value), safe="")
