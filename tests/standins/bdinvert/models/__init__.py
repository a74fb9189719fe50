"""The models of the stand-in, found by name."""

from __future__ import annotations

from typing import Any

from torch import nn

from .model_zoo import MODEL_ZOO
from .stylegan2_generator import StyleGAN2Generator
from .stylegan_generator import StyleGANGenerator

__all__ = ["MODEL_ZOO", "StyleGAN2Generator", "StyleGANGenerator", "build_generator", "parse_gan_type"]

_GENERATORS = {"stylegan": StyleGANGenerator, "stylegan2": StyleGAN2Generator}


def build_generator(gan_type: str, resolution: int, **kwargs: Any) -> nn.Module:
    """A generator with random weights."""
    if gan_type not in _GENERATORS:
        raise ValueError(f"unknown GAN type {gan_type!r}")
    return _GENERATORS[gan_type](resolution, **kwargs)


def parse_gan_type(module: nn.Module) -> str:
    """The name under which :func:`build_generator` knows a module's class."""
    for name, generator in _GENERATORS.items():
        if isinstance(module, generator):
            return name
    raise ValueError(f"no GAN type for {type(module).__name__}")
