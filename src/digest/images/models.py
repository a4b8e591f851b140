"""The table of images."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import LargeBinary, String
from sqlmodel import Field

from subscribers.sql import TableModel, closed_set


class ImageType(StrEnum):
    """The media type of an image; every mail program shows these."""

    PNG = "image/png"
    JPEG = "image/jpeg"
    GIF = "image/gif"  #: still


class Image(TableModel, table=True):
    """One image as it is served; never updated, and never deleted."""

    key: str = Field(primary_key=True, sa_type=String(64))  #: SHA-256 of *content*, in hexadecimal
    media_type: ImageType = Field(sa_type=closed_set(ImageType))
    width: int  #: pixels
    height: int  #: pixels
    content: bytes = Field(sa_type=LargeBinary)
    at: datetime  #: when it was added
