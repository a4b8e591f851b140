"""The client over an API in the same process."""

from __future__ import annotations

import httpx2

from digest.access import Scope
from digest.client import Digest
from tests.api.conftest import BASE, Api


class InProcess(httpx2.BaseTransport):
    """Hands each request to the API in this process, as a site would under `/api/v1`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.raw_path.decode().removeprefix("/api/v1")
        headers = dict(request.headers)
        told = self._api.call(request.method, path, content=request.read(), headers=headers)
        return httpx2.Response(told.status_code, headers=told.headers, content=told.content)


def opened(api: Api, *scopes: Scope) -> Digest:
    token = api.token(*scopes)["Authorization"].removeprefix("Bearer ") if scopes else None
    return Digest(BASE, token=token, transport=InProcess(api), sleep=lambda _: None)
