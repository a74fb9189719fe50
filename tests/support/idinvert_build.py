"""Builds synthetic weights and pictures for a copy of IDInvert; run as a script by idinvert_assets.

It has a process of its own because it imports the repository's ``models``, a name that a test process must not see.
The weights are random, which is no evidence of quality; they make the scripts' mechanics run.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import torch
from bdinvert_build import write_targets  # type: ignore[import-not-found]
from idinvert_site import MODEL  # type: ignore[import-not-found]
from torch import nn
from weight_files import write  # type: ignore[import-not-found]

SAMPLES = 512


def main() -> None:
    """Build everything in the folder of the copy that argv[1] names."""
    root, images, seed = Path(sys.argv[1]), *map(int, sys.argv[2:])
    logging.disable()
    sys.path.insert(0, str(root))
    from models.model_settings import get_weight_path  # type: ignore[import-not-found]

    torch.manual_seed(seed)
    with torch.no_grad():
        generator = build_generator()
        for name, network in (
            (f"{MODEL}_generator", generator),
            (f"{MODEL}_encoder", build_encoder(generator)),
            ("vgg16", build_perceptual()),
        ):
            write(get_weight_path(name), network.state_dict())
    write_targets(root / "synthetic", images, seed)


def build_generator() -> Any:
    """A random generator whose layers have mappings, and so means, of their own."""
    from models.stylegan_generator import StyleGANGenerator  # type: ignore[import-not-found]

    generator = StyleGANGenerator(MODEL).net
    for name, parameter in generator.named_parameters():
        if name.startswith("mapping."):  # which multiplies weights and biases by its lr_mul of 0.01
            parameter.normal_(std=100 if name.endswith("fc.weight") else 20)
        elif name.endswith("apply_noise.weight"):
            parameter.fill_(0.05)
        elif name.endswith("const") or name.endswith(("conv.weight", "fc.weight")):
            parameter.normal_()
    return generator


def build_encoder(generator: Any) -> Any:
    """A random encoder whose codes have mean and spread of the generator's."""
    from models.stylegan_encoder import StyleGANEncoder  # type: ignore[import-not-found]

    encoder = StyleGANEncoder(MODEL).net
    w = generator.mapping(torch.randn(SAMPLES, generator.z_space_dim))
    last = [module for module in encoder.modules() if isinstance(module, nn.Linear)][-1]
    pictures = generator.synthesis(w[:16].view(16, generator.num_layers, -1))
    last.weight *= w.std() / encoder(pictures).std()
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d) and module.num_features == last.out_features:
            module.bias.copy_(w.mean(0))
    return encoder


def build_perceptual() -> Any:
    """Random convolutions that keep the spread of what they are given."""
    from models.perceptual_model import VGG16  # type: ignore[import-not-found]

    network = VGG16()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return network


if __name__ == "__main__":
    main()
