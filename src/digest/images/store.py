"""SQL of images: an image is kept once, under the hash of its bytes, and read with or without them.

Only reading one to serve it loads the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import select
from sqlmodel import Session, col

from digest.errors import NotFound
from digest.images.encoding import encode_anew
from digest.images.models import Image, ImageType
from subscribers.sql import upsert

FOLDER = "/images"  #: path of the public site that every image's address begins with
_ENDINGS = {ImageType.PNG: "png", ImageType.JPEG: "jpg", ImageType.GIF: "gif"}


@dataclass(frozen=True, kw_only=True)
class StoredImage:
    """What is known of an image without its bytes; *width* and *height* are in pixels."""

    key: str
    media_type: ImageType
    width: int
    height: int

    @property
    def name(self) -> str:
        """Return the last part of its address: the key, and an ending for its type."""
        return f"{self.key}.{_ENDINGS[self.media_type]}"


def url_of(base_url: str, image: StoredImage) -> str:
    """Return an image's address on the site at *base_url*; it always gives the same bytes."""
    return f"{base_url.rstrip('/')}{FOLDER}/{image.name}"


def add(session: Session, content: bytes, *, now: datetime) -> StoredImage:
    """Keep the image in a file's bytes, unless it is kept already, and return it.

    It is encoded anew, without its metadata. The caller commits. Raises `UnfitImage`.
    """
    encoded = encode_anew(content)
    key = sha256(encoded.content).hexdigest()
    row = {**vars(encoded), "key": key, "at": now}
    session.connection().execute(upsert(session, Image).on_conflict_do_nothing(), row)
    return StoredImage(
        key=key, media_type=encoded.media_type, width=encoded.width, height=encoded.height
    )


def find(session: Session, key: str) -> StoredImage | None:
    """Return the image of a key without its bytes; ``None`` where there is none."""
    columns = (col(Image.key), col(Image.media_type), col(Image.width), col(Image.height))
    row = session.execute(select(*columns).where(col(Image.key) == key)).one_or_none()
    return StoredImage(**row._mapping) if row else None


def content_of(session: Session, name: str) -> tuple[ImageType, bytes]:
    """Return the media type and the bytes of the image with this last part of an address.

    Raises `NotFound`.
    """
    key, _, ending = name.partition(".")
    columns = (col(Image.media_type), col(Image.content))
    row = (
        session.execute(select(*columns).where(col(Image.key) == key)).one_or_none()
        if key.isalnum()  # PostgreSQL refuses a parameter that holds a NUL
        else None
    )
    if row is None or _ENDINGS[row.media_type] != ending:
        raise NotFound("there is no such image")
    return row.media_type, row.content
