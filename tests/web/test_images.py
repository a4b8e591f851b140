"""Images on the public site: served for ever, to mail programs and other sites too."""

from __future__ import annotations

import httpx2
import pytest

from digest import images
from tests.conftest import NOW
from tests.images.pictures import drawn
from tests.web.conftest import Running


@pytest.fixture
def image(site: Running) -> images.StoredImage:
    with site.app.database.write() as session:
        return images.add(session, drawn(), now=NOW)


def answer(site: Running, image: images.StoredImage) -> httpx2.Response:
    return site.get(images.url_of("", image))


def test_an_image_is_served_as_what_it_is_and_kept_by_caches(
    site: Running, image: images.StoredImage
) -> None:
    found = answer(site, image)
    assert (found.status_code, found.headers["content-type"]) == (200, "image/png")
    assert found.content.startswith(b"\x89PNG")
    assert found.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_an_image_runs_nothing_and_other_sites_may_show_it(
    site: Running, image: images.StoredImage
) -> None:
    headers = answer(site, image).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'; sandbox")
    assert headers["cross-origin-resource-policy"] == "cross-origin"


@pytest.mark.parametrize("name", ["{key}", "{key}.jpg", "0.png", "%00.png", "..%2Fstyle.css"])
def test_there_is_nothing_at_another_address(
    site: Running, image: images.StoredImage, name: str
) -> None:
    found = site.get(f"/images/{name.format(key=image.key)}")
    assert (found.status_code, found.headers["cache-control"]) == (404, "no-store")
