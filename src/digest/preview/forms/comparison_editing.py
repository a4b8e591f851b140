"""The desk's page for the words of one comparison: form, review of the change, keep, restore.

Hides where an edited comparison is kept: in the store, above its file's content, never in the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anyio.to_thread import run_sync
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from digest.comparisons import editing, store
from digest.comparisons.models import Call, Comparison, Revision
from digest.comparisons.schema import ComparisonDraft, fingerprint
from digest.errors import DigestError, NotFound
from digest.preview.diff import diff_rows
from digest.preview.file_watcher import FileWatcher
from digest.preview.forms.json_bodies import MAX_BODY, json_answer, json_body
from digest.preview.origin_guard import POLICY
from digest.preview.session import PreviewSession
from digest.render.engine import fill
from digest.render.template_paths import template_folders
from digest.reports import held_words, turnout_words
from digest.votes import vote_numbers

_CALLS = (("", "Not published"), *((call.value, f"Would {call.value}") for call in Call))


@dataclass(frozen=True, kw_only=True)
class OpenedComparison:
    """A comparison as the desk shows it: the content of its file, or its newest revision."""

    slug: str
    draft: ComparisonDraft
    history: Sequence[Revision]  #: the newest first; empty where it is only in a file
    only_in_file: bool

    @property
    def seen(self) -> str:
        """The fingerprint that an edit of it begins from."""
        return fingerprint(self.draft)


def comparison_routes(preview: PreviewSession, live: FileWatcher) -> list[Route]:
    """Return the routes of the page."""
    forms = ComparisonForms(preview, live)
    return [
        Route("/comparison", forms.page),
        Route("/comparison/review", forms.review, methods=["POST"]),
        Route("/comparison/keep", forms.keep, methods=["POST"]),
    ]


class ComparisonForms:
    """The request handlers of the page; blocking work runs in threads."""

    def __init__(self, preview: PreviewSession, live: FileWatcher) -> None:
        self._preview, self._live = preview, live

    async def page(self, request: Request) -> Response:
        """Answer with the form, filled with the words that stand now."""
        slug = request.query_params.get("slug", "")[:400]
        return await run_sync(self._page, slug)

    async def review(self, request: Request) -> Response:
        """Answer with what a change would change, or with what is wrong, by field."""
        return await self._answer(request, self._review)

    async def keep(self, request: Request) -> Response:
        """Keep a change as a revision."""
        return await self._answer(request, self._keep)

    async def _answer(self, request: Request, act: Any) -> Response:
        body = await json_body(request, most=MAX_BODY)
        if body is None:
            return json_answer({"fault": "that isn't readable, or is too long"}, 400)

        def answer() -> Response:
            try:
                return json_answer(act(body))
            except editing.BadWords as fault:
                return json_answer({"faults": dict(fault.faults)}, 422)
            except DigestError as fault:
                return json_answer({"fault": str(fault)}, 409)

        return await run_sync(answer)

    def _page(self, slug: str) -> Response:
        headers = {"Content-Security-Policy": POLICY}
        try:
            with self._preview.app.database.read() as session:
                variables = self._variables(session, opened(self._preview, session, slug))
        except DigestError as fault:
            html = _fill("comparison-missing.html", said=str(fault))
            return HTMLResponse(html, 404, headers=headers)
        return HTMLResponse(_fill("comparison.html", **variables), headers=headers)

    def _variables(self, session: Session, one: OpenedComparison) -> dict[str, Any]:
        folder = self._preview.folder
        file = folder.file_of(one.slug, store.summaries(session))
        return {
            "slug": one.slug,
            "seen": one.seen,
            "draft": one.draft,
            "words": editing.words_of(one.draft),
            "calls": _CALLS,
            "file": str(file.relative_to(folder.path)) if file else "",
            "only_in_file": int(one.only_in_file),
            "history": [self._revision(row, one) for row in one.history],
            "votes": _vote_sentences(session, one),
        }

    def _revision(self, row: Revision, one: OpenedComparison) -> dict[str, Any]:
        newsletter = self._preview.snapshot.newsletter
        at = newsletter.cadence().local(row.imported_at) if newsletter else row.imported_at
        return {
            "number": row.number,
            "what": f"edited by {row.editor}" if row.editor else "imported",
            "when": f"{at.day} {at:%B %Y, %H:%M}",
            "stands": int(row.fingerprint == one.seen and not one.only_in_file),
        }

    def _review(self, body: Mapping[str, Any]) -> dict[str, Any]:
        with self._preview.app.database.read() as session:
            one = opened(self._preview, session, str(body.get("slug", "")))
            changed = editing.changes(one.draft, wanted(session, one, body))
        rows = [(change.field, diff_rows(change.before, change.after)) for change in changed]
        number = (one.history[0].number if one.history else 0) + 1 + one.only_in_file
        return {"html": _fill("comparison-review.html", changes=rows, number=number)}

    def _keep(self, body: Mapping[str, Any]) -> dict[str, Any]:
        by = " ".join(str(body.get("by", "")).split())[:200]
        now = self._preview.app.clock()
        with self._preview.app.database.write() as session:
            one = opened(self._preview, session, str(body.get("slug", "")))
            if one.only_in_file:  # the file's content first, so that it can be restored
                store.store_draft(session, one.draft, now=now)
            seen = str(body.get("seen", ""))
            draft = wanted(session, one, body)
            number = editing.keep(session, one.slug, draft, seen=seen, editor=by, now=now).number
        self._preview.renew()
        self._live.notify()
        return {"said": f"saved as revision {number}"}


def opened(preview: PreviewSession, session: Session, slug: str) -> OpenedComparison:
    """Return a comparison as the desk shows it; raises `NotFound`."""
    overlay = preview.snapshot.overlay
    draft = overlay.drafts.get(slug) if overlay else None
    stored = _stored(session, slug)
    if draft is None and stored is None:
        raise NotFound(f"there is no comparison called {slug[:60]}")
    history = store.history(session, stored) if stored else ()
    return OpenedComparison(
        slug=slug,
        draft=draft or editing.draft_of_revision(history[0]),
        history=history,
        only_in_file=draft is not None,
    )


def _vote_sentences(session: Session, one: OpenedComparison) -> list[str]:
    """Return who voted, and which votes aren't counted; nothing where it is only in a file."""
    numbers = vote_numbers(session, one.history[:1])
    told = [(turnout_words(each), held_words(each.held)) for each in numbers]
    return [sentence for sentences in told for sentence in sentences if sentence]


def _stored(session: Session, slug: str) -> Comparison | None:
    try:
        return store.by_slug(session, slug)
    except NotFound:
        return None


def wanted(session: Session, one: OpenedComparison, body: Mapping[str, Any]) -> ComparisonDraft:
    """Return the content a request asks for: an earlier revision's, or edited words.

    Raises `BadWords` and `NotFound`.
    """
    restored = body.get("restore")
    if isinstance(restored, int):
        row = store.revision(session, store.by_slug(session, one.slug), restored)
        return editing.draft_of_revision(row)
    words = body.get("words")
    told = words if isinstance(words, dict) else {}
    return editing.with_words(one.draft, {str(name): str(text) for name, text in told.items()})


def _fill(name: str, **variables: object) -> str:
    return fill(name, variables, template_folders("preview"))
