"""What a program opens: one site's API, with a method for each operation."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self

import httpx2

from digest.client.api_connection import ApiConnection
from digest.client.operations import Operations


class Digest(Operations):
    """The API of the site at *url*; use it in a ``with`` block, or close it.

    Without a token it reads what is public. A request is given up after *timeout* seconds without
    a byte. Raises `ValueError` for an address that a token can't be sent to.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float = 30.0,
        transport: httpx2.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(
            ApiConnection(url, token=token, timeout=timeout, transport=transport, sleep=sleep)
        )

    @property
    def etag(self) -> str | None:
        """The ETag of the last answer, to be given as *if_match* to what changes the same thing."""
        return self._connection.etag

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_fault: object) -> None:
        """Close the connections."""
        self.close()

    def __repr__(self) -> str:
        """Return a text without the token."""
        return f"Digest({self._connection.url!r})"
