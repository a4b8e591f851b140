"""Makes docs/digest.png, the picture in the README, from the demonstration's mail.

Run it after the mail's design has changed: python scripts/picture.py
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).parents[1] / "docs" / "digest.png"
WIDTH = 700
AIR = 86  #: pixels above the second comparison's name, where the picture ends


def main() -> None:
    """Send the demonstration's issue and photograph its top, down to the second comparison."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder:
        digest = Path(sys.executable).with_name("digest")
        subprocess.run([digest, "demo", "--readers", "1"], cwd=folder, check=True)  # noqa: S603
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(
                viewport={"width": WIDTH, "height": 900},
                color_scheme="light",
                device_scale_factor=1.5,
            )
            page.goto((Path(folder) / "demo" / "issue.html").as_uri())
            second = page.locator("h2").nth(1).bounding_box()
            height = second["y"] - AIR if second else 900
            clip = {"x": 0, "y": 0, "width": WIDTH, "height": height}
            page.screenshot(path=PICTURE, full_page=True, clip=clip)
            browser.close()


if __name__ == "__main__":
    main()
