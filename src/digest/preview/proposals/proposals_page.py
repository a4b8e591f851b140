"""The desk's page of proposals: show what waits, and carry out what an editor decides on it.

Hides that several are accepted one by one: each that can be is, and the rest is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from digest import sources
from digest.errors import DigestError
from digest.preview.file_watcher import FileWatcher
from digest.preview.forms import json_answer, json_body
from digest.preview.origin_guard import POLICY
from digest.preview.proposals.proposal_view import (
    MOST_SHOWN,
    WaitingProposals,
    waiting_proposals,
)
from digest.preview.session import PreviewSession
from digest.render.engine import fill
from digest.render.template_paths import template_folders
from digest.sources import AcceptedProposal, ProposalKind

_LONGEST_WHY = 1_000  # characters


def proposal_routes(preview: PreviewSession, live: FileWatcher) -> list[Route]:
    """Return the routes of the page."""
    page = ProposalsPage(preview, live)
    return [
        Route("/proposals", page.page),
        Route("/proposals/accept", page.accept, methods=["POST"]),
        Route("/proposals/dismiss", page.dismiss, methods=["POST"]),
    ]


class ProposalsPage:
    """The request handlers of the page; blocking work runs in threads."""

    def __init__(self, preview: PreviewSession, live: FileWatcher) -> None:
        self._preview, self._live = preview, live

    async def page(self, _: Request) -> Response:
        """Answer with the whole page."""
        return await run_sync(self._page)

    async def accept(self, request: Request) -> Response:
        """Accept proposals, one or several."""
        return await self._answer(request, self._accept)

    async def dismiss(self, request: Request) -> Response:
        """Dismiss a proposal."""
        return await self._answer(request, self._dismiss)

    def _page(self) -> Response:
        html = _fill("proposals.html", waits=self._waits())
        return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})

    def _waits(self) -> WaitingProposals:
        with self._preview.app.database.read() as session:
            return waiting_proposals(session, self._preview.snapshot.newsletter)

    async def _answer(
        self, request: Request, act: Callable[[Mapping[str, Any]], dict[str, Any]]
    ) -> Response:
        body = await json_body(request)
        if body is None:
            return json_answer({"fault": "that isn't readable, or is too long"}, 400)

        def answer() -> Response:
            try:
                told = act(body)
            except DigestError as fault:
                told, status = {"fault": str(fault)}, 409
            else:
                status = 200
                self._preview.renew()
                self._live.notify()
            html = _fill("proposals-list.html", waits=self._waits())
            return json_answer({**told, "html": html}, status)

        return await run_sync(answer)

    def _accept(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Accept each, in a transaction of its own; raises where none could be."""
        numbers, by = _numbers(body), _name(body)
        done, faults = list[AcceptedProposal](), list[DigestError]()
        for number in numbers:
            try:
                with self._preview.app.database.write() as session:
                    done.append(sources.accept(session, number, by, self._preview.app.clock()))
            except DigestError as fault:
                faults.append(fault)
        if not done and faults:
            raise faults[0]
        return {"said": _said(done, faults)}

    def _dismiss(self, body: Mapping[str, Any]) -> dict[str, Any]:
        (number, *_), by = _numbers(body), _name(body)
        why = " ".join(str(body.get("why", "")).split())[:_LONGEST_WHY]
        now = self._preview.app.clock()
        with self._preview.app.database.write() as session:
            row = sources.dismiss(session, number, by, why, now)
            return {"said": f"dismissed {row.title}"}


def _numbers(body: Mapping[str, Any]) -> list[int]:
    given = body.get("numbers")
    numbers = [each for each in given if type(each) is int] if isinstance(given, list) else []
    if not numbers:
        raise DigestError("no proposal is named: reload the page")
    return list(dict.fromkeys(numbers))[:MOST_SHOWN]


def _name(body: Mapping[str, Any]) -> str:
    """Return who decides, whom a decision is recorded under."""
    name = " ".join(str(body.get("by", "")).split())[:200]
    if not name:
        raise DigestError("Type your name first: a decision is recorded with who made it.")
    return name


def _said(done: list[AcceptedProposal], faults: list[DigestError]) -> str:
    if len(done) == 1 and not faults:
        verb = "withdrew" if done[0].kind is ProposalKind.WITHDRAWAL else "accepted"
        return f"{verb} {done[0].slug}"
    told = f"accepted {len(done)}"
    return f"{told}; {len(faults)} couldn’t be: {faults[0]}" if faults else told


def _fill(name: str, **variables: object) -> str:
    return fill(name, variables, template_folders("preview"))
