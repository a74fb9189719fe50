"""Image files in folders."""

from __future__ import annotations

import os

# Upper or lower case, nothing between; .TIFF is not among them in the original either.
IMG_EXTENSIONS = (".jpg", ".JPG", ".jpeg", ".JPEG", ".png", ".PNG", ".ppm", ".PPM", ".bmp", ".BMP", ".tiff")


def is_image_file(filename: str) -> bool:
    """Judged by its name."""
    return filename.endswith(IMG_EXTENSIONS)


def make_dataset(dir: str) -> list[tuple[str, str]]:
    """Pairs of name and path; the name ends at the first dot."""
    assert os.path.isdir(dir), f"{dir} is not a valid directory"
    return [
        (fname.split(".")[0], os.path.join(root, fname))
        for root, _, fnames in sorted(os.walk(dir))
        for fname in fnames
        if is_image_file(fname)
    ]
