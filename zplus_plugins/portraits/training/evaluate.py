"""Evaluate a portrait generator: ``python -m zplus_plugins.portraits.training.evaluate``.

Sets of images are compared in the regressor's feature space: the Fréchet distance (arXiv 1706.08500), and precision and
recall (arXiv 1904.06991). The same metrics between two sets of drawn images show the best attainable values.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor

from zplus_plugins.generators import StyleGenerator
from zplus_plugins.portraits.drawing.attributes import HELD_OUT_SEED, sample
from zplus_plugins.portraits.drawing.drawing import draw
from zplus_plugins.portraits.networks.embedded import embedded_regressor, portrait_generator
from zplus_plugins.portraits.networks.regressor import Regressor
from zplus_plugins.portraits.training import command
from zplus_plugins.system import console

NEIGHBOUR = 3
Source = Callable[[int, int], Tensor]
_AT_ONCE = 100


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """The squared Fréchet distance between normal distributions with the means and covariances of features (n, d)."""
    first, second = first.double(), second.double()
    gap = (first.mean(dim=0) - second.mean(dim=0)).square().sum()
    a, b = first.T.cov(), second.T.cov()
    root = _root(a)
    return float(gap + a.trace() + b.trace() - 2 * _root(root @ b @ root).trace())


def _root(matrix: Tensor) -> Tensor:
    """The square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = vectors * values.clamp_min(0).sqrt() @ vectors.T
    return root


def precision_recall(made: Tensor, real: Tensor) -> tuple[float, float]:
    """Precision and recall: the fraction of generated features (n, d) among real ones, and of real among generated.

    A feature is among a set if it is closer to one of its members than that member's third neighbour.
    """
    return _share_among(made, real), _share_among(real, made)


def _share_among(features: Tensor, others: Tensor) -> float:
    reach = torch.cdist(others, others).kthvalue(NEIGHBOUR + 1, dim=1).values  # the nearest is the member itself
    return float((torch.cdist(features, others) <= reach).any(dim=1).float().mean())


@torch.no_grad()
def quality(generator: StyleGenerator, regressor: Regressor, n: int = 5000) -> dict[str, Any]:
    """Metrics of n portraits generated in Z, n in Z+, and n other drawn ones, against n held-out drawn ones."""
    real = _features(regressor, partial(_drawn, HELD_OUT_SEED), n)
    rng = torch.Generator().manual_seed(3)
    z_dim = generator.architecture.z_dim
    sources: dict[str, Source] = {
        "Z": partial(_made, generator, rng, (z_dim,)),
        "Z+": partial(_made, generator, rng, (generator.num_layers, z_dim)),
        "drawn": partial(_drawn, HELD_OUT_SEED + n),
    }
    figures = {}
    for name, source in sources.items():
        features = _features(regressor, source, n)
        precision, recall = precision_recall(features, real)
        figures[name] = {"frechet": frechet_distance(features, real), "precision": precision, "recall": recall}
    return figures


def _made(generator: StyleGenerator, rng: torch.Generator, shape: tuple[int, ...], first: int, count: int) -> Tensor:
    pictures: Tensor = generator(torch.randn(count, *shape, generator=rng))
    return pictures


def _drawn(seed: int, first: int, count: int) -> Tensor:
    return draw(sample(count, seed + first))


def _features(regressor: Regressor, source: Source, n: int) -> Tensor:
    """Features (n, d) of images from ``source(first, count)``, computed in batches."""
    counts = [(first, min(_AT_ONCE, n - first)) for first in range(0, n, _AT_ONCE)]
    return torch.cat([regressor.features(source(first, count)) for first, count in counts])


@click.command(cls=command.Command, context_settings={"show_default": True})
@click.option("--generator", type=click.Path(path_type=Path), help="An exported generator. [default: the embedded one]")
@click.option("--pictures", type=click.IntRange(2 * NEIGHBOUR), default=5000, help="Portraits per set.")
@command.threads
def main(generator: Path | None, pictures: int, threads: int) -> None:
    """Print the quality of a portrait generator."""
    torch.set_num_threads(threads)
    console.result(json.dumps(quality(portrait_generator(generator), embedded_regressor(), pictures), indent=1))


if __name__ == "__main__":
    main()
