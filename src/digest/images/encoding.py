"""Which files are images a mail can show, and how one is encoded anew, without its metadata.

A photograph may tell where it was taken, and a file may hold what isn't a picture at all: only the
pixels, their colour profile and their transparency are kept, turned as the camera was held.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from digest.errors import DigestError
from digest.images.models import ImageType

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels
    from PIL.ImageFile import ImageFile

MOST_BYTES = 1_000_000  #: of a file
LONGEST_SIDE = 4_000  #: pixels; decoded, the largest image has 64 MB
_QUALITY = 90  # of JPEG, at which nobody sees that it was encoded again
_SMALLER = "make it smaller: a mail is 640 pixels wide, or 1,280 on a sharp screen"
#: How each kind of file begins.
_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": ImageType.PNG,
    b"\xff\xd8\xff": ImageType.JPEG,
    b"GIF87a": ImageType.GIF,
    b"GIF89a": ImageType.GIF,
}


class UnfitImage(DigestError):
    """This file can't be used as an image."""


@dataclass(frozen=True, kw_only=True)
class EncodedImage:
    """An image ready to be kept."""

    media_type: ImageType
    width: int
    height: int
    content: bytes


def encode_anew(content: bytes) -> EncodedImage:
    """Return the image in a file's bytes, encoded anew in the same format; raises `UnfitImage`."""
    media_type = _media_type(content)
    try:
        opened = _open(content, media_type)
        _refuse_large(*opened.size)
        _refuse_moving(opened)
        return _encoded(opened, media_type)
    except UnfitImage:
        raise
    except Exception:  # a file made to break it can lead Pillow to raise anything
        raise UnfitImage(
            "the image is damaged: it can't be read to the end",
            next_step="save it again as a PNG or JPEG",
        ) from None


def _media_type(content: bytes) -> ImageType:
    if len(content) > MOST_BYTES:
        raise UnfitImage(
            f"the image has more than {MOST_BYTES:,} bytes",
            next_step=_SMALLER,
        )
    for beginning, media_type in _BEGINNINGS.items():
        if content.startswith(beginning):
            return media_type
    raise UnfitImage(
        "the file isn't a PNG, JPEG or GIF; some mail programs can't show WebP, SVG or others",
        next_step="save it as a PNG or JPEG",
    )


def _open(content: bytes, media_type: ImageType) -> ImageFile:
    """Return a file with its header read, and no pixel yet."""
    from PIL.GifImagePlugin import GifImageFile  # long to import
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile

    readers: dict[ImageType, Callable[[BytesIO], ImageFile]] = {
        ImageType.PNG: PngImageFile,
        ImageType.JPEG: JpegImageFile,
        ImageType.GIF: GifImageFile,
    }
    return readers[media_type](BytesIO(content))


def _refuse_large(width: int, height: int) -> None:
    if max(width, height) > LONGEST_SIDE:
        raise UnfitImage(
            f"the image has {width:,} by {height:,} pixels, and a side may have at most"
            f" {LONGEST_SIDE:,}",
            next_step=_SMALLER,
        )


def _refuse_moving(image: ImageFile) -> None:
    if getattr(image, "is_animated", False):
        raise UnfitImage(
            "the image is animated, and only still images are allowed",
            next_step="save one frame of it as a PNG or JPEG",
        )


def _encoded(opened: ImageFile, media_type: ImageType) -> EncodedImage:
    from PIL.ImageOps import exif_transpose

    upright = exif_transpose(opened)
    pixels, kept = _without_metadata(upright, media_type)
    file = BytesIO()
    pixels.save(file, **kept)
    width, height = pixels.size
    return EncodedImage(media_type=media_type, width=width, height=height, content=file.getvalue())


def _without_metadata(image: Pixels, media_type: ImageType) -> tuple[Pixels, dict[str, Any]]:
    """Return the pixels without what Pillow would write beside them, and how they are saved."""
    profile, transparency = image.info.get("icc_profile"), image.info.get("transparency")
    if image.mode == "CMYK":  # some mail programs show it in wrong colours
        image, profile = image.convert("RGB"), None
    image.info = {} if transparency is None else {"transparency": transparency}
    match media_type:
        case ImageType.PNG:
            return image, {"format": "PNG", "optimize": True, "icc_profile": profile}
        case ImageType.JPEG:
            return image, {"format": "JPEG", "quality": _QUALITY, "icc_profile": profile}
        case ImageType.GIF:
            return image, {"format": "GIF"}
