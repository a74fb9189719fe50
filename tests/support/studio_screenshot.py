"""The picture of the studio in docs/, made by ``python tests/support/studio_screenshot.py FILE``."""

from __future__ import annotations

import argparse
import base64
import io
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from support.browser import as_seen, chromium
from support.studio import wait_for
from support.studio_process import running
from zplus_plugins.portraits import draw, sample
from zplus_plugins.portraits.networks.files import sheet

FIRST, PORTRAITS = 1_000_000, 3  # drawn portraits that no network was trained on
SIZE = (1400, 900)
QUIET = 3.0  # seconds without a longer curve
OPEN = "return document.querySelectorAll('#portraits .thumb').length"
CURVES = "return [...document.querySelectorAll('.curve')].map(one => one.getAttribute('d')).join()"
BUSY = "return document.getElementById('work').ariaBusy !== 'false'"


def screenshot(direction: str, strength: float, shown: int, steps: int) -> bytes:
    """A PNG of the page, with drawn portraits inverted in so many steps, and one edited equally in both."""
    pictures = draw(sample(PORTRAITS, seed=FIRST))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        files = [folder / f"drawn-{number}.png" for number in range(1, PORTRAITS + 1)]
        for file, picture in zip(files, pictures, strict=True):
            sheet(picture[None], 1).save(file)
        with (
            running(folder, *files, "--steps", steps, "--port", 0) as studio,
            chromium(folder / "profile") as driver,
        ):
            as_seen(driver, *SIZE)
            driver.get(str(studio.document["url"]))
            wait_for(lambda: driver.execute_script(OPEN) == PORTRAITS or None, 600)
            wait_for(lambda: driver.execute_script("return !document.querySelector('.job')") or None, 600)
            driver.execute_script(f"document.querySelectorAll('#portraits .thumb')[{shown}].click()")
            driver.execute_script(SLIDE, direction, strength)
            _measured(driver)
            driver.execute_script("for (const one of document.querySelectorAll('.notice')) one.remove()")
            shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
            return base64.b64decode(shot["data"])


def _measured(driver: Any) -> None:
    """Wait until no curve grows any more."""
    before = None
    while driver.execute_script(BUSY) or before != (curves := driver.execute_script(CURVES)) or not curves:
        before = driver.execute_script(CURVES)
        time.sleep(QUIET)


SLIDE = """
const label = [...document.querySelectorAll(".slider label")].find(one => one.textContent === arguments[0]);
const input = document.getElementById(label.htmlFor);
input.value = arguments[1];
input.dispatchEvent(new Event("input"));
input.dispatchEvent(new Event("change"));
"""


def main() -> None:
    """Write the file that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="PNG or WebP")
    parser.add_argument("--direction", default="glasses")
    parser.add_argument("--strength", type=float, default=6.0)
    parser.add_argument("--portrait", type=int, default=1, help=f"0 to {PORTRAITS - 1}")
    parser.add_argument("--steps", type=int, default=300)
    given = parser.parse_args()
    shot = screenshot(given.direction, given.strength, given.portrait, given.steps)
    options = {"quality": 90, "method": 6} if given.file.suffix == ".webp" else {"optimize": True}
    given.file.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(io.BytesIO(shot)) as image:
        image.convert("RGB").save(given.file, **options)


if __name__ == "__main__":
    main()
