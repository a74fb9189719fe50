"""Images and their poses."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image
from torch.utils.data import Dataset

from utils.data_utils import make_dataset


class ImagesDataset(Dataset):
    def __init__(self, source_root: Any, name: Any, source_transform: Any = None) -> None:
        self.source_paths = sorted(make_dataset(source_root, name))
        self.source_transform = source_transform

    def __len__(self) -> Any:
        return len(self.source_paths)

    def __getitem__(self, index: Any) -> Any:
        name, pose, path = self.source_paths[index]
        image = self.source_transform(Image.open(path).convert("RGB"))
        return name, image, np.array(np.load(pose), dtype=np.float32)
