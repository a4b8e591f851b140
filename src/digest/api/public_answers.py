"""Keep finished answers to public reads, for as long as nothing they are made from has changed.

This module hides how an answer is never older than its question, also where another process
changes the database: each question is followed by a look at the directory's state, which all
questions share that were asked before it began, and which costs little while nothing is committed.
An answer that is kept goes out before the framework looks at the request, since that takes several
times as long.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple

from anyio.to_thread import run_sync
from pydantic import BaseModel
from sqlmodel import Session
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from digest.access import Caller
from digest.access import Scope as ApiScope
from digest.api.entity_tags import is_known, tag_of
from digest.app.installation import App
from digest.directory import DirectoryState, Terms, directory_state

MOST_BYTES = 16_000_000  #: of all answers kept, their questions and headers included
_OVERHEAD = 1_000  # bytes that Python takes for an answer beside its text
CACHED = "public, max-age=60"
#: A token is shown more at the same address.
VARIES = {"Vary": "Authorization"}


class Found(NamedTuple):
    """What a question found, and the headers that go with it."""

    value: BaseModel
    headers: Mapping[str, str] = MappingProxyType({})


Look = Callable[[Session, Terms], Found]


class PublicAnswer(NamedTuple):
    """A finished answer."""

    body: bytes
    etag: str
    headers: Mapping[str, str]

    def size(self, key: str) -> int:
        """Return about how many bytes it takes to keep it under *key*.

        Anybody may ask the same in ever new words, and a header may repeat them.
        """
        told = sum(len(name) + len(value) for name, value in self.headers.items())
        return len(key) + len(self.body) + told + _OVERHEAD

    def response(self, asked: Mapping[str, str]) -> Response:
        """Return it as a response; 304 to a client that has it already."""
        known = asked.get("if-none-match")
        if known is not None and is_known(known, self.etag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=self.headers)
        return Response(self.body, headers=self.headers, media_type="application/json")


def question(scope: Scope) -> str:
    """Return what a request asks for: its path and its query."""
    return f"{scope['path']}?{scope['query_string'].decode('latin-1')}"


def sees_all(caller: Caller | None) -> bool:
    """Return whether a caller is shown what isn't public."""
    return caller is not None and caller.may(ApiScope.COMPARISONS_READ)


class KeptAnswers:
    """Middleware that sends an answer that is kept, and passes every other request on."""

    def __init__(self, app: ASGIApp, *, answers: PublicAnswers) -> None:
        self._next = app
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, which `Admission` has let in."""
        answer = await self._answers.kept(scope) if _is_public_read(scope) else None
        handler = answer.response(Headers(scope=scope)) if answer else self._next
        await handler(scope, receive, send)


def _is_public_read(scope: Scope) -> bool:
    reads = scope["type"] == "http" and scope["method"] == "GET"
    return reads and not sees_all(scope["state"]["caller"])


class PublicAnswers:
    """The answers that are kept, those asked for last, up to `MOST_BYTES`."""

    def __init__(self, app: App, *, most_bytes: int = MOST_BYTES) -> None:
        self._app = app
        self._most_bytes = most_bytes
        self._state: DirectoryState | None = None
        self._mark: object = None
        self._kept: OrderedDict[str, PublicAnswer] = OrderedDict()
        self._bytes = 0
        self._making = asyncio.Lock()  # one at a time: the rest of the site needs threads, too
        self._looking: asyncio.Task[DirectoryState] | None = None
        self._next_look: asyncio.Task[DirectoryState] | None = None

    async def kept(self, scope: Scope) -> PublicAnswer | None:
        """Return the answer to a request, if one is kept and is still true."""
        key = question(scope)
        return self._find(await self._present_state(), key) if key in self._kept else None

    async def get(self, key: str, look: Look) -> PublicAnswer:
        """Return the answer to the question *key*, by *look* where none is kept.

        Raises what *look* raises, and keeps nothing then.
        """
        state = await self._present_state()
        if kept := self._find(state, key):
            return kept
        async with self._making:
            if kept := self._find(state, key):  # made while this waited
                return kept
            seen, answer = await run_sync(self._made, look)
            self._keep(seen, key, answer)
        return answer

    async def _present_state(self) -> DirectoryState:
        """Return what the next look sees; one that has begun may have missed a change."""
        if self._next_look is None:
            self._next_look = asyncio.create_task(self._look(self._looking))
        return await asyncio.shield(self._next_look)

    async def _look(self, before: asyncio.Task[DirectoryState] | None) -> DirectoryState:
        if before is not None and not before.done():
            await asyncio.wait([before])
        self._looking, self._next_look = self._next_look, None
        mark, state = await run_sync(self._read_state)
        self._mark = mark
        if state != self._state:
            self._state, self._bytes = state, 0
            self._kept.clear()
        return state

    def _read_state(self) -> tuple[object, DirectoryState]:
        """Return the state, after the database's mark: a later commit is seen by the next look."""
        terms, mark = self._app.public_site.comparisons, self._app.database.mark()
        if self._state is not None and (mark, terms.day) == (self._mark, self._state.day):
            return mark, self._state
        with self._app.database.read() as session:
            return mark, directory_state(session, terms)

    def _made(self, look: Look) -> tuple[DirectoryState, PublicAnswer]:
        terms = self._app.public_site.comparisons
        with self._app.database.read() as session:
            state = directory_state(session, terms)
            found = look(session, terms)
        body = found.value.model_dump_json().encode()
        tag = tag_of(body)
        headers = {"Cache-Control": CACHED, "ETag": tag, **VARIES, **found.headers}
        return state, PublicAnswer(body, tag, headers)

    def _find(self, state: DirectoryState, key: str) -> PublicAnswer | None:
        if state != self._state or key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key]

    def _keep(self, state: DirectoryState, key: str, answer: PublicAnswer) -> None:
        if state != self._state or key in self._kept or answer.size(key) > self._most_bytes:
            return
        self._kept[key] = answer
        self._bytes += answer.size(key)
        while self._bytes > self._most_bytes:
            oldest, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.size(oldest)
