"""Builds synthetic weights and targets for a copy of PTI; run as a script by pti_assets.

It has a process of its own because it imports the repository's ``dnnlib`` and ``torch_utils``, names that a
test process must not see. The weights are random, which is no evidence of quality.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import pickle
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from bdinvert_build import IMAGE_STD, MEAN_SAMPLES  # type: ignore[import-not-found]
from torch import Tensor, nn
from torch.nn import functional as F
from weight_files import write_lpips_backbones  # type: ignore[import-not-found]

# dnnlib.util.open_url finds a download in its cache by the hash of the address.
VGG_URL = "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/vgg16.pt"
# Channels at 64 px, and a thin generator of PTI's own resolution: at 1024 px LPIPS costs more than synthesis.
CHANNELS = {
    64: {"channel_base": 1024, "channel_max": 32},
    256: {"channel_base": 2048, "channel_max": 16},
    1024: {"channel_base": 2048, "channel_max": 16},
}


def main() -> None:
    """Build everything that the JSON specification in argv[1] asks for."""
    spec = SimpleNamespace(**json.loads(sys.argv[1]))
    write_lpips_backbones(Path(spec.torch_home))
    torch.manual_seed(spec.seed)
    write_vgg(Path(spec.downloads))
    sys.path.insert(0, spec.root)
    directions = Path(spec.root, "editings", "interfacegan_directions")
    w_dim = torch.load(directions / "age.pt", weights_only=True).shape[-1]
    with torch.no_grad():
        generator = build_generator(import_networks(spec.networks), spec.resolution, w_dim)
    write_pickle(Path(spec.generator), {"G_ema": generator})
    write_targets(Path(spec.images), spec.count, spec.resolution, spec.seed)


def import_networks(path: str, name: str = "training.networks") -> ModuleType:
    """A file with the network classes, under the name that it has in stylegan2-ada-pytorch, or another."""
    found = importlib.util.spec_from_file_location(name, path)
    assert found is not None
    assert found.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)  # the classes' decorator looks for their module in sys.modules
    return module


def build_generator(networks: ModuleType, resolution: int, w_dim: int) -> Any:
    """A random generator: images with a photograph's contrast, a W whose centre is not zero."""
    generator = networks.Generator(
        z_dim=w_dim,
        c_dim=0,
        w_dim=w_dim,
        img_resolution=resolution,
        img_channels=3,
        mapping_kwargs={"num_layers": 8},
        synthesis_kwargs=CHANNELS[resolution],
    )
    generator.eval().requires_grad_(False)
    for name, parameter in generator.named_parameters():
        if name.startswith("mapping.") and name.endswith("bias"):
            parameter.normal_(std=20)  # the mapping network multiplies it by its learning rate's factor, 0.01
        elif name.endswith("noise_strength"):
            parameter.fill_(0.05)
    w = generator.mapping(torch.randn(MEAN_SAMPLES, w_dim), None)[:, 0]
    generator.mapping.w_avg.copy_(w.mean(0))
    few = w[: 4 if resolution < 1024 else 1, None].repeat(1, generator.num_ws, 1)
    gain = IMAGE_STD / generator.synthesis(few, noise_mode="const").std()
    for name, parameter in generator.synthesis.named_parameters():
        if name.split(".")[1:] in (["torgb", "weight"], ["torgb", "bias"]):
            parameter.mul_(gain)
    return generator


class Features(nn.Module):
    """Three convolutions in the place of NVIDIA's scripted VGG-16, and with its arguments."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 8, 16, 16)
        self.layers = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=2, padding=1) for before, after in pairwise(widths)
        )

    def forward(self, x: Tensor, resize_images: bool = True, return_lpips: bool = False) -> Tensor:
        """Images (N, 3, H, W) in [0, 255] to features (N, F), of which squared differences make a distance."""
        x = x / 127.5 - 1
        if resize_images:
            x = F.interpolate(x, (224, 224))
        features: list[Tensor] = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            features.append(x.flatten(1) / (x.shape[2] * x.shape[3]) ** 0.5)
        return torch.cat(features, dim=1) if return_lpips else x.flatten(1)


def write_vgg(folder: Path) -> None:
    """Save the stand-in for vgg16.pt where dnnlib would have downloaded it."""
    name = hashlib.md5(VGG_URL.encode()).hexdigest() + "_vgg16.pt"
    folder.mkdir(parents=True, exist_ok=True)
    torch.jit.script(Features().eval().requires_grad_(False)).save(folder / name)


def write_pickle(path: Path, content: Any) -> None:
    """As stylegan2-ada-pytorch writes its snapshots."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        pickle.dump(content, file)


def write_targets(folder: Path, count: int, resolution: int, seed: int) -> None:
    """Square crops of a public-domain photograph as JPEG files, which PTI's alignment writes too.

    The first always shows the face. They have the generator's resolution: PTI does not resize.
    """
    from PIL import Image
    from skimage import data

    photograph = Image.fromarray(data.astronaut())  # 512x512
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for number in range(count):
        left, top = (112, 0) if number == 0 else (int(x) for x in rng.integers(0, 288, size=2))
        crop = photograph.crop((left, top, left + 224, top + 224)).resize((resolution, resolution))
        crop.save(folder / f"crop{number}.jpeg", quality=95)


if __name__ == "__main__":
    main()
