"""Random weights in the files that libraries look for before they download the trained ones.

They are no evidence of quality; they make the real networks run. The scripts that build a checkout's assets import
this, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

FACENET = "20180402-114759-vggface2.pt"
FACENET_PEOPLE = 8631  # of VGGFace2


def write(path: str | Path, content: Any) -> None:
    """Save a checkpoint, whole or not at all: other processes may share the file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A folder beside it keeps the name, which torch.save stores inside the file: same seed, same bytes.
    partial = path.parent / f"partial-{os.getpid()}" / path.name
    partial.parent.mkdir()
    torch.save(content, partial)
    partial.replace(path)
    partial.parent.rmdir()


def write_lpips_backbones(torch_home: Path, nets: Iterable[str] = ("vgg", "alex")) -> None:
    """LPIPS's backbones where torchvision looks for them; files that exist are kept."""
    from torchvision import models

    known = {
        "vgg": (models.vgg16, models.VGG16_Weights.IMAGENET1K_V1),
        "alex": (models.alexnet, models.AlexNet_Weights.IMAGENET1K_V1),
        "squeeze": (models.squeezenet1_1, models.SqueezeNet1_1_Weights.IMAGENET1K_V1),
    }
    for build, weights in map(known.__getitem__, nets):
        path = torch_home / "hub" / "checkpoints" / weights.url.rsplit("/", 1)[1]
        if not path.exists():
            with torch.device("meta"):
                shapes = {name: value.shape for name, value in build().state_dict().items()}
            rng = torch.Generator().manual_seed(0)  # one cache serves every seed
            write(path, {name: backbone_weight(name, shape, rng) for name, shape in shapes.items()})


def backbone_weight(name: str, shape: torch.Size, rng: torch.Generator) -> Tensor:
    """He initialisation for the convolutions; zeros that take no room for what LPIPS does not use."""
    if not name.startswith("features.") or len(shape) == 1:
        return torch.zeros(()).expand(shape)
    return _he(shape, rng)


def write_facenet(torch_home: Path) -> None:
    """FaceNet where facenet-pytorch looks for it."""
    from facenet_pytorch import InceptionResnetV1

    with torch.device("meta"):
        shapes = {
            name: value.shape
            for name, value in InceptionResnetV1(classify=True, num_classes=FACENET_PEOPLE).state_dict().items()
        }
    rng = torch.Generator().manual_seed(0)
    write(torch_home / "checkpoints" / FACENET, {name: _facenet_weight(name, s, rng) for name, s in shapes.items()})


def _facenet_weight(name: str, shape: torch.Size, rng: torch.Generator) -> Tensor:
    """He initialisation, in half precision for the sake of the file's size, and normalisation that changes nothing."""
    if name.endswith("num_batches_tracked"):
        return torch.zeros((), dtype=torch.int64)
    if name.endswith(("bn.weight", "running_var")):
        return torch.ones(()).expand(shape)
    if len(shape) == 1 or name.startswith("logits."):  # these tell the people apart that it was trained on
        return torch.zeros(()).expand(shape)
    return _he(shape, rng).half()


def _he(shape: torch.Size, rng: torch.Generator) -> Tensor:
    gain: float = (2 / shape[1:].numel()) ** 0.5
    return gain * torch.randn(shape, generator=rng)
