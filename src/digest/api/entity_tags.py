"""Compare the version of a thing that a client has with the one that there is.

This module hides what a version is: a hash of the JSON that shows it (RFC 9110, section 8.8.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from pydantic import BaseModel

from digest.api.problems import ApiRefusal, ProblemType

ANY = "*"


def etag_of(value: BaseModel) -> str:
    """Return the entity tag of what a client is shown."""
    return tag_of(value.model_dump_json().encode())


def tag_of(body: bytes) -> str:
    """Return the entity tag of a body."""
    return f'"{sha256(body).hexdigest()[:32]}"'


def is_known(header: str, tag: str) -> bool:
    """Return whether an If-None-Match header names a tag; weak ones count, too."""
    tags = {each.strip().removeprefix("W/") for each in header.split(",")}
    return ANY in tags or tag in tags


@dataclass(frozen=True)
class IfMatchTags:
    """What the client says of the version that it wants to change."""

    header: str | None

    def require(self, *current: BaseModel) -> None:
        """Raise `ApiRefusal` unless the client has seen *current*, or says that any will do.

        What is shown in several ways may have been seen in any of them.
        """
        if self.header is None:
            raise ApiRefusal(
                ProblemType.UNCONDITIONAL,
                "A change has to say which version it changes.",
                next_step="GET it, and send the ETag of the answer as If-Match; or If-Match: *",
            )
        tags = {each.strip() for each in self.header.split(",")}
        if ANY not in tags and tags.isdisjoint(etag_of(each) for each in current):
            raise ApiRefusal(
                ProblemType.STALE,
                "Another program or person was faster.",
                next_step="GET it again, and decide whether your change still fits",
            )

    def require_absent(self) -> None:
        """Raise `ApiRefusal` where the client expects to change what doesn't exist."""
        if self.header is not None:
            raise ApiRefusal(
                ProblemType.STALE,
                "There is nothing to change.",
                next_step="send it without If-Match to add it",
            )
