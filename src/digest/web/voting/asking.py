"""Take the wish of a visitor without a link to vote: which checks it passes, and what is answered.

A vote needs a mailbox, so the form asks for a letter with a link, and may sign up in the same step.
Whoever sends it passes a sign-up's checks, and no answer shows whether an address is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from anyio.to_thread import run_sync
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from digest.app.installation import App
from digest.directory import public_revision
from digest.errors import ComparisonWithdrawn, NotFound
from digest.render.pages import vote_asking_page
from digest.votes import VoteRequest
from digest.web.comparison_page import asking_path, comparison_path
from digest.web.newsletter_cache import NewsletterEntry
from digest.web.status_messages import StatusMessage, status_page
from digest.web.theme import Theme
from digest.web.voting.asking_view import JOINS, AskingForm, asking_form, choices_in
from digest.web.voting.ballot_papers import BallotPaper, BallotPapers
from subscribers.locale import N_
from subscribers.web import (
    AGAIN,
    HARDER,
    Endpoint,
    EndpointRequest,
    PageText,
    ScriptedPage,
    SignupChecks,
    SignupHandlers,
    SignupOutcome,
    SignupWish,
    SiteConfig,
    form,
    retry_later,
)

_FORM = "vote"  # the form's name, as the consent entry keeps it
_INBOX = PageText(
    title=N_("Check your inbox"),
    body=(
        N_(
            "If we’re able to write to that address, an email with a link is on its way. Open the"
            " link and press the button there: your vote isn’t cast until you do."
        ),
        N_("Nothing there after a few minutes? Check your spam folder, or try again in an hour."),
    ),
)


@dataclass(frozen=True)
class _Asked:
    """One visit: the comparison, and the newsletter in whose name a letter goes."""

    paper: BallotPaper
    entry: NewsletterEntry


class VoteAsking:
    """The handlers of the form by which a visitor asks for a link to vote."""

    def __init__(self, app: App, config: SiteConfig, theme: Theme) -> None:
        self._app = app
        self._config = config
        self._theme = theme
        self._papers = BallotPapers()
        self._checks = SignupChecks(config)
        self._sign_up = SignupHandlers(self._checks)

    def routes(self) -> list[Route]:
        """Return the routes."""
        asking = Endpoint(
            config=self._config,
            get=self.show,
            post=self.take,
            refuse_early=self._sign_up.refuse_early,
        )
        return [Route(asking_path("{slug}"), asking)]

    async def show(self, request: EndpointRequest) -> Response:
        """Show the form; the query may preset choices."""
        asked = await run_sync(self._find, request)
        return asked if isinstance(asked, Response) else self._form(request, asked)

    async def take(self, request: EndpointRequest) -> Response:
        """Record the wish if every check passes, and return the page for the outcome."""
        asked = await run_sync(self._find, request)
        if isinstance(asked, Response):
            return asked
        result = await self._checks.check(request, _wish(request, asked))
        if result.outcome is SignupOutcome.INBOX:
            onward = (request.gettext("Back to the comparison"), comparison_path(asked.paper.slug))
            return request.show(replace(request.make_page(_INBOX), links=[onward]))
        if result.outcome is SignupOutcome.LATER and not result.goes_on:
            return self._sign_up.later(request)
        if result.outcome is SignupOutcome.FAULT:
            return self._form(request, asked, fault=result.fault)
        notice = request.gettext(HARDER if result.goes_on else AGAIN)
        return retry_later(self._form(request, asked, notice=notice, harder=result.goes_on))

    def _find(self, request: EndpointRequest) -> _Asked | Response:
        """Return what the form is about, or the page that says that it isn't there."""
        slug = str(request.http.path_params["slug"])
        entry = self._theme.newsletters.first()
        try:
            with self._config.sessions.read() as session:
                revision = public_revision(session, slug, self._app.public_site.comparisons)
                key = (revision.comparison_id, request.language)
                paper = self._papers.find(session, [key]).get(key)
        except ComparisonWithdrawn:
            return request.show(status_page(StatusMessage.WITHDRAWN, request.http), status=410)
        except NotFound:
            paper = None
        if paper is None or entry is None:
            return request.show(status_page(StatusMessage.MISSING, request.http), status=404)
        return _Asked(paper, entry)

    def _form(
        self,
        request: EndpointRequest,
        asked: _Asked,
        *,
        fault: str = "",
        notice: str = "",
        harder: bool = False,
    ) -> Response:
        site = replace(self._theme.site(asked.entry), language=request.language)
        shown = self._view(request, asked, fault=fault, notice=notice, harder=harder)
        page = vote_asking_page(site, shown, folder=self._theme.folder)
        kind = ScriptedPage if shown.form.proof else HTMLResponse
        return kind(page, _status(fault=fault, harder=harder))

    def _view(
        self, request: EndpointRequest, asked: _Asked, *, fault: str, notice: str, harder: bool
    ) -> AskingForm:
        info, language = asked.entry.info(), request.language
        sign_up = form(
            self._config,
            info,
            language,
            source=_FORM,
            value=request.fields.get("email", "")[:254],
            path=asking_path(asked.paper.slug),
            sent=bool(notice),
            harder=harder,
        )
        return asking_form(
            asked.paper,
            replace(sign_up, button=request.gettext("Email me the link to vote")),
            info,
            chosen=choices_in(asked.paper, {**request.http.query_params, **request.fields}),
            joins=JOINS in request.fields,
            language=language,
            fault=fault,
            notice=notice,
        )


def _status(*, fault: str, harder: bool) -> int:
    """Return the HTTP status of the form, shown for the first time or again."""
    if harder:
        return 429
    return 422 if fault else 200


def _wish(request: EndpointRequest, asked: _Asked) -> SignupWish:
    info = asked.entry.info()
    joins = info.open and JOINS in request.fields
    chosen = choices_in(asked.paper, request.fields)
    calls = {asked.paper.tool_ids[slug]: call for slug, call in chosen.items()}
    wanted = VoteRequest(asked.paper.comparison_id, calls, joins)
    return SignupWish(info=info, asks_for=wanted.as_text(), joins=joins)
