"""Answer for the sign-up page, the frame for other sites, and the JSON route.

This module hides how each outcome of the checks is answered: which page, which status.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

from starlette.responses import PlainTextResponse, Response

from subscribers.locale import N_
from subscribers.web import client
from subscribers.web.config import NewsletterInfo
from subscribers.web.endpoint import EndpointRequest, JsonAnswer
from subscribers.web.page_model import Page, PageText
from subscribers.web.signup_checks import (
    SignupChecks,
    SignupOutcome,
    SignupResult,
    info_of,
    source_of,
)
from subscribers.web.signup_form import (
    FRAME_PATH,
    PATH,
    challenge,
    form,
    form_token,
    kept_link,
    snippet,
    wording,
)

RETRY_SECONDS = "3600"
_STATUS = {
    SignupOutcome.INBOX: 202,
    SignupOutcome.AGAIN: 409,
    SignupOutcome.ELSEWHERE: 403,
    SignupOutcome.FAULT: 422,
    SignupOutcome.LATER: 429,
}
AGAIN = N_("Please press the button again, to show that you’re not a robot.")
HARDER = N_(
    "We’re getting a lot of sign-ups right now, overall or from your email domain. To show that"
    " you’re not a robot, your browser first does a longer calculation, which can take half a"
    " minute, and then sends the form by itself."
)
_INBOX = PageText(
    title=N_("Check your inbox"),
    body=(
        N_(
            "If we’re able to write to that address, an email with a link is on its way. Open the"
            " link and press the button there: you aren’t subscribed until you do."
        ),
        N_("Nothing there after a few minutes? Check your spam folder, or try again in an hour."),
    ),
)
_MANY = PageText(
    title=N_("Please try again later"),
    body=(
        N_(
            "We’re getting a lot of sign-ups right now: overall, from your network or from your"
            " email domain. We can’t take any more for a while. Nothing was sent. Please try again"
            " in an hour."
        ),
    ),
)
_LOCKED_IN = PageText(
    title=N_("Please sign up on our own page"),
    body=(
        N_(
            "The page around this form stops your browser from sending it. Nothing was sent. Copy"
            " this address into a new tab, and sign up there:"
        ),
        "%(address)s",
    ),
)


@dataclass(frozen=True)
class SignupHandlers:
    """The handlers of every way to sign up."""

    checks: SignupChecks
    #: Pages that are the same for every visitor, rendered once, by status and language.
    rendered: dict[tuple[int, str], Response] = field(default_factory=dict)

    async def show(self, request: EndpointRequest) -> Response:
        """Show the page with the form."""
        return _form_page(request, PATH)

    async def show_frame(self, request: EndpointRequest) -> Response:
        """Show the page with the form, for a frame of another site."""
        return _form_page(request, FRAME_PATH)

    async def show_snippet(self, request: EndpointRequest) -> Response:
        """Return the form's HTML as text, to copy into another site."""
        info = info_of(request)
        if info is None:
            return request.no_newsletter()
        return PlainTextResponse(snippet(request.config, info, request.language))

    async def take(self, request: EndpointRequest) -> Response:
        """Handle the page's form, and return the page for its outcome."""
        return self._outcome_page(request, await self.checks.check(request), PATH)

    async def take_frame(self, request: EndpointRequest) -> Response:
        """Handle the frame's form, and return the page for its outcome."""
        return self._outcome_page(request, await self.checks.check(request), FRAME_PATH)

    def refuse_early(self, request: EndpointRequest) -> Response | None:
        """Return 429 before the body is read, if the flood guard stops the visitor's network."""
        if not self.checks.turned_away(request):
            return None
        if request.program:
            return retry_later(_outcome_json(request, SignupResult(outcome=SignupOutcome.LATER)))
        return self.later(request)

    async def show_json(self, request: EndpointRequest) -> Response:
        """Return what a form holds, as JSON: wording, token, wait in seconds, proof of work."""
        info = info_of(request)
        if info is None:
            return JsonAnswer({"status": "unknown newsletter"}, 404)
        facts: dict[str, Any] = {
            "newsletter": info.slug,
            "wording": wording(info, request.language),
            "token": form_token(request.config, info, request.language),
            "wait_seconds": request.config.form_seconds,
        }
        puzzle = challenge(request.config)
        return JsonAnswer(facts | {"proof": puzzle} if puzzle else facts)

    async def show_script(self, _visit: EndpointRequest) -> Response:
        """Return the script that does the proof of work."""
        return Response(script(), media_type="text/javascript; charset=utf-8")

    async def take_json(self, request: EndpointRequest) -> Response:
        """Handle a sign-up sent as JSON, and return its outcome as JSON."""
        if not request.http.headers.get("content-type", "").startswith("application/json"):
            return JsonAnswer({"status": "send application/json"}, 415)
        if info_of(request) is None:
            return JsonAnswer({"status": "unknown newsletter"}, 404)
        result = await self.checks.check(request)
        if not client.is_ours(request.http, request.config.base_url):  # trying again won't help
            return JsonAnswer({"status": "foreign origin"}, 403)
        return retry_later(_outcome_json(request, result))

    def _outcome_page(self, request: EndpointRequest, result: SignupResult, path: str) -> Response:
        if result.outcome is SignupOutcome.INBOX:
            return self._rendered_once(request, 200, _INBOX)
        if result.goes_on:
            return retry_later(_form_page(request, path, harder=True))
        if result.outcome is SignupOutcome.LATER:
            return self.later(request)
        if result.outcome is SignupOutcome.ELSEWHERE:
            return _elsewhere(request)
        again = result.outcome is SignupOutcome.AGAIN
        return _form_page(request, path, fault=result.fault, again=again)

    def later(self, request: EndpointRequest) -> Response:
        """Return the page of one that a limit stops."""
        return retry_later(self._rendered_once(request, 429, _MANY))

    def _rendered_once(
        self, request: EndpointRequest, status: int, page_text: PageText
    ) -> Response:
        key = (status, request.language)
        response = self.rendered.get(key)
        if response is None:
            response = self.rendered[key] = request.page(page_text, status=status)
        return response


@cache
def script() -> str:
    """Return the source of the proof-of-work script; only forms with a proof load it."""
    return (files("subscribers.web") / "proof.js").read_text(encoding="utf-8")


def _form_page(
    request: EndpointRequest,
    path: str,
    *,
    fault: str = "",
    again: bool = False,
    harder: bool = False,
) -> Response:
    info = info_of(request)
    if info is None:
        return request.no_newsletter()
    if again or harder:
        paragraphs = [request.gettext(AGAIN if again else HARDER)]
    else:
        paragraphs = _described(request, info)
    return request.show(
        Page(
            newsletter=info.slug,
            language=request.language,
            title=info.name,
            paragraphs=paragraphs,
            fault=fault,
            form=form(
                request.config,
                info,
                request.language,
                source=source_of(request, "frame" if path == FRAME_PATH else "page"),
                value=request.fields.get("email", "")[:254],
                path=path,
                sent=again or harder,
                harder=harder,
            ),
            links=_links(request, info),
            small=wording(info, request.language),
        ),
        status=_STATUS[SignupOutcome.LATER] if harder else 422 if fault else 200,
    )


def _described(request: EndpointRequest, info: NewsletterInfo) -> list[str]:
    """Return what a newsletter brings, and how often, as far as either is known."""
    rhythm = info.comes.get(request.language, "")
    comes = request.gettext("By email %(rhythm)s.", rhythm=rhythm) if rhythm else ""
    return [text for text in (info.description.strip(), comes) if text]


def _elsewhere(request: EndpointRequest) -> Response:
    """Show the form's address to copy, since a sandboxed frame may not open a link."""
    info = info_of(request)
    if info is None:
        return request.no_newsletter()
    path = request.sign_up_path(info.slug)
    page = request.make_page(_LOCKED_IN, address=f"{request.config.base_url}{path}")
    return request.show(replace(page, links=[(request.gettext("Go to the sign-up page"), path)]))


def _outcome_json(request: EndpointRequest, result: SignupResult) -> Response:
    answer: dict[str, Any] = {"status": result.outcome.value}
    if result.fault:
        answer["fault"] = result.fault
    if result.goes_on:
        answer["proof"] = challenge(request.config, harder=True)
    return JsonAnswer(answer, _STATUS[result.outcome])


def _links(request: EndpointRequest, info: NewsletterInfo) -> list[tuple[str, str]]:
    latest = [(request.gettext("See the latest issue"), info.latest)] if info.latest else []
    return [*latest, kept_link(info, request.language)]


def retry_later(response: Response) -> Response:
    """Return *response*, which says when to try again where a limit has stopped the form."""
    if response.status_code == _STATUS[SignupOutcome.LATER]:
        response.headers["Retry-After"] = RETRY_SECONDS
    return response
