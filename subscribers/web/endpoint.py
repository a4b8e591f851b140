"""Answer one path: choose the handler, read the form, map errors to pages, add the headers.

This module hides which error becomes which status, and the headers of every response.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from subscribers.errors import BadToken, OldLink
from subscribers.locale import LANGUAGES, N_, Translations, choose, translations
from subscribers.signup import StoreBusy
from subscribers.store import Evidence
from subscribers.web import client, request_body
from subscribers.web.config import NewsletterInfo, SiteConfig
from subscribers.web.page_model import Page, PageText

log = logging.getLogger(__name__)

RETRY_SECONDS = "60"
BY_PAGE = "page"  # the field that a page's own button sends, and a mail program doesn't
_YEAR = 31_536_000
_OFF = ("accelerometer", "camera", "geolocation", "gyroscope", "microphone", "payment", "usb")

_BAD_LINK = PageText(
    title=N_("This link doesn’t work"),
    body=(
        N_(
            "Part of it may be missing, or there may be an extra character at the end. Copy it"
            " again from the email, from “http” to the last character. If that doesn’t help, the"
            " email is too old: use the link in a newer one."
        ),
    ),
)
_OLD_LINK = PageText(
    title=N_("This link no longer works"),
    body=(
        N_(
            "It was sent to an address that you have since changed. Use the link in an email to"
            " your new address."
        ),
    ),
)
_NO_NEWSLETTER = PageText(
    title=N_("We don’t have that newsletter"),
    body=(
        N_("It may have a different name now. You’ll find all our newsletters on the front page."),
    ),
)
_UNREACHABLE = PageText(
    title=N_("We couldn’t do that just now"),
    body=(N_("There’s a problem at our end. Nothing has changed. Please try again soon."),),
)
_BROKEN = PageText(
    title=N_("Something went wrong"),
    body=(N_("It’s our fault, not yours. Nothing has changed. Please try again."),),
)


def policy(ancestors: str = "'none'") -> str:
    """Return the Content-Security-Policy (W3C CSP 3) of a page that *ancestors* may frame.

    No script runs, and nothing is fetched from another site.
    """
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
        f" base-uri 'none'; frame-ancestors {ancestors}"
    )


SCRIPTED = "; script-src 'self'"  # added to the policy of a page whose form has a proof of work
#: What every response carries, unless its route says otherwise.
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": policy(),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # readers' tokens are in URLs
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{name}=()" for name in _OFF),
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}


def headers_for(*, https: bool) -> dict[str, str]:
    """Return `HEADERS`, and with *https* the one that keeps browsers to HTTPS (RFC 6797)."""
    if not https:
        return dict(HEADERS)
    return {**HEADERS, "Strict-Transport-Security": f"max-age={_YEAR}; includeSubDomains"}


class JsonAnswer(JSONResponse):
    """A JSON response whose Content-Type names its charset, as that of every response here."""

    media_type = "application/json; charset=utf-8"


class ScriptedPage(HTMLResponse):
    """A page whose form has a proof of work, so that its policy allows the site's script."""


@dataclass(frozen=True)
class EndpointRequest:
    """One request, with the fields, language and network it comes with."""

    config: SiteConfig
    http: Request
    #: Each field's values; empty until the body was read.
    lists: request_body.Fields = field(default_factory=dict, repr=False)
    program: bool = False  #: the client is a program, and is answered in JSON

    @cached_property
    def fields(self) -> Mapping[str, str]:
        """Each field's last value."""
        return {name: values[-1] for name, values in self.lists.items()}

    def named(self, name: str, default: str = "") -> str:
        """Return what the form or else the query gives for a name, or *default*."""
        value = self.fields.get(name)
        if not value and self.http.scope["query_string"]:  # a query costs more than the form
            value = self.http.query_params.get(name)
        return default if value is None else value

    @property
    def requested_language(self) -> str:
        """The language that the form or ``?lang=`` names; empty for none."""
        return self.named("lang")

    @cached_property
    def language(self) -> str:
        """The code of the language to answer in."""
        return choose(self.requested_language, client.header(self.http, b"accept-language") or "")

    @property
    def words(self) -> Translations:
        """The words of the language to answer in."""
        return translations(self.language)

    def gettext(self, message: str, **facts: object) -> str:
        """Return *message* in the language to answer in; *facts* fill its placeholders."""
        return self.words.gettext(message) % facts

    @property
    def token(self) -> str:
        """The token in the path."""
        return str(self.http.path_params.get("token", ""))

    @cached_property
    def address(self) -> client.Address | None:
        """The client's IP address, as far as trusted proxies vouch for it; ``None`` if unknown."""
        peer, trusted = self.http.scope.get("client"), self.config.trusted_proxies
        forwarded = self.http.headers.getlist("x-forwarded-for") if trusted else ()
        return client.client(peer[0] if peer else None, forwarded, trusted)

    @cached_property
    def visitor(self) -> str:
        """The network that counts as one visitor."""
        return client.network(self.address)

    def kept_address(self) -> str | None:
        """Return the part of the client's address that the consent record may keep."""
        return self.config.keep_network.kept(self.address)

    def evidence(self, channel: str) -> Evidence:
        """Return the evidence that the consent record keeps of an act; *channel* says how."""
        return Evidence(channel=channel, language=self.language, network=self.kept_address())

    def newsletter_name(self, slug: str) -> str:
        """Return a newsletter's name, or its slug where the name is unknown or unreadable."""
        try:
            info = self.config.newsletter(slug)
        except SQLAlchemyError:  # a reader can unsubscribe without seeing the name
            info = None
        return info.name if info else slug

    def named_newsletter(self) -> NewsletterInfo | None:
        """Return the public newsletter that the form or the query names, the first by default."""
        return self.config.public_newsletter(self.named("newsletter"))

    @property
    def leaving_by_mail(self) -> str:
        """How to unsubscribe by mail, in a sentence; empty where that can't be done."""
        if not self.config.mailto:
            return ""
        return self.gettext(
            "You can also unsubscribe by writing to %(mailto)s.", mailto=self.config.mailto
        )

    def onward(self, path: str) -> str:
        """Return a path, with ``?lang=`` if this request named a language."""
        return f"{path}?lang={self.language}" if self.requested_language in LANGUAGES else path

    def sign_up_path(self, slug: str) -> str:
        """Return the path of a newsletter's sign-up form, in this page's language."""
        return f"/subscribe?newsletter={slug}&lang={self.language}"

    def sign_up_links(self, words: str, slug: str) -> list[tuple[str, str]]:
        """Return the link to a newsletter's sign-up form; none where it takes no sign-ups."""
        try:
            info = self.config.newsletter(slug)
        except SQLAlchemyError:
            info = None
        return [(words, self.sign_up_path(slug))] if info is None or info.open else []

    def note(self, status: str, words: str, code: int) -> Response:
        """Return *status* as JSON to a program, else *words* as text; *code* is HTTP's status."""
        if self.program:
            return JsonAnswer({"status": status}, code)
        return PlainTextResponse(f"{words}\n", code)

    def page(self, page_text: PageText, *, status: int = 200, **facts: object) -> Response:
        """Return a text as a page without a form; *facts* fill its placeholders."""
        return self.show(self.make_page(page_text, **facts), status=status)

    def make_page(self, page_text: PageText, **facts: object) -> Page:
        """Return a text as a page model, without its empty paragraphs."""
        body = [self.gettext(text, **facts).strip() for text in page_text.body]
        return Page(
            language=self.language,
            title=self.gettext(page_text.title, **facts),
            paragraphs=[text for text in body if text],
        )

    def no_newsletter(self) -> Response:
        """Return 404 with a link to the front page, for an unknown newsletter."""
        page = self.make_page(_NO_NEWSLETTER)
        return self.show(replace(page, links=[(self.gettext("Front page"), "/")]), status=404)

    def show(self, page: Page, *, status: int = 200) -> Response:
        """Render a page model, and return it as a response."""
        kind = ScriptedPage if page.form and page.form.proof else HTMLResponse
        return kind(self.config.render(page), status)


Handler = Callable[[EndpointRequest], Awaitable[Response]]
EarlyRefusal = Callable[[EndpointRequest], Response | None]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """The ASGI application of one path; HEAD is answered as GET, and neither changes anything."""

    config: SiteConfig
    get: Handler | None = None
    post: Handler | None = None
    framed: bool = False  #: the sites in `embed_origins` may show it in a frame
    program: bool = False  #: for programs, so that errors are JSON as well
    lenient: bool = False  #: accepts any body, since the token in the path is enough
    refuse_early: EarlyRefusal | None = None  #: may answer a POST before its body is read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._answer(Request(scope, receive))
        head = self._scripted_head if isinstance(response, ScriptedPage) else self._head
        if not _sent_whole(scope, response, head.lines):
            await _with_headers(response, head.pairs)(scope, receive, send)

    async def _answer(self, http: Request) -> Response:
        request = EndpointRequest(self.config, http, program=self.program)
        handler = self.post if http.method == "POST" else self.get
        if http.method not in ("GET", "HEAD", "POST") or handler is None:
            return self._not_allowed(request)
        try:
            return await self._handle(request, handler)
        except request_body.BodyRejected as fault:
            response = request.note("unreadable", "this can't be read", fault.status)
            response.headers["Connection"] = "close"
            return response
        except BadToken as fault:
            return _bad_link(request, fault)
        except (SQLAlchemyError, StoreBusy, TimeoutError) as fault:
            log.error("the store can't be reached: %s", type(fault).__name__)
            return _unreachable(request)
        except Exception as fault:  # its text must reach neither the reader nor the log
            log.error("a page failed: %s", type(fault).__name__)
            return _broken(request)

    async def _handle(self, request: EndpointRequest, handler: Handler) -> Response:
        if request.http.method != "POST":
            return await handler(request)
        turned_away = self.refuse_early(request) if self.refuse_early else None
        if turned_away is not None:
            await self.config.flood_guard.delay()
            return turned_away
        if self.lenient:
            return await self._handle_leniently(request, handler)
        request.lists.update(await request_body.read(request.http))
        return await handler(request)

    async def _handle_leniently(self, request: EndpointRequest, handler: Handler) -> Response:
        """Call the handler even if the body is too long, too slow or no form."""
        try:
            request.lists.update(await request_body.read(request.http))
        except request_body.BodyRejected as fault:
            try:
                response = await handler(request)
            except BadToken:
                raise fault from None
            response.headers["Connection"] = "close"  # the rest of the body isn't read
            return response
        return await handler(request)

    def _not_allowed(self, request: EndpointRequest) -> Response:
        methods = [
            name for name, handler in (("GET, HEAD", self.get), ("POST", self.post)) if handler
        ]
        response = request.note("no such method", "method not allowed", 405)
        response.headers["Allow"] = ", ".join(methods)
        return response

    @cached_property
    def _head(self) -> _Head:
        """The headers of every response."""
        return self._head_with(self._policy)

    @cached_property
    def _scripted_head(self) -> _Head:
        return self._head_with(self._policy + SCRIPTED)

    @property
    def _policy(self) -> str:
        return policy(" ".join(self.config.embed_origins) or "*") if self.framed else policy()

    def _head_with(self, policy: str) -> _Head:
        headers = headers_for(https=self.config.base_url.startswith("https://"))
        headers |= {"Vary": "Accept-Language", "Content-Security-Policy": policy}
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        return _Head(pairs, _lines(pairs))


class _Head(NamedTuple):
    """Headers, as ASGI has them and as they are sent."""

    pairs: list[tuple[bytes, bytes]]
    lines: bytes


def _lines(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%b: %b\r\n" % pair for pair in pairs])


def _sent_whole(scope: Scope, response: Response, lines: bytes) -> bool:
    """Return whether the server has sent a whole response, in one piece, with these headers too."""
    exchange = request_body.whole_exchange(scope)
    body = getattr(response, "body", None)
    if exchange is None or body is None or response.background or scope["method"] == "HEAD":
        return False
    if any(name == b"connection" for name, _ in response.raw_headers):
        return False  # the server ends the connection when it sees this header
    own = _lines(response.raw_headers)
    if not own.count(b"\r") == own.count(b"\n") == len(response.raw_headers):
        return False  # a header of two lines is the server's to refuse
    return exchange.respond(response.status_code, own + lines, body)


def _with_headers(response: Response, pairs: list[tuple[bytes, bytes]]) -> Response:
    """Return a copy of a response with more headers; the response may be answered again."""
    added = copy(response)
    added.raw_headers = [*response.raw_headers, *pairs]
    return added


def _bad_link(request: EndpointRequest, fault: BadToken) -> Response:
    if isinstance(fault, OldLink):
        return request.page(_OLD_LINK, status=410)
    return request.show(_or_by_mail(request, _BAD_LINK), status=404)


def _broken(request: EndpointRequest) -> Response:
    if request.program:
        return request.note("broken", "", 500)
    return request.page(_BROKEN, status=500)


def _unreachable(request: EndpointRequest) -> Response:
    response = request.note("unreachable", "", 503) if request.program else _retry_page(request)
    response.headers["Retry-After"] = RETRY_SECONDS
    return response


def _retry_page(request: EndpointRequest) -> Response:
    return request.show(_or_by_mail(request, _UNREACHABLE), status=503)


def _or_by_mail(request: EndpointRequest, page_text: PageText) -> Page:
    """Return a text as a page, with the address to unsubscribe at by mail, if one is set."""
    page = request.make_page(page_text)
    if not request.config.mailto:
        return page
    return replace(page, paragraphs=[*page.paragraphs, request.leaving_by_mail])
