"""Images: what may be one, what is dropped of it, and how it is kept and found."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile
from PIL.PngImagePlugin import PngInfo
from sqlmodel import func, select

from digest import images
from digest.db import Database
from digest.errors import NotFound
from digest.images.encoding import encode_anew
from digest.images.models import Image as ImageRow
from tests.conftest import NOW
from tests.images.pictures import BLUE, RED, drawn, halves, saved

ORIENTATION, GPS, ARTIST = 0x0112, 0x8825, 0x013B


def read(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize(
    ("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("GIF", "image/gif")]
)
def test_an_image_keeps_its_format_and_its_size(kind: str, media_type: str) -> None:
    encoded = encode_anew(drawn(kind, (60, 20)))
    assert (encoded.media_type, encoded.width, encoded.height) == (media_type, 60, 20)
    again = read(encoded.content)
    assert (again.format, again.size) == (kind, (60, 20))


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
def test_its_pixels_stay_as_they_are(kind: str, mode: str) -> None:
    before = saved(halves((60, 20), mode), kind)
    after = encode_anew(before).content
    assert read(after).convert("RGB").tobytes() == read(before).convert("RGB").tobytes()


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_what_is_transparent_stays_transparent(kind: str) -> None:
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.paste((200, 30, 30, 255), (0, 0, 4, 8))
    after = read(encode_anew(saved(image, kind)).content).convert("RGBA")
    assert (after.getpixel((6, 4)), after.getpixel((1, 4))) == ((0, 0, 0, 0), (200, 30, 30, 255))


def test_where_a_photograph_was_taken_and_by_whom_is_dropped() -> None:
    exif = Image.Exif()
    exif[ARTIST] = "Somebody"
    exif[GPS] = {1: "N", 2: (51.0, 28.0, 40.0)}
    before = drawn("JPEG", exif=exif, comment=b"taken at home", xmp=b"<x>secret</x>")
    assert b"Somebody" in before
    after = encode_anew(before).content
    assert dict(read(after).getexif()) == {}
    assert [word for word in (b"Somebody", b"home", b"secret", b"Exif") if word in after] == []


def test_words_in_a_png_and_whatever_follows_it_are_dropped() -> None:
    words = PngInfo()
    words.add_text("Author", "Somebody")
    words.add_itxt("Place", "at home", zip=True)
    after = encode_anew(drawn("PNG", pnginfo=words) + b"<script>alert(1)</script>").content
    assert [kind for kind in (b"tEXt", b"iTXt", b"zTXt", b"script") if kind in after] == []


def test_a_photograph_taken_sideways_stands_upright() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # turned by a quarter
    encoded = encode_anew(drawn("JPEG", (80, 40), exif=exif, quality=95))
    assert (encoded.width, encoded.height) == (40, 80)
    upright = read(encoded.content)
    assert near(upright.getpixel((20, 10)), RED)
    assert near(upright.getpixel((20, 70)), BLUE)


def near(found: object, wanted: tuple[int, int, int]) -> bool:
    assert isinstance(found, tuple)
    return all(abs(one - other) < 12 for one, other in zip(found, wanted, strict=True))


def test_a_photograph_for_print_is_turned_into_one_for_screens() -> None:
    encoded = encode_anew(saved(halves((60, 20), "CMYK"), "JPEG"))
    assert read(encoded.content).mode == "RGB"


def test_a_colour_profile_stays() -> None:
    profile = b"a profile of colours"
    for kind in ("PNG", "JPEG"):
        after = read(encode_anew(drawn(kind, icc_profile=profile)).content)
        assert after.info["icc_profile"] == profile


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "isn't a PNG, JPEG or GIF"),
        (b"hello", "isn't a PNG, JPEG or GIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (drawn("WEBP"), "WebP"),
        (drawn("PNG")[:60], "damaged"),
        (drawn("JPEG")[:200], "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"GIF89a", "damaged"),
        (b"\xff\xd8\xff", "damaged"),
        (drawn("PNG", (4001, 1)), "4,001 by 1 pixels"),
        (drawn("PNG") + b"0" * images.MOST_BYTES, "more than 1,000,000"),
    ],
)
def test_what_is_no_image_a_mail_can_show_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(images.UnfitImage, match=says) as fault:
        encode_anew(content)
    assert fault.value.next_step


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_an_image_that_moves_is_refused(kind: str) -> None:
    later = [Image.new("RGB", (60, 20), BLUE)]
    with pytest.raises(images.UnfitImage, match="animated"):
        encode_anew(drawn(kind, save_all=True, append_images=later))


def test_an_image_of_a_billion_pixels_is_refused_by_its_header() -> None:
    header = struct.pack(">IIBBBBB", 65_000, 65_000, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))
    with pytest.raises(images.UnfitImage, match="65,000 by 65,000"):
        encode_anew(bomb)


def test_text_that_unpacks_to_a_thousand_times_its_size_is_refused() -> None:
    packed = b"k\0\0" + zlib.compress(b"0" * 90_000_000)
    png = drawn("PNG")
    head = png[:33]
    with pytest.raises(images.UnfitImage, match="damaged"):
        encode_anew(head + chunk(b"zTXt", packed) + png[33:])


KINDS = [drawn(kind, (16, 8)) for kind in ("PNG", "JPEG", "GIF")]


@given(
    content=st.sampled_from(KINDS),
    at=st.integers(4, 400),
    put=st.binary(min_size=1, max_size=8),
    cut=st.integers(0, 40),
)
def test_a_damaged_file_is_read_or_refused_and_never_breaks_anything(
    content: bytes, at: int, put: bytes, cut: int
) -> None:
    damaged = content[:at] + put + content[at + len(put) : len(content) - cut]
    with suppress(images.UnfitImage):
        assert encode_anew(damaged).content


def test_nothing_else_that_uses_pillow_reads_files_that_are_cut_off() -> None:
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_an_image_is_kept_once_and_found_by_its_key(database: Database) -> None:
    for _ in range(2):
        with database.write() as session:
            added = images.add(session, drawn(), now=NOW)
    with database.read() as session:
        assert images.find(session, added.key) == added
        assert session.exec(select(func.count()).select_from(ImageRow)).one() == 1
        media_type, content = images.content_of(session, added.name)
    assert (added.width, added.height, media_type) == (60, 20, "image/png")
    assert read(content).size == (60, 20)


def test_its_address_ends_as_its_type_says(database: Database) -> None:
    with database.write() as session:
        added = [images.add(session, drawn(kind), now=NOW) for kind in ("PNG", "JPEG", "GIF")]
    urls = [images.url_of("https://a.example/", each) for each in added]
    assert urls == [
        f"https://a.example/images/{each.key}.{ending}"
        for each, ending in zip(added, ("png", "jpg", "gif"), strict=True)
    ]


def test_nothing_is_found_by_another_name(database: Database) -> None:
    with database.write() as session:
        added = images.add(session, drawn(), now=NOW)
        names = ["", ".png", added.key, f"{added.key}.jpg", f"{added.key}.png.png", "\0.png"]
        for name in names:
            with pytest.raises(NotFound):
                images.content_of(session, name)
        assert images.find(session, "0" * 64) is None
