"""Images drawn for tests."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import Image

RED, BLUE = (200, 30, 30), (20, 40, 190)


def drawn(kind: str = "PNG", size: tuple[int, int] = (60, 20), **options: Any) -> bytes:
    """Return a file whose left half is red and whose right half is blue."""
    return saved(halves(size), kind, **options)


def halves(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image.convert(mode)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
