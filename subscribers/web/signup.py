"""The sign-up: a page, a frame for other sites, and a JSON route, with the same checks on each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

from starlette.responses import HTMLResponse, PlainTextResponse, Response

from subscribers.web import origin
from subscribers.web.form import (
    FRAME_PATH,
    PATH,
    challenge,
    form,
    form_token,
    kept_link,
    snippet,
    wording,
)
from subscribers.web.front import About
from subscribers.web.judging import Judge, Outcome, Verdict, about_of, source_of
from subscribers.web.pages import Page
from subscribers.web.place import Json, Visit
from subscribers.web.texts import Saying

RETRY_SECONDS = "3600"
_STATUS = {
    Outcome.INBOX: 202,
    Outcome.AGAIN: 409,
    Outcome.ELSEWHERE: 403,
    Outcome.FAULT: 422,
    Outcome.LATER: 429,
}


@dataclass(frozen=True)
class SignUp:
    """The handlers of the ways to sign up."""

    judge: Judge
    #: Pages that are the same bytes for everybody, made once: by status and language.
    made: dict[tuple[int, str], str] = field(default_factory=dict)

    async def show(self, visit: Visit) -> Response:
        """Show the page with the form."""
        return _form_page(visit, PATH)

    async def show_frame(self, visit: Visit) -> Response:
        """Show the form alone, for a frame."""
        return _form_page(visit, FRAME_PATH)

    async def show_snippet(self, visit: Visit) -> Response:
        """Show the form as HTML to copy."""
        about = about_of(visit)
        if about is None:
            return visit.no_newsletter()
        return PlainTextResponse(snippet(visit.front, about, visit.language))

    async def take(self, visit: Visit) -> Response:
        """Take the page's form."""
        return self._told(visit, await self.judge.judge(visit), PATH)

    async def take_frame(self, visit: Visit) -> Response:
        """Take the frame's form."""
        return self._told(visit, await self.judge.judge(visit), FRAME_PATH)

    def turn_away(self, visit: Visit) -> Response | None:
        """Turn a flood away before anything of it is read."""
        if not self.judge.turned_away(visit):
            return None
        if visit.program:
            return _retry_later(_told_program(visit, Verdict(outcome=Outcome.LATER)))
        return self._later(visit)

    async def show_json(self, visit: Visit) -> Response:
        """Give a program what a form would hold."""
        about = about_of(visit)
        if about is None:
            return Json({"status": "unknown newsletter"}, 404)
        told: dict[str, Any] = {
            "newsletter": about.slug,
            "wording": wording(about, visit.language),
            "token": form_token(visit.front, about, visit.language),
            "wait_seconds": visit.front.form_seconds,
        }
        sum_to_do = challenge(visit.front)
        return Json(told | {"proof": sum_to_do} if sum_to_do else told)

    async def show_script(self, _visit: Visit) -> Response:
        """Give the browser what does the sum."""
        return Response(script(), media_type="text/javascript; charset=utf-8")

    async def take_json(self, visit: Visit) -> Response:
        """Take a sign-up from a program."""
        if not visit.request.headers.get("content-type", "").startswith("application/json"):
            return Json({"status": "send application/json"}, 415)
        if about_of(visit) is None:
            return Json({"status": "unknown newsletter"}, 404)
        verdict = await self.judge.judge(visit)
        if not origin.is_ours(visit.request, visit.front.base_url):  # and trying again won't help
            return Json({"status": "foreign origin"}, 403)
        return _retry_later(_told_program(visit, verdict))

    def _told(self, visit: Visit, verdict: Verdict, path: str) -> Response:
        if verdict.outcome is Outcome.INBOX:
            return HTMLResponse(self._same(visit, 200, visit.words.inbox))
        if verdict.goes_on:
            return _retry_later(_form_page(visit, path, harder=True))
        if verdict.outcome is Outcome.LATER:
            return self._later(visit)
        if verdict.outcome is Outcome.ELSEWHERE:
            return _elsewhere(visit)
        again = verdict.outcome is Outcome.AGAIN
        return _form_page(visit, path, fault=verdict.fault, again=again)

    def _later(self, visit: Visit) -> Response:
        return _retry_later(HTMLResponse(self._same(visit, 429, visit.words.many), 429))

    def _same(self, visit: Visit, status: int, saying: Saying) -> str:
        known = (status, visit.language)
        if known not in self.made:
            self.made[known] = visit.front.render(visit.say(saying))
        return self.made[known]


@cache
def script() -> str:
    """Return the one script there is; only forms with a sum to do ask for it."""
    return (files("subscribers.web") / "proof.js").read_text(encoding="utf-8")


def _form_page(
    visit: Visit, path: str, *, fault: str = "", again: bool = False, harder: bool = False
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
        status=_STATUS[Outcome.LATER] if harder else 422 if fault else 200,
    )


def _elsewhere(visit: Visit) -> Response:
    """Say where the form can be sent, in words to copy: from a locked-in page no link may lead."""
    about = about_of(visit)
    if about is None:
        return visit.no_newsletter()
    path = visit.sign_up_path(about.slug)
    page = visit.say(visit.words.locked_in, address=f"{visit.front.base_url}{path}")
    return visit.show(replace(page, links=[(visit.words.to_sign_up, path)]))


def _told_program(visit: Visit, verdict: Verdict) -> Response:
    told: dict[str, Any] = {"status": verdict.outcome.value}
    if verdict.fault:
        told["fault"] = verdict.fault
    if verdict.goes_on:
        told["proof"] = challenge(visit.front, harder=True)
    return Json(told, _STATUS[verdict.outcome])


def _links(visit: Visit, about: About) -> list[tuple[str, str]]:
    latest = [(visit.words.latest, about.latest)] if about.latest else []
    return [*latest, kept_link(about, visit.language)]


def _retry_later(response: Response) -> Response:
    if response.status_code == _STATUS[Outcome.LATER]:
        response.headers["Retry-After"] = RETRY_SECONDS
    return response
