"""A tiny comparison: a generator of 16 x 16 pictures with random weights, and instruments of a line each."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.compare import Edit, Instruments, Look, PictureSet, Plan, prepare
from zplus_plugins.compare.statistics.findings import Findings, findings
from zplus_plugins.compare.work.parts import Parts
from zplus_plugins.compare.work.run import Measured, compare
from zplus_plugins.directions import Direction
from zplus_plugins.generators import Architecture, Generator, weights_hash
from zplus_plugins.inversion import Model, Point, Settings, domain, space_named
from zplus_plugins.inversion.step.precision import Precision
from zplus_plugins.portraits.networks import embedded
from zplus_plugins.portraits.networks.encoder import Encoder
from zplus_plugins.portraits.networks.regressor import MEASURED, Regressor
from zplus_plugins.spaces.statistics import compute
from zplus_plugins.system.results import Results

SPACES = ("wplus", "f/wplus", "f/wplus-pn", "f/zplus")
HOSTILE = "</script><script>document.title='run'</script>"


@functools.cache
def tiny_model() -> Model:
    torch.manual_seed(0)
    generator = Generator(Architecture(16, (8, 8, 8), z_dim=8, w_dim=8, mapping_layers=2)).eval().requires_grad_(False)
    generator.w_mean.copy_(generator.mapping(torch.randn(500, 8)).mean(dim=0))
    return Model(generator, compute(generator, codes=64))


def tiny_pictures(n: int, seed: int = 0) -> Tensor:
    return torch.rand(n, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def tiny_plan(n: int = 3, spaces: tuple[str, ...] = SPACES, steps: int = 2, precision: Precision = "float32") -> Plan:
    stream = torch.Generator().manual_seed(1)
    edits = tuple(
        Edit(name, *torch.randn(2, 8, generator=stream), attribute=attribute)
        for name, attribute in (("light", 0), ("redness", 1), ("unknown", None))
    )
    return Plan(
        sets=(PictureSet("held-out", "Held-out pictures", tiny_pictures(n)),),
        spaces=tuple(space_named(name) for name in spaces),
        edits=edits,
        settings=Settings(steps=steps, precision=precision),
        strengths=(-2, -1, 0, 1, 2),
        batch=2,
        shown=2,
    )


def plan_of_two_sets() -> Plan:
    """With an edit whose name would end a page's script."""
    plan = tiny_plan()
    others = PictureSet("rotated", "Rotated pictures", tiny_pictures(2, seed=1))
    return replace(plan, sets=(*plan.sets, others), edits=(*plan.edits[:2], replace(plan.edits[2], name=HOSTILE)))


def found_by(plan: Plan, folder: Path) -> list[Findings]:
    """The findings of a comparison that keeps its parts in a folder."""
    model, instruments = tiny_model(), tiny_instruments()
    with Results(folder) as kept:
        parts = Parts(kept, plan.identified(model, instruments))
        results = compare(plan, model, instruments, parts, lambda what, by: None)
    return [findings(plan, pictures, results[pictures.name], 0.05) for pictures in plan.sets]


def made_up(plan: Plan) -> list[Findings]:
    """Findings without a comparison: pictures in one colour each, of which no two are the same."""
    stream = np.random.default_rng(0)
    n, edits, strengths = len(plan.sets[0].pictures), len(plan.edits), len(plan.strengths)
    shown = min(n, plan.shown)

    def measured() -> Measured:
        colours = stream.integers(256, size=(shown, edits, strengths, 1, 1, 3), dtype=np.uint8)
        return Measured(
            figures={"mse": stream.random(n), "ssim": stream.random(n)},
            edits={"identity_input": stream.random((n, edits, strengths))} if edits else {},
            seconds=0.1,
            reconstructed=np.broadcast_to(
                stream.integers(256, size=(shown, 1, 1, 3), dtype=np.uint8), (shown, 16, 16, 3)
            ),
            edited=np.broadcast_to(colours, (shown, edits, strengths, 16, 16, 3)),
        )

    return [findings(plan, plan.sets[0], {space.name: measured() for space in plan.spaces}, 0.05)]


def tiny_instruments() -> Instruments:
    return Instruments(
        figures={"mse": mse, "ssim": likeness},
        look=look,
        change=change,
        leakage=leakage,
        nscd=mean_code,
        about={"attributes": "channel means"},
    )


def mse(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().mean(dim=(1, 2, 3))


def look(pictures: Tensor) -> Look:
    return Look(
        attributes=100 * pictures.mean(dim=(2, 3)),
        identity=F.normalize(F.avg_pool2d(pictures, 4).flatten(1), dim=1),
    )


def change(before: Tensor, after: Tensor, index: int) -> Tensor:
    return (after - before)[:, index]


def leakage(before: Tensor, after: Tensor, index: int) -> Tensor:
    return (after - before).abs().sum(dim=1) - change(before, after, index).abs()


def mean_code(model: Model, point: Point) -> Tensor:
    return point.code.mean(dim=(1, 2))


def stand_in_for_embedded(monkeypatch: pytest.MonkeyPatch, names: Sequence[str] = ("smile",)) -> Generator:
    """Untrained networks in place of the embedded ones; the attributes that they see change with every edit.

    Returns:
        The generator, to whose directions the names are given.
    """
    torch.manual_seed(0)
    generator = Generator(Architecture(64, (8,) * 5, z_dim=16, w_dim=16, mapping_layers=2)).eval().requires_grad_(False)
    regressor = Regressor(channels=(4, 4, 4, 4)).eval().requires_grad_(False)
    patterns = torch.randn(3 * 64 * 64, len(MEASURED))
    seen = regressor.look
    monkeypatch.setattr(
        regressor, "look", lambda pictures: (pictures.flatten(1) @ patterns.to(pictures), seen(pictures)[1])
    )
    encoder = Encoder(8, channels=(4, 4, 4, 4)).eval().requires_grad_(False)
    directions = {name: _direction(generator, name) for name in names}
    monkeypatch.setattr(domain, "load_generator", lambda path=None, label=None: generator)
    monkeypatch.setattr(prepare, "embedded_directions", lambda: directions)
    monkeypatch.setattr(embedded, "embedded_regressor", lambda: regressor)
    monkeypatch.setattr(embedded, "embedded_encoder", lambda: encoder)
    return generator


def _direction(generator: Generator, name: str) -> Direction:
    w, z = torch.randn(2, 16, generator=torch.Generator().manual_seed(sum(name.encode())))
    return Direction(name, "chase", weights_hash(generator), w, z, name)


def likeness(a: Tensor, b: Tensor) -> Tensor:
    return F.cosine_similarity(a.flatten(1), b.flatten(1), dim=1)
