"""The pictures of a folder, as they are and resized for the encoder."""

from __future__ import annotations

from typing import Any

from PIL import Image
from torch.utils.data import Dataset

from utils import data_utils


class InversionDataset(Dataset[Any]):
    """See the module."""

    def __init__(self, root: str, transform: Any = None, transform_no_resize: Any = None) -> None:
        self.paths = sorted(data_utils.make_dataset(root))
        self.transform = transform
        self.transform_no_resize = transform_no_resize

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Any:
        image = Image.open(self.paths[index]).convert("RGB")
        return self.transform(image), self.paths[index], self.transform_no_resize(image)
