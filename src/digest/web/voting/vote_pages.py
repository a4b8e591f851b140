"""Answer the addresses of a vote over HTTP: which link opens what, and which is refused.

GET and HEAD change no vote. Whoever holds a token can vote with it, and open nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from anyio.to_thread import run_sync
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from digest.app.installation import App
from digest.comparisons.models import Call
from digest.render.pages import vote_page
from digest.votes import VoteLinkExpired, VoteTarget, read_vote_token, vote_path
from digest.web.comparison_page import comparison_path
from digest.web.status_messages import StatusMessage, status_page
from digest.web.theme import Theme
from digest.web.voting.ballot_papers import BallotPaper, BallotPapers
from digest.web.voting.vote_view import FIELD, vote_form
from subscribers import store as subscribers
from subscribers.errors import BadToken
from subscribers.locale import LANGUAGES, N_
from subscribers.web import Endpoint, EndpointRequest, Page, PageText, SiteConfig

_EXPIRED = PageText(
    title=N_("This link to vote has expired"),
    body=(N_("You can still vote on the comparison’s page: we’ll email you a new link."),),
)
_ERASED = PageText(
    title=N_("This link no longer works"),
    body=(N_("It was sent to an address that isn’t on our list any more."),),
)
_CHANGED = N_("This comparison has changed since the link was sent. These are its tools now.")
_CALLS = {call.value: call for call in Call}


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
        self._theme = theme
        self._papers = BallotPapers()

    def routes(self) -> list[Route]:
        """Return the routes."""
        form = Endpoint(config=self._config, get=self.show)
        link = vote_path("{token}")
        return [Route(link, form), Route(f"{link}/{{tool}}/{{call}}", form)]

    async def show(self, request: EndpointRequest) -> Response:
        """Show the form; a link's path, or its query, has chosen already."""
        chosen = _preset(request)
        try:
            target = await self._target(request)
            paper = await run_sync(self._paper, request, target)
        except _Refused as refusal:
            return request.show(refusal.page, status=refusal.status)
        notice = "" if set(chosen) <= set(paper.tool_ids) else request.gettext(_CHANGED)
        return self._form(request, paper, chosen, notice=notice)

    async def _target(self, request: EndpointRequest) -> VoteTarget:
        """Return what the token in the path is good for; raises `BadToken` or `_Refused`."""
        days = self._app.settings.vote_days
        try:
            return read_vote_token(self._app.tokens, request.token, self._app.clock(), days=days)
        except VoteLinkExpired as fault:
            raise await run_sync(self._expired, request, fault.target) from None

    def _expired(self, request: EndpointRequest, target: VoteTarget) -> _Refused:
        with self._config.sessions.read() as session:
            key = (target.comparison_id, request.language)
            paper = self._papers.find(session, [key]).get(key)
        page = request.make_page(_EXPIRED)
        if paper is None or paper.withdrawn:
            return _withdrawn(request)
        onward = f"{comparison_path(paper.slug)}#vote"
        return _Refused(replace(page, links=[(request.gettext("Vote there"), onward)]), 410)

    def _paper(self, request: EndpointRequest, target: VoteTarget) -> BallotPaper:
        """Return what a reader may vote on; raises `BadToken` or `_Refused`."""
        with self._config.sessions.read() as session:
            key = (target.comparison_id, request.language)
            paper = self._papers.find(session, [key]).get(key)
            reader = subscribers.find_by_id(session, target.subscriber_id)
        if paper is None:
            raise BadToken
        if paper.withdrawn:
            raise _withdrawn(request)
        if reader is None:
            raise _Refused(request.make_page(_ERASED), 410)
        return paper

    def _form(
        self,
        request: EndpointRequest,
        paper: BallotPaper,
        chosen: Mapping[str, Call],
        *,
        fault: str = "",
        notice: str = "",
    ) -> Response:
        view = vote_form(
            paper,
            vote_path(request.token),
            chosen=chosen,
            standing={},
            language=request.language,
            kept_language=request.language if request.requested_language in LANGUAGES else "",
            fault=fault,
            notice=notice,
        )
        site = replace(self._theme.site(), language=request.language)
        page = vote_page(site, view, folder=self._theme.folder)
        return HTMLResponse(page, 422 if fault else 200)


def _withdrawn(request: EndpointRequest) -> _Refused:
    return _Refused(status_page(StatusMessage.WITHDRAWN, request.http), 410)


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
