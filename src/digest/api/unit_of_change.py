"""Do the work of a changing request and keep its answer, in one transaction.

This module hides how a request that is repeated gets the answer of the first one: also after this
process has died between its commit and its answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import quote

from pydantic import BaseModel
from sqlmodel import Session
from starlette.responses import Response

from digest.access import AnswerKey, Caller, PriorAnswer, find_answer, keep_answer, reserve
from digest.api.entity_tags import etag_of
from digest.api.problems import ApiRefusal, ProblemType
from digest.app.installation import App

#: Any visible characters, with or without the quotes that the draft of the header asks for.
_KEY = re.compile(r'"?([\x21\x23-\x7e]{1,255})"?', re.ASCII)
REPLAYED = "Idempotency-Replayed"


@dataclass(frozen=True, kw_only=True)
class ChangeAnswer:
    """What a change answers: *shown* is the thing as it is now, ``None`` for no body."""

    shown: BaseModel | None = None
    version: BaseModel | None = None  #: the thing that the entity tag is of, where not *shown*
    status: int = 200
    location: str = ""  #: the path of a new thing
    about_subscriber: int | None = None  #: the id of a reader whom the answer names

    def headers(self) -> dict[str, str]:
        """Return the headers of the answer."""
        headers = {"Cache-Control": "no-store"}
        if (tagged := self.version or self.shown) is not None:
            headers["ETag"] = etag_of(tagged)
        if self.location:
            headers["Location"] = quote(self.location)  # a slug has letters of any script
        return headers


@dataclass
class KeysUnderWay:
    """The idempotency keys whose requests this process is working on."""

    _keys: set[tuple[int, str]] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def holding(self, key: AnswerKey) -> Iterator[None]:
        """Hold a key for the length of the block; raises `ApiRefusal` while another does."""
        mine = (key.token_id, key.keys[0])
        with self._lock:
            if mine in self._keys:
                raise ApiRefusal(
                    ProblemType.UNDER_WAY,
                    "The first request with this key has no answer yet.",
                    next_step="send it again in a second, with the same key",
                    headers={"Retry-After": "1"},
                )
            self._keys.add(mine)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(mine)


@dataclass(frozen=True, kw_only=True)
class ApiChange:
    """One changing request: who asks for it, and how its work is done once."""

    app: App
    caller: Caller
    under_way: KeysUnderWay
    key: AnswerKey | None = None

    @property
    def by(self) -> str:
        """The token's name, to be recorded as who did it."""
        return self.caller.name

    def run(
        self,
        act: Callable[[Session], ChangeAnswer],
        *,
        before: Callable[[], object] | None = None,
        afterwards: Callable[[], object] | None = None,
    ) -> Response:
        """Do *act* in one transaction, and return its answer; *afterwards* runs once it is kept.

        *before* is what takes long and needs no transaction, such as asking another server.
        A request that was answered already gets that answer, and *act* isn't called. Whatever *act*
        raises rolls back, and is kept under no key: the request may be sent again.
        """
        if self.key is None:
            if before is not None:
                before()
            with self.app.database.write() as session:
                changed = act(session)
            answer = _response(changed.status, changed.headers(), _body(changed))
        else:
            with self.under_way.holding(self.key):
                prior = self._prior(self.key) if before is not None else None
                if before is not None and prior is None:
                    before()
                answer = _replayed(prior) if prior else self._run_once(self.key, act)
        if afterwards is not None:
            afterwards()
        return answer

    def _prior(self, key: AnswerKey) -> PriorAnswer | None:
        with self.app.database.read() as session:
            return find_answer(session, key, self.app.clock())

    def _run_once(self, key: AnswerKey, act: Callable[[Session], ChangeAnswer]) -> Response:
        with self.app.database.write() as session:
            prior = reserve(session, key, self.app.clock())
            if prior is not None:
                return _replayed(prior)
            changed = act(session)
            body = _body(changed)
            keep_answer(
                session,
                key,
                status=changed.status,
                headers=changed.headers(),
                body=body,
                subscriber_id=changed.about_subscriber,
            )
        return _response(changed.status, changed.headers(), body)


def read_key(header: str | None) -> str | None:
    """Return the key in an Idempotency-Key header; raises `ApiRefusal`."""
    if header is None:
        return None
    form = _KEY.fullmatch(header.strip())
    if form is None:
        raise ApiRefusal(
            ProblemType.BAD_REQUEST,
            "Idempotency-Key has 1 to 255 visible characters.",
            next_step="take a random one for each thing to be done, such as a UUID",
        )
    return form[1]


def _replayed(prior: PriorAnswer) -> Response:
    if not prior.same_request:
        raise ApiRefusal(
            ProblemType.KEY_REUSED,
            "The first request with this key had another path or body.",
            next_step="take a new key for each thing to be done",
        )
    return _response(prior.status, {**prior.headers, REPLAYED: "true"}, prior.body)


def _body(changed: ChangeAnswer) -> str:
    return "" if changed.shown is None else changed.shown.model_dump_json()


def _response(status: int, headers: Mapping[str, str], body: str) -> Response:
    return Response(body, status, dict(headers), "application/json" if body else None)
