"""Answer the pages where readers sign up, confirm, unsubscribe and set preferences, as routes.

The application fills in `config` and mounts `routes`. Each route is an `endpoint`: it finds the
visitor's network with `client`, reads the form with `request_body`, and calls a handler. A sign-up
goes to `signup_handlers`, which shows the form of `signup_form` and asks `signup_checks`; the
checks consult `flood_guard` first, find words in `address_faults` for what is wrong with an
address, and record the request in a group commit. Links in mails lead to `confirm`, `unsubscribe`,
`decline`, `confirm_address` and `preferences`; `privacy` says what is kept. Every handler returns a
page of `page_model`, in the language that `subscribers.locale` chose, which the application
renders.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from subscribers.web import confirm, confirm_address, decline, preferences, privacy, unsubscribe
from subscribers.web.client import Network, is_ours, network
from subscribers.web.client import client as client_address
from subscribers.web.config import (
    NetworkPrecision,
    NewsletterInfo,
    OwnPageSection,
    SectionText,
    SiteConfig,
)
from subscribers.web.confirm import confirm_and_welcome, confirming_lasts
from subscribers.web.endpoint import (
    HEADERS,
    SCRIPTED,
    Endpoint,
    EndpointRequest,
    Handler,
    ScriptedPage,
    headers_for,
    policy,
)
from subscribers.web.page_model import (
    Challenge,
    Choice,
    Field,
    Form,
    Page,
    PageText,
    Renderer,
)
from subscribers.web.request_body import WHOLE, BodyRejected, Fields
from subscribers.web.request_body import read as read_form
from subscribers.web.signup_checks import SignupChecks, SignupOutcome, SignupWish
from subscribers.web.signup_form import (
    FRAME_PATH,
    JSON_PATH,
    KEPT_PATH,
    PATH,
    SCRIPT_PATH,
    form,
    kept_link,
    snippet,
    wording,
)
from subscribers.web.signup_handlers import AGAIN, HARDER, SignupHandlers, retry_later

__all__ = [
    "AGAIN",
    "HARDER",
    "HEADERS",
    "SCRIPTED",
    "WHOLE",
    "BodyRejected",
    "Challenge",
    "Choice",
    "Endpoint",
    "EndpointRequest",
    "Field",
    "Fields",
    "Form",
    "Handler",
    "KnownPaths",
    "Network",
    "NetworkPrecision",
    "NewsletterInfo",
    "OwnPageSection",
    "Page",
    "PageText",
    "Renderer",
    "ScriptedPage",
    "SectionText",
    "SignupChecks",
    "SignupHandlers",
    "SignupOutcome",
    "SignupWish",
    "SiteConfig",
    "client_address",
    "confirm_and_welcome",
    "confirming_lasts",
    "form",
    "headers_for",
    "is_ours",
    "kept_link",
    "network",
    "policy",
    "read_form",
    "retry_later",
    "routes",
    "snippet",
    "wording",
]


class KnownPaths:
    """Middleware that looks up the path of a request among those of some routes.

    The application's router would try one pattern after another. Routes with parameters are left
    to it.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[Route]) -> None:
        self._app = app
        self._known = {route.path: route.app for route in routes if not route.param_convertors}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let the application answer."""
        known = self._known.get(scope["path"]) if scope["type"] == "http" else None
        await (known or self._app)(scope, receive, send)


def routes(config: SiteConfig) -> list[Route]:
    """Return every route of the package; each adds its own headers to every response."""
    return [*_sign_up(config), *_letters(config), *_preferences(config)]


def _sign_up(config: SiteConfig) -> list[Route]:
    sign_up = SignupHandlers(SignupChecks(config))
    form = Endpoint(
        config=config,
        get=sign_up.show,
        post=sign_up.take,
        refuse_early=sign_up.refuse_early,
    )
    return [
        Route(PATH, form),
        Route(f"{PATH}/", form),  # the slash that many people type
        Route(
            FRAME_PATH,
            Endpoint(
                config=config,
                get=sign_up.show_frame,
                post=sign_up.take_frame,
                refuse_early=sign_up.refuse_early,
                framed=True,
            ),
        ),
        Route(KEPT_PATH, Endpoint(config=config, get=privacy.show)),
        Route(SCRIPT_PATH, Endpoint(config=config, get=sign_up.show_script)),
        Route("/subscribe/snippet", Endpoint(config=config, get=sign_up.show_snippet)),
        Route(
            JSON_PATH,
            Endpoint(
                config=config,
                get=sign_up.show_json,
                post=sign_up.take_json,
                refuse_early=sign_up.refuse_early,
                program=True,
            ),
        ),
    ]


def _letters(config: SiteConfig) -> list[Route]:
    """Return the routes of the links in mails, except those to preferences."""
    return [
        Route("/c/{token}", Endpoint(config=config, get=confirm.show, post=confirm.act)),
        Route(
            "/u/{token}",
            Endpoint(config=config, get=unsubscribe.show, post=unsubscribe.act, lenient=True),
        ),
        # A GET, such as a reload of the answer, shows the page whose button posts here.
        Route(
            "/u/{token}/undo", Endpoint(config=config, get=unsubscribe.show, post=unsubscribe.undo)
        ),
        Route(
            "/n/{token}",
            Endpoint(config=config, get=decline.show, post=decline.act, lenient=True),
        ),
        Route(
            "/n/{token}/undo",
            Endpoint(config=config, get=decline.show, post=decline.undo),
        ),
        Route(
            "/a/{token}",
            Endpoint(config=config, get=confirm_address.show, post=confirm_address.act),
        ),
    ]


def _preferences(config: SiteConfig) -> list[Route]:
    here = "/p/{token}"
    own = preferences
    return [
        Route(here, Endpoint(config=config, get=own.show)),
        Route(
            f"{here}/newsletters",
            Endpoint(config=config, get=own.show, post=own.take_newsletters),
        ),
        Route(f"{here}/choice", Endpoint(config=config, get=own.show, post=own.take_section)),
        Route(
            f"{here}/leave-all",
            Endpoint(config=config, get=own.show_leave_all, post=own.take_leave_all),
        ),
        Route(f"{here}/topics", Endpoint(config=config, get=own.show_topics, post=own.take_topics)),
        Route(
            f"{here}/pause",
            Endpoint(config=config, get=preferences.show_pause, post=preferences.take_pause),
        ),
        Route(
            f"{here}/address", Endpoint(config=config, get=own.show_address, post=own.take_address)
        ),
        Route(f"{here}/data", Endpoint(config=config, get=own.data)),
        Route(f"{here}/erase", Endpoint(config=config, get=own.show_erase, post=own.take_erase)),
    ]
