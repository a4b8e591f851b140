"""Answer for the sign-up page, the frame for other sites, and the JSON route.

This module hides how each outcome of the checks is answered: which page, which status.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

from starlette.responses import HTMLResponse, PlainTextResponse, Response

from subscribers.web import client
from subscribers.web.config import NewsletterInfo
from subscribers.web.endpoint import EndpointRequest, JsonAnswer
from subscribers.web.locale import PageText
from subscribers.web.page_model import Page
from subscribers.web.signup_checks import (
    SignupChecks,
    SignupOutcome,
    SignupResult,
    about_of,
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


@dataclass(frozen=True)
class SignupHandlers:
    """The handlers of every way to sign up."""

    judge: SignupChecks
    #: Pages that are the same for every visitor, rendered once, by status and language.
    rendered: dict[tuple[int, str], str] = field(default_factory=dict)

    async def show(self, visit: EndpointRequest) -> Response:
        """Show the page with the form."""
        return _form_page(visit, PATH)

    async def show_frame(self, visit: EndpointRequest) -> Response:
        """Show the page with the form, for a frame of another site."""
        return _form_page(visit, FRAME_PATH)

    async def show_snippet(self, visit: EndpointRequest) -> Response:
        """Return the form's HTML as text, to copy into another site."""
        about = about_of(visit)
        if about is None:
            return visit.no_newsletter()
        return PlainTextResponse(snippet(visit.front, about, visit.language))

    async def take(self, visit: EndpointRequest) -> Response:
        """Handle the page's form, and return the page for its outcome."""
        return self._outcome_page(visit, await self.judge.judge(visit), PATH)

    async def take_frame(self, visit: EndpointRequest) -> Response:
        """Handle the frame's form, and return the page for its outcome."""
        return self._outcome_page(visit, await self.judge.judge(visit), FRAME_PATH)

    def turn_away(self, visit: EndpointRequest) -> Response | None:
        """Return 429 before the body is read, if the flood guard stops the visitor's network."""
        if not self.judge.turned_away(visit):
            return None
        if visit.program:
            return _retry_later(_outcome_json(visit, SignupResult(outcome=SignupOutcome.LATER)))
        return self._later(visit)

    async def show_json(self, visit: EndpointRequest) -> Response:
        """Return what a form holds, as JSON: wording, token, wait in seconds, proof of work."""
        about = about_of(visit)
        if about is None:
            return JsonAnswer({"status": "unknown newsletter"}, 404)
        facts: dict[str, Any] = {
            "newsletter": about.slug,
            "wording": wording(about, visit.language),
            "token": form_token(visit.front, about, visit.language),
            "wait_seconds": visit.front.form_seconds,
        }
        puzzle = challenge(visit.front)
        return JsonAnswer(facts | {"proof": puzzle} if puzzle else facts)

    async def show_script(self, _visit: EndpointRequest) -> Response:
        """Return the script that does the proof of work."""
        return Response(script(), media_type="text/javascript; charset=utf-8")

    async def take_json(self, visit: EndpointRequest) -> Response:
        """Handle a sign-up sent as JSON, and return its outcome as JSON."""
        if not visit.request.headers.get("content-type", "").startswith("application/json"):
            return JsonAnswer({"status": "send application/json"}, 415)
        if about_of(visit) is None:
            return JsonAnswer({"status": "unknown newsletter"}, 404)
        result = await self.judge.judge(visit)
        if not client.is_ours(visit.request, visit.front.base_url):  # trying again won't help
            return JsonAnswer({"status": "foreign origin"}, 403)
        return _retry_later(_outcome_json(visit, result))

    def _outcome_page(self, visit: EndpointRequest, result: SignupResult, path: str) -> Response:
        if result.outcome is SignupOutcome.INBOX:
            return HTMLResponse(self._rendered_once(visit, 200, visit.words.inbox))
        if result.goes_on:
            return _retry_later(_form_page(visit, path, harder=True))
        if result.outcome is SignupOutcome.LATER:
            return self._later(visit)
        if result.outcome is SignupOutcome.ELSEWHERE:
            return _elsewhere(visit)
        again = result.outcome is SignupOutcome.AGAIN
        return _form_page(visit, path, fault=result.fault, again=again)

    def _later(self, visit: EndpointRequest) -> Response:
        return _retry_later(HTMLResponse(self._rendered_once(visit, 429, visit.words.many), 429))

    def _rendered_once(self, visit: EndpointRequest, status: int, saying: PageText) -> str:
        key = (status, visit.language)
        if key not in self.rendered:
            self.rendered[key] = visit.front.render(visit.say(saying))
        return self.rendered[key]


@cache
def script() -> str:
    """Return the source of the proof-of-work script; only forms with a proof load it."""
    return (files("subscribers.web") / "proof.js").read_text(encoding="utf-8")


def _form_page(
    visit: EndpointRequest, path: str, *, fault: str = "", again: bool = False, harder: bool = False
) -> Response:
    about = about_of(visit)
    if about is None:
        return visit.no_newsletter()
    comes = about.comes.get(visit.language, "")
    page = visit.say(
        visit.words.sign_up,
        newsletter=about.name,
        description=about.description,
        comes=visit.words.comes.format(comes=comes) if comes else "",
    )
    paragraphs = page.paragraphs
    if again or harder:
        paragraphs = [visit.words.sign_up_again if again else visit.words.sign_up_harder]
    return visit.show(
        Page(
            language=visit.language,
            title=page.title,
            paragraphs=paragraphs,
            fault=fault,
            form=form(
                visit.front,
                about,
                visit.language,
                source=source_of(visit, "frame" if path == FRAME_PATH else "page"),
                value=visit.fields.get("email", "")[:254],
                path=path,
                sent=again or harder,
                harder=harder,
            ),
            links=_links(visit, about),
            small=wording(about, visit.language),
        ),
        status=_STATUS[SignupOutcome.LATER] if harder else 422 if fault else 200,
    )


def _elsewhere(visit: EndpointRequest) -> Response:
    """Show the form's address to copy, since a sandboxed frame may not open a link."""
    about = about_of(visit)
    if about is None:
        return visit.no_newsletter()
    path = visit.sign_up_path(about.slug)
    page = visit.say(visit.words.locked_in, address=f"{visit.front.base_url}{path}")
    return visit.show(replace(page, links=[(visit.words.to_sign_up, path)]))


def _outcome_json(visit: EndpointRequest, result: SignupResult) -> Response:
    answer: dict[str, Any] = {"status": result.outcome.value}
    if result.fault:
        answer["fault"] = result.fault
    if result.goes_on:
        answer["proof"] = challenge(visit.front, harder=True)
    return JsonAnswer(answer, _STATUS[result.outcome])


def _links(visit: EndpointRequest, about: NewsletterInfo) -> list[tuple[str, str]]:
    latest = [(visit.words.latest, about.latest)] if about.latest else []
    return [*latest, kept_link(about, visit.language)]


def _retry_later(response: Response) -> Response:
    if response.status_code == _STATUS[SignupOutcome.LATER]:
        response.headers["Retry-After"] = RETRY_SECONDS
    return response
