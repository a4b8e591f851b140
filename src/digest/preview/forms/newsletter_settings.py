"""The desk's page for newsletters: choose among them, add one, change its settings, archive it.

Hides which fields the form has, in what order and words, and how its texts become settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from anyio.to_thread import run_sync
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from digest import images
from digest.errors import DigestError, NotFound
from digest.issues import newsletters, store
from digest.issues.calendar import NTHS, BadCadence, Frequency
from digest.issues.calendar.cadence import WEEKDAYS
from digest.issues.calendar.cadence_change import set_cadence
from digest.issues.models import Newsletter, Tracking, WhenEmpty
from digest.issues.newsletters import MOST, BadNewsletter
from digest.preview.file_watcher import FileWatcher
from digest.preview.forms.json_bodies import json_answer, json_body
from digest.preview.origin_guard import POLICY
from digest.preview.session import PreviewSession
from digest.render.brand import Font
from digest.render.engine import fill
from digest.render.template_paths import template_folders
from subscribers.locale import LANGUAGES, language_name


@dataclass(frozen=True, kw_only=True)
class FormField:
    """One field of the form; with *choices* it is a list, with several *rows* a text area."""

    name: str
    label: str
    hint: str = ""
    rows: int = 1
    choices: tuple[tuple[str, str], ...] = ()  #: value and words
    image: bool = False  #: the value is the key of an image, which the form uploads


_GROUPS: tuple[tuple[str, tuple[FormField, ...]], ...] = (
    (
        "What readers see",
        (
            FormField(name="name", label="Name"),
            FormField(name="description", label="Description", rows=2),
            FormField(
                name="language",
                label="Language of its mail and pages",
                choices=tuple((code, language_name(code)) for code in LANGUAGES),
            ),
            FormField(
                name="logo",
                label="Logo",
                hint="A PNG, JPEG or GIF. It's shown 44 pixels high; 88 look sharp on any screen.",
                image=True,
            ),
            FormField(
                name="logo_alt",
                label="Text of the logo",
                hint="For readers who can't see it. Empty for the newsletter's name.",
            ),
            FormField(
                name="accent", label="Accent", hint="Such as #2744c4; empty for the default."
            ),
            FormField(
                name="font",
                label="Font",
                choices=(
                    (Font.CLASSIC.value, "Titles in a serif"),
                    (Font.SLAB.value, "Titles in a slab serif"),
                    (Font.SERIF.value, "A serif throughout"),
                    (Font.SANS.value, "A sans serif throughout"),
                ),
            ),
            FormField(
                name="public",
                label="On the site",
                choices=(("yes", "Listed for everyone"), ("no", "For its readers only")),
            ),
        ),
    ),
    (
        "When it goes out",
        (
            FormField(
                name="every",
                label="How often",
                choices=(
                    (Frequency.WEEK.value, "Every week"),
                    (Frequency.SECOND_WEEK.value, "Every second week"),
                    (Frequency.MONTH.value, "Once a month"),
                ),
            ),
            FormField(
                name="nth",
                label="Which one in the month",
                hint="If it goes out once a month.",
                choices=tuple((word, word.capitalize()) for word in NTHS),
            ),
            FormField(
                name="on",
                label="Day",
                choices=tuple((day, day.capitalize()) for day in WEEKDAYS),
            ),
            FormField(name="at", label="Time", hint="Such as 09:00."),
            FormField(name="zone", label="Time zone", hint="Such as Europe/Berlin."),
            FormField(
                name="approvals",
                label="Who approves an issue",
                choices=(("1", "One person"), ("2", "Two people")),
            ),
        ),
    ),
    (
        "Its mail",
        (
            FormField(name="sender", label="From", hint="Name <address>; empty for DIGEST_FROM."),
            FormField(
                name="reply_to", label="Reply to", hint="Name <address>; empty for the default."
            ),
            FormField(
                name="postal_address",
                label="Postal address",
                hint="Empty for DIGEST_POSTAL_ADDRESS.",
                rows=3,
            ),
            FormField(
                name="tracking",
                label="Opens and clicks",
                choices=(
                    (Tracking.OFF.value, "Not tracked"),
                    (Tracking.ANONYMOUS.value, "Counts only"),
                    (Tracking.READER.value, "Per reader"),
                ),
            ),
            FormField(
                name="utm",
                label="UTM tags",
                hint="They tell a linked site's statistics where its visitors came from.",
                choices=(("no", "None"), ("yes", "On links to comparisons, tools and sponsors")),
            ),
        ),
    ),
    (
        "What it carries",
        (
            FormField(
                name="fewest",
                label="Fewest comparisons",
                hint="A week with fewer new ones counts as empty.",
            ),
            FormField(name="most", label="Most comparisons", hint=f"Up to {MOST}."),
            FormField(
                name="no_repeat",
                label="A tool rests",
                hint="For this many issues after it was featured.",
            ),
            FormField(
                name="when_empty",
                label="In an empty week",
                choices=(
                    (WhenEmpty.SKIP.value, "No issue"),
                    (WhenEmpty.EVERGREEN.value, "A short issue from the evergreen list"),
                ),
            ),
            FormField(name="weight", label="Points for weight", hint="What counts in the pick."),
            FormField(name="freshness", label="Points for freshness"),
            FormField(name="split", label="Points for a split panel"),
            FormField(name="variety", label="Points for variety"),
            FormField(
                name="gap",
                label="Points for a gap to readers",
                hint="Where readers and the panel differ. 0 leaves votes out of the pick.",
            ),
        ),
    ),
)
_CADENCE = ("every", "nth", "on", "at", "zone")


def newsletter_routes(preview: PreviewSession, live: FileWatcher) -> list[Route]:
    """Return the routes of the page."""
    forms = NewsletterForms(preview, live)
    return [
        Route("/newsletters", forms.page),
        Route("/newsletters/add", forms.add, methods=["POST"]),
        Route("/newsletters/set", forms.set, methods=["POST"]),
        Route("/newsletters/archive", forms.archive, methods=["POST"]),
        Route("/newsletters/choose", forms.choose, methods=["POST"]),
    ]


class NewsletterForms:
    """The request handlers of the page; blocking work runs in threads."""

    def __init__(self, preview: PreviewSession, live: FileWatcher) -> None:
        self._preview, self._live = preview, live

    async def page(self, request: Request) -> Response:
        """Answer with the list and one newsletter's form, or the form for a new one."""
        slug = request.query_params.get("slug", self._preview.newsletter)[:64]
        return await run_sync(self._page, slug)

    async def add(self, request: Request) -> Response:
        """Add a newsletter."""
        return await self._answer(request, self._add)

    async def set(self, request: Request) -> Response:
        """Change what differs from what is set."""
        return await self._answer(request, self._set)

    async def archive(self, request: Request) -> Response:
        """End a newsletter, or let it come out again."""
        return await self._answer(request, self._archive)

    async def choose(self, request: Request) -> Response:
        """Lay the next issue of another newsletter on the desk."""
        return await self._answer(request, self._choose)

    async def _answer(
        self, request: Request, act: Callable[[Session, Mapping[str, Any]], dict[str, Any]]
    ) -> Response:
        body = await json_body(request)
        if body is None:
            return json_answer({"fault": "that isn't readable, or is too long"}, 400)

        def answer() -> Response:
            try:
                with self._preview.app.database.write() as session:
                    said = act(session, body)
            except BadNewsletter as fault:
                return json_answer({"faults": dict(fault.faults)}, 422)
            except DigestError as fault:
                return json_answer({"fault": str(fault)}, 409)
            self._preview.renew()
            self._live.notify()
            return json_answer(said)

        return await run_sync(answer)

    def _page(self, slug: str) -> Response:
        with self._preview.app.database.read() as session:
            rows = store.newsletters(session)
            one = next((row for row in rows if row.slug == slug), None)
            html = _fill(
                "newsletters.html",
                listed=[_listed(row) for row in rows],
                slug=one.slug if one else "",
                title=one.name if one else "A new newsletter",
                archived=int(one is not None and one.archived_at is not None),
                at_desk=int(slug == self._preview.newsletter),
                groups=_GROUPS,
                words=texts_of(one or Newsletter(slug="", name="")),
                logo=_path(images.find(session, one.logo) if one and one.logo else None),
            )
        return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})

    def _add(self, session: Session, body: Mapping[str, Any]) -> dict[str, Any]:
        slug, given = str(body.get("slug", "")).strip(), _given(body)
        row = newsletters.create(session, slug, _settings(given))
        self._set_cadence(row, given)
        return {"said": f"{row.name} is added", "slug": row.slug}

    def _set(self, session: Session, body: Mapping[str, Any]) -> dict[str, Any]:
        row, given = self._row(session, body), _given(body)
        before = texts_of(row)
        differs = {name: text for name, text in given.items() if text != before.get(name)}
        newsletters.change(session, row, _settings(differs))
        if differs.keys() & set(_CADENCE):
            self._set_cadence(row, given)
        session.add(row)
        return {"said": f"{len(differs)} changed" if differs else "nothing was changed"}

    def _set_cadence(self, row: Newsletter, given: Mapping[str, str]) -> None:
        """Set when it comes out; raises `BadNewsletter` with the fault at the field of the time."""
        named = {name: given.get(name) or None for name in ("on", "at", "zone", "nth")}
        every = Frequency(given["every"]) if given.get("every") in list(Frequency) else None
        try:
            set_cadence(row, self._preview.app.clock(), every=every, **named)
        except (BadCadence, NotFound) as fault:
            raise BadNewsletter({"at": str(fault)}) from None

    def _archive(self, session: Session, body: Mapping[str, Any]) -> dict[str, Any]:
        row, now = self._row(session, body), self._preview.app.clock()
        if body.get("undo"):
            newsletters.reopen(session, row, now)
            return {"said": f"{row.name} is active again"}
        newsletters.archive(session, row, now)
        return {"said": f"{row.name} is archived"}

    def _choose(self, session: Session, body: Mapping[str, Any]) -> dict[str, Any]:
        row = self._row(session, body)
        self._preview.choose(row.slug)
        return {"said": f"this is {row.name}"}

    def _row(self, session: Session, body: Mapping[str, Any]) -> Newsletter:
        return store.newsletter(session, str(body.get("slug", ""))[:64])


def texts_of(newsletter: Newsletter) -> dict[str, str]:
    """Return a newsletter's settings and cadence as the texts of the form's fields."""
    settings = {
        name: _text(value) for name, value in asdict(newsletters.settings_of(newsletter)).items()
    }
    nths = {number: word for word, number in NTHS.items()}
    return {
        **{name: _text(value) for name, value in settings.items()},
        "every": newsletter.every.value,
        "nth": nths.get(newsletter.nth or 1, ""),
        "on": WEEKDAYS[newsletter.weekday],
        "at": f"{newsletter.hour:02}:{newsletter.minute:02}",
        "zone": newsletter.timezone,
    }


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, StrEnum):
        return value.value
    return f"{value:g}" if isinstance(value, float) else str(value)


def _path(image: images.StoredImage | None) -> str:
    return images.url_of("", image) if image else ""


def _listed(newsletter: Newsletter) -> dict[str, Any]:
    return {
        "slug": newsletter.slug,
        "name": newsletter.name,
        "comes": str(newsletter.cadence()),
        "archived": int(newsletter.archived_at is not None),
    }


def _given(body: Mapping[str, Any]) -> dict[str, str]:
    fields = body.get("fields")
    known = {field.name for _, group in _GROUPS for field in group}
    sent = fields if isinstance(fields, dict) else {}
    return {name: str(text).strip() for name, text in sent.items() if name in known}


def _settings(given: Mapping[str, str]) -> dict[str, object]:
    return {name: text for name, text in given.items() if name not in _CADENCE}


def _fill(name: str, **variables: object) -> str:
    return fill(name, variables, template_folders("preview"))
