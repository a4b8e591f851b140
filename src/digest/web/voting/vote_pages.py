"""Answer the addresses of a vote over HTTP: which link opens what, and which is refused.

GET and HEAD change no vote. Whoever holds a token can vote with it, and open nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from digest.app.installation import App
from digest.comparisons.models import Call
from digest.mail.provider_events import is_machine
from digest.render.pages import vote_answer_page, vote_page
from digest.votes import (
    VoteLinkExpired,
    VoteLinkLook,
    VoteTarget,
    read_vote_token,
    vote_path,
)
from digest.web.comparison_page import asking_path
from digest.web.status_messages import StatusMessage, status_page
from digest.web.theme import Theme
from digest.web.voting.ballot_box import BallotBox, BallotSlip, CastVote, OpenedLink
from digest.web.voting.ballot_papers import BallotPaper
from digest.web.voting.joining import join_of, with_joined, with_joining
from digest.web.voting.rendered_pages import RenderedPages
from digest.web.voting.vote_view import FIELD, VoteAnswer, VoteForm, vote_answer, vote_form
from subscribers.errors import BadToken
from subscribers.lifecycle import ConfirmResult
from subscribers.locale import LANGUAGES, N_
from subscribers.web import Endpoint, EndpointRequest, Handler, Page, PageText, SiteConfig

_EXPIRED = PageText(
    title=N_("This link to vote has expired"),
    body=(N_("You can still vote: we’ll email you a new link."),),
)
_ERASED = PageText(
    title=N_("This link no longer works"),
    body=(N_("It was sent to an address that isn’t on our list any more."),),
)
_CHANGED = N_("This comparison has changed since the link was sent. These are its tools now.")
_EMPTY = N_("Please choose ship or skip for at least one of the two.")
_CALLS = {call.value: call for call in Call}
_PREFETCH = ("sec-purpose", "purpose", "x-purpose", "x-moz")


class _Refused(Exception):
    """A link opens nothing; *page* says why."""

    def __init__(self, page: Page, status: int) -> None:
        super().__init__(page.title)
        self.page = page
        self.status = status


class VotePages:
    """The handlers of the links by which readers vote."""

    def __init__(self, app: App, config: SiteConfig, theme: Theme) -> None:
        self._app = app
        self._config = config
        self._box = BallotBox(app, config)
        self._pages = RenderedPages(theme)

    def routes(self) -> list[Route]:
        """Return the routes."""
        link, show = vote_path("{token}"), self._refusing(self.show)
        preset = Endpoint(config=self._config, get=show)
        cast = Endpoint(config=self._config, get=show, post=self._refusing(self.cast))
        take_back = Endpoint(config=self._config, get=show, post=self._refusing(self.take_back))
        return [
            Route(link, cast),
            # A GET, such as a reload of the answer, shows the form.
            Route(f"{link}/take-back", take_back),
            Route(f"{link}/{{tool}}/{{call}}", preset),
        ]

    async def finish(self) -> None:
        """Wait for what is still to be written; call this before the database is closed."""
        await self._box.finish()

    async def show(self, request: EndpointRequest) -> Response:
        """Show the form; a link's path, or its query, has chosen already."""
        target, chosen = self._target(request), _preset(request)
        opened = await run_sync(self._box.open, target, request.language)
        paper = _paper(request, opened)
        await self._box.note(self._look(request, target, paper.by_id(chosen)))
        notice = "" if set(chosen) <= set(paper.tool_ids) else request.gettext(_CHANGED)
        return self._form(request, target, paper, chosen, opened, notice=notice)

    async def cast(self, request: EndpointRequest) -> Response:
        """Cast the vote, and show what has come of it; repeating it changes nothing."""
        target, chosen = self._target(request), _choices(request.fields)
        if not chosen:
            opened = await run_sync(self._box.open, target, request.language)
            paper, fault = _paper(request, opened), request.gettext(_EMPTY)
            return self._form(request, target, paper, {}, opened, fault=fault)
        cast = await self._cast(request, target, chosen)
        paper = _paper(request, cast)
        if not paper.by_id(chosen):
            fault = request.gettext(_CHANGED)
            return self._form(request, target, paper, {}, cast, fault=fault)
        return self._answer(request, target, paper, cast)

    async def _cast(
        self, request: EndpointRequest, target: VoteTarget, chosen: Mapping[str, Call]
    ) -> CastVote:
        """Cast a vote, and subscribe the reader of a letter who asked for that, too."""
        slip = _slip(request, target, chosen)
        if not target.newsletter:
            return await self._box.cast(slip)
        cast = await self._box.cast_and_join(slip, join_of(request, target))
        if cast.joined is ConfirmResult.DONE:
            self._config.on_letter()
        return cast

    async def take_back(self, request: EndpointRequest) -> Response:
        """Take back the vote on one tool; repeating it changes nothing."""
        target, tool = self._target(request), request.fields.get("tool", "")
        cast = await self._box.cast(_slip(request, target, {tool: None}))
        paper = _paper(request, cast)
        if tool not in paper.tool_ids:
            fault = request.gettext(_CHANGED)
            return self._form(request, target, paper, {}, cast, fault=fault)
        return self._answer(request, target, paper, cast, taken_back=tool)

    def _refusing(self, handler: Handler) -> Handler:
        """Return a handler that says in a page why a link opens nothing."""

        async def answer(request: EndpointRequest) -> Response:
            try:
                return await handler(request)
            except VoteLinkExpired as fault:
                opened = await run_sync(self._box.open, fault.target, request.language)
                refusal = _expired(request, opened.paper)
            except _Refused as fault:
                refusal = fault
            return request.show(refusal.page, status=refusal.status)

        return answer

    def _target(self, request: EndpointRequest) -> VoteTarget:
        """Return what the token in the path is good for; raises `BadToken`, `VoteLinkExpired`."""
        days = self._app.votes.days
        return read_vote_token(self._app.tokens, request.token, self._app.clock(), days=days)

    def _look(
        self, request: EndpointRequest, target: VoteTarget, chosen: Mapping[int, Call | None]
    ) -> VoteLinkLook:
        tool_id, call = next(iter(chosen.items()), (0, None))
        return VoteLinkLook(
            subscriber_id=target.subscriber_id,
            edition_id=target.edition_id,
            comparison_id=target.comparison_id,
            tool_id=tool_id,
            call=call,
            at=self._app.clock(),
            machine=_is_machine(request.http),
            address=str(request.address or ""),
        )

    def _form(
        self,
        request: EndpointRequest,
        target: VoteTarget,
        paper: BallotPaper,
        chosen: Mapping[str, Call],
        opened: OpenedLink,
        *,
        fault: str = "",
        notice: str = "",
    ) -> Response:
        kept = _kept_language(request)

        def view(path: str) -> VoteForm:
            form = vote_form(
                paper,
                path,
                chosen=chosen,
                standing=opened.standing,
                language=request.language,
                kept_language=kept,
                fault=fault,
                notice=notice,
            )
            return with_joining(request, form, target, joins=opened.joins)

        choices = (tuple(chosen.items()), tuple(opened.standing.items()))
        facts = (paper, *choices, kept, fault, notice, _name(request, target), opened.joins)
        page = self._pages.render(request, vote_page, facts, view)
        return HTMLResponse(page, 422 if fault else 200)

    def _answer(
        self,
        request: EndpointRequest,
        target: VoteTarget,
        paper: BallotPaper,
        cast: CastVote,
        *,
        taken_back: str = "",
    ) -> Response:
        kept = _kept_language(request)

        def view(path: str) -> VoteAnswer:
            answer = vote_answer(
                cast,
                paper,
                path,
                shown_from=self._app.votes.shown_from,
                taken_back=taken_back,
                language=request.language,
                kept_language=kept,
            )
            return with_joined(request, answer, target, cast) if target.newsletter else answer

        facts = (cast.facts(), taken_back, kept, _name(request, target))
        return HTMLResponse(self._pages.render(request, vote_answer_page, facts, view))


def _paper(request: EndpointRequest, opened: OpenedLink) -> BallotPaper:
    """Return what a link lets its reader vote on; raises `BadToken` or `_Refused`."""
    if opened.paper is None:
        raise BadToken
    if opened.paper.withdrawn:
        raise _withdrawn(request)
    if not opened.known:
        raise _Refused(request.make_page(_ERASED), HTTPStatus.GONE)
    return opened.paper


def _withdrawn(request: EndpointRequest) -> _Refused:
    return _Refused(status_page(StatusMessage.WITHDRAWN, request.http), HTTPStatus.GONE)


def _expired(request: EndpointRequest, paper: BallotPaper | None) -> _Refused:
    if paper is None or paper.withdrawn:
        return _withdrawn(request)
    form = (request.gettext("Get a link to vote"), request.onward(asking_path(paper.slug)))
    return _Refused(replace(request.make_page(_EXPIRED), links=[form]), HTTPStatus.GONE)


def _slip(
    request: EndpointRequest, target: VoteTarget, choices: Mapping[str, Call | None]
) -> BallotSlip:
    return BallotSlip(
        target=target,
        language=request.language,
        choices=choices,
        network=request.visitor,
        address=str(request.address or ""),
        machine=_is_machine(request.http),
    )


def _name(request: EndpointRequest, target: VoteTarget) -> str:
    """Return the name of the newsletter that a press subscribes to; empty for none."""
    return request.newsletter_name(target.newsletter) if target.newsletter else ""


def _kept_language(request: EndpointRequest) -> str:
    return request.language if request.requested_language in LANGUAGES else ""


def _is_machine(http: Request) -> bool:
    """Return whether a client says that nobody looks at what it fetches.

    Browsers announce a prefetch by a header (W3C Resource Hints).
    """
    prefetches = any(name in http.headers for name in _PREFETCH)
    return http.method == "HEAD" or prefetches or is_machine(http.headers.get("user-agent", ""))


def _preset(request: EndpointRequest) -> dict[str, Call]:
    """Return what a link chooses, by the tool's slug; raises `BadToken` for another call."""
    parts = request.http.path_params
    if "call" not in parts:
        return _choices(request.http.query_params)
    if parts["call"] not in _CALLS:
        raise BadToken
    return {parts["tool"]: _CALLS[parts["call"]]}


def _choices(fields: Mapping[str, str]) -> dict[str, Call]:
    """Return the calls that fields hold, by the tool's slug."""
    return {
        name.removeprefix(FIELD): _CALLS[value]
        for name, value in fields.items()
        if name.startswith(FIELD) and value in _CALLS
    }
