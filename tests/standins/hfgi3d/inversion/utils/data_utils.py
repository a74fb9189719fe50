"""Which files are images, and where their poses are."""

from __future__ import annotations

import os
from typing import Any

IMG_EXTENSIONS = [".jpg", ".JPG", ".jpeg", ".JPEG", ".png", ".PNG", ".ppm", ".PPM", ".bmp", ".BMP", ".tiff"]


def make_dataset(dir: Any, name: Any) -> Any:
    assert os.path.isdir(dir), f"{dir} is not a valid directory"
    images = []
    for root, _, files in sorted(os.walk(dir)):
        for file in files:
            if name in file and any(file.endswith(ending) for ending in IMG_EXTENSIONS):
                path = os.path.join(root, file)
                pose = path.replace("png" if "png" in path else "jpg", "npy")
                images.append((file.split(".")[0], pose, path))
    return images
