"""Builds a snapshot, the loss's network and a target for a copy of NVlabs' projector or its descendant's.

Run as a script by nvlabs_assets: it imports the repository's modules, names that a test process must not see.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from pti_build import Features, import_networks, write_pickle, write_vgg  # type: ignore[import-not-found]

PICKLED_VGG = "https://api.ngc.nvidia.com/v2/models/nvidia/research/stylegan3/versions/1/files/metrics/vgg16.pkl"
DIM = 32


class Pickled:
    """A scripted network in a pickle."""

    def __init__(self, network: Any) -> None:
        file = io.BytesIO()
        torch.jit.save(torch.jit.script(network), file)
        self._content = file.getvalue()

    def __reduce__(self) -> tuple[Any, ...]:
        return torch.jit.load, (io.BytesIO(self._content),)


def main() -> None:
    """Build what the JSON specification in argv[1] asks for."""
    spec = SimpleNamespace(**json.loads(sys.argv[1]))
    torch.manual_seed(0)
    downloads = Path(spec.downloads)
    write_vgg(downloads)
    name = hashlib.md5(PICKLED_VGG.encode()).hexdigest() + "_vgg16.pkl"
    write_pickle(downloads / name, Pickled(Features().eval().requires_grad_(False)))
    sys.path.insert(0, spec.root)
    module = import_networks(str(Path(spec.root, spec.networks)), spec.networks.removesuffix(".py").replace("/", "."))
    for folder, labels in (("", 0), ("conditional", 3)):
        with torch.no_grad():
            generator = build(module, spec.resolution, labels)
        snapshot = {"G": generator, "D": generator.mapping, "G_ema": generator}
        write_pickle(Path(spec.root, folder, "generator.pkl"), {**snapshot, "training_set_kwargs": None})
    write_target(Path(spec.root, "target.png"))


def build(module: Any, resolution: int, labels: int) -> Any:
    """A random generator whose W is not centred on 0."""
    taken = inspect.signature(module.Generator.__mro__[1].__init__).parameters  # below its decorator
    synthesis: dict[str, Any] = {"channel_base": 512, "channel_max": 16}
    nested = taken["synthesis_kwargs"].kind is not inspect.Parameter.VAR_KEYWORD
    generator = module.Generator(
        z_dim=DIM,
        c_dim=labels,
        w_dim=DIM,
        img_resolution=resolution,
        img_channels=3,
        mapping_kwargs={"num_layers": 4},
        **({"synthesis_kwargs": synthesis} if nested else synthesis),
    )
    generator.eval().requires_grad_(False)
    for name, parameter in generator.named_parameters():
        if name.startswith("mapping.") and name.endswith("bias"):
            parameter.normal_(std=20)
        elif name.endswith("noise_strength"):
            parameter.fill_(0.05)
    generator.mapping.w_avg.normal_()
    return generator


def write_target(path: Path) -> None:
    """A part of a public-domain photograph, not square: the projectors crop it."""
    from PIL import Image
    from skimage import data

    Image.fromarray(data.astronaut()).crop((112, 0, 336, 190)).resize((56, 48)).save(path)


if __name__ == "__main__":
    main()
