"""A tiny comparison: a generator of 16 x 16 pictures with random weights, and instruments of a line each."""

from __future__ import annotations

import functools

import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.compare import Edit, Instruments, PictureSet, Plan
from zplus_plugins.generators import Architecture, Generator
from zplus_plugins.inversion import Model, Settings, space_named
from zplus_plugins.inversion.statistics import compute

SPACES = ("wplus", "f/wplus", "f/wplus-pn", "f/zplus")


@functools.cache
def tiny_model() -> Model:
    torch.manual_seed(0)
    generator = Generator(Architecture(16, (8, 8, 8), z_dim=8, w_dim=8, mapping_layers=2)).eval().requires_grad_(False)
    generator.w_mean.copy_(generator.mapping(torch.randn(500, 8)).mean(dim=0))
    return Model(generator, compute(generator, codes=64))


def tiny_pictures(n: int, seed: int = 0) -> Tensor:
    return torch.rand(n, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def tiny_plan(n: int = 3, spaces: tuple[str, ...] = SPACES, steps: int = 2) -> Plan:
    stream = torch.Generator().manual_seed(1)
    edits = tuple(
        Edit(name, *torch.randn(2, 8, generator=stream), attribute=attribute)
        for name, attribute in (("light", 0), ("redness", 1), ("unknown", None))
    )
    return Plan(
        sets=(PictureSet("held-out", "Held-out pictures", tiny_pictures(n)),),
        spaces=tuple(space_named(name) for name in spaces),
        edits=edits,
        settings=Settings(steps=steps),
        strengths=(-2, -1, 0, 1, 2),
        batch=2,
        shown=2,
    )


def tiny_instruments() -> Instruments:
    return Instruments(
        figures={"mse": lambda a, b: (a - b).square().mean(dim=(1, 2, 3)), "ssim": likeness},
        identity=lambda pictures: F.normalize(F.avg_pool2d(pictures, 4).flatten(1), dim=1),
        attributes=lambda pictures: 100 * pictures.mean(dim=(2, 3)),
        change=lambda before, after, index: (after - before)[:, index],
        leakage=lambda before, after, index: (after - before).abs().sum(dim=1) - (after - before)[:, index].abs(),
        nscd=lambda model, point: point.code.mean(dim=(1, 2)),
        about={"attributes": "channel means"},
    )


def likeness(a: Tensor, b: Tensor) -> Tensor:
    return F.cosine_similarity(a.flatten(1), b.flatten(1), dim=1)
