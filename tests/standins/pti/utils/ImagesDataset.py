"""The target images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PIL import Image
from torch.utils.data import Dataset

from utils.data_utils import make_dataset


class ImagesDataset(Dataset[tuple[str, Any]]):
    """Pairs of name and image, sorted by name."""

    def __init__(self, source_root: str, source_transform: Callable[[Image.Image], Any] | None = None) -> None:
        self.source_paths = sorted(make_dataset(source_root))
        self.source_transform = source_transform

    def __len__(self) -> int:
        return len(self.source_paths)

    def __getitem__(self, index: int) -> tuple[str, Any]:
        fname, path = self.source_paths[index]
        image = Image.open(path).convert("RGB")
        return fname, self.source_transform(image) if self.source_transform else image
