"""Builds a synthetic checkpoint and pictures for a copy of stylegan2-pytorch; run as a script by rosinality_assets.

It has a process of its own because it imports the repository's ``model``. The weights are random, which is no evidence
of quality; they make the scripts' mechanics run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import torch
from PIL import Image
from weight_files import write, write_lpips_backbones


def main() -> None:
    """Build everything that the JSON specification in argv[1] asks for."""
    spec = SimpleNamespace(**json.loads(sys.argv[1]))
    write_lpips_backbones(Path(spec.torch_home), ("vgg",))
    write_pictures(Path(spec.work))
    sys.path[:0] = [spec.root]
    torch.manual_seed(0)
    write_checkpoint(Path(spec.work) / "generator.pt", spec.size)
    own = Path(spec.root, "lpips", "weights", "v0.1", "vgg.pth")
    if not own.exists():  # the original brings its
        write(own, {"lin0.weight": torch.ones(1, 64, 1, 1)})


def write_checkpoint(path: Path, size: int) -> None:
    """As a training run saves it, but for the discriminator and the optimizers."""
    from model import Generator  # type: ignore[import-not-found]

    generator = Generator(size, 512, 8)
    for name, parameter in generator.named_parameters():
        if name.startswith("style.") and name.endswith("bias"):
            parameter.data.normal_(std=20)  # the network multiplies it by its rate of 0.01
        elif name.endswith("noise.weight"):
            parameter.data.fill_(0.05)
    with mock.patch("torch.serialization.location_tag", return_value="cuda:0"):  # trained, and so saved, on a GPU
        write(path, {"g_ema": generator.state_dict()})


def write_pictures(folder: Path) -> None:
    """Two smooth pictures of different shapes."""
    for name, (height, width) in (("first.png", (24, 20)), ("second.png", (16, 32))):
        y, x = np.mgrid[0:height, 0:width] / 16
        waves = np.stack([np.sin(x + y), np.cos(2 * x), np.sin(3 * y - len(name))], axis=-1)
        Image.fromarray((127.5 + 127.5 * waves).astype(np.uint8)).save(folder / name)


if __name__ == "__main__":
    main()
