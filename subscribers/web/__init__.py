"""The pages readers meet, as routes for whoever mounts them."""

from __future__ import annotations

from starlette.routing import Route

from subscribers.web import (
    confirming,
    declining_page,
    leaving,
    moving_page,
    notice,
    pausing,
    preferences,
)
from subscribers.web.form import (
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
from subscribers.web.front import About, Front, KeepNetwork
from subscribers.web.judging import Judge
from subscribers.web.pages import Challenge, Choice, Field, Form, Page, Renderer, plain
from subscribers.web.place import Place
from subscribers.web.signup import SignUp

__all__ = [
    "About",
    "Challenge",
    "Choice",
    "Field",
    "Form",
    "Front",
    "KeepNetwork",
    "Page",
    "Renderer",
    "form",
    "kept_link",
    "plain",
    "routes",
    "snippet",
    "wording",
]


def routes(front: Front) -> list[Route]:
    """Return every route of the package; each puts its own headers on whatever it answers."""
    return [*_sign_up(front), *_letters(front), *_preferences(front)]


def _sign_up(front: Front) -> list[Route]:
    sign_up = SignUp(Judge(front, front.shield, front.taking))
    form = Place(
        front=front,
        get=sign_up.show,
        post=sign_up.take,
        turn_away=sign_up.turn_away,
    )
    return [
        Route(PATH, form),
        Route(f"{PATH}/", form),  # as many type it
        Route(
            FRAME_PATH,
            Place(
                front=front,
                get=sign_up.show_frame,
                post=sign_up.take_frame,
                turn_away=sign_up.turn_away,
                framed=True,
            ),
        ),
        Route(KEPT_PATH, Place(front=front, get=notice.show)),
        Route(SCRIPT_PATH, Place(front=front, get=sign_up.show_script)),
        Route("/subscribe/snippet", Place(front=front, get=sign_up.show_snippet)),
        Route(
            JSON_PATH,
            Place(
                front=front,
                get=sign_up.show_json,
                post=sign_up.take_json,
                turn_away=sign_up.turn_away,
                program=True,
            ),
        ),
    ]


def _letters(front: Front) -> list[Route]:
    """Return the pages behind links in mail."""
    return [
        Route("/c/{token}", Place(front=front, get=confirming.show, post=confirming.act)),
        Route("/u/{token}", Place(front=front, get=leaving.show, post=leaving.act, lenient=True)),
        # Reloaded, or opened once more, it is the page it came from.
        Route("/u/{token}/undo", Place(front=front, get=leaving.show, post=leaving.undo)),
        Route(
            "/n/{token}",
            Place(front=front, get=declining_page.show, post=declining_page.act, lenient=True),
        ),
        Route(
            "/n/{token}/undo",
            Place(front=front, get=declining_page.show, post=declining_page.undo),
        ),
        Route("/a/{token}", Place(front=front, get=moving_page.show, post=moving_page.act)),
    ]


def _preferences(front: Front) -> list[Route]:
    here = "/p/{token}"
    own = preferences
    return [
        Route(here, Place(front=front, get=own.show)),
        Route(f"{here}/topics", Place(front=front, get=own.show_topics, post=own.take_topics)),
        Route(f"{here}/pause", Place(front=front, get=pausing.show, post=pausing.take)),
        Route(f"{here}/address", Place(front=front, get=own.show_address, post=own.take_address)),
        Route(f"{here}/data", Place(front=front, get=own.data)),
        Route(f"{here}/erase", Place(front=front, get=own.show_erase, post=own.take_erase)),
    ]
