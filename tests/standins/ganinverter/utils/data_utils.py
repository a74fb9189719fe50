"""Which files are pictures."""

from __future__ import annotations

import os

IMG_EXTENSIONS = (
    ".jpg", ".JPG", ".jpeg", ".JPEG", ".png", ".PNG", ".ppm", ".PPM", ".bmp", ".BMP", ".tiff",
)  # fmt: skip


def make_dataset(dir: str) -> list[str]:
    """Those of a folder and its subfolders."""
    assert os.path.isdir(dir), f"{dir} is not a valid directory"
    walk = sorted(os.walk(dir))
    return [os.path.join(root, name) for root, _, names in walk for name in names if name.endswith(IMG_EXTENSIONS)]
