"""Train the attribute regressor and identity feature:
``python -m zplus_plugins.portraits.training.train_regressor --out DIR``.

Every person is drawn twice, with two looks. The attributes are regressed; the identity of each image must be closer to
that of the same person's other look than to those of all other people (the loss of arXiv 2002.05709). ``--export``
writes the network instead, and evaluates it on held-out people.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor
from torch.autograd import backward
from torch.nn import functional as F

from zplus_plugins.portraits.drawing.attributes import HELD_OUT_SEED, columns_of, redrawn, sample, training_seed
from zplus_plugins.portraits.drawing.drawing import draw
from zplus_plugins.portraits.networks.files import halved, save
from zplus_plugins.portraits.networks.regressor import CHANNELS, NAMES, Regressor
from zplus_plugins.portraits.training import command
from zplus_plugins.portraits.training.loop import Resumable, restored, train
from zplus_plugins.system import console

OTHER_LOOKS = 500_000  # offset of the seeds of the second looks from those of the first
SHARPNESS = 12.0  # of the softmax over similarities


@dataclass(frozen=True)
class Settings:
    """The settings of a training.

    Attributes:
        pictures: total number of images; the learning rate decays to 0 by then.
        people: people per step, each drawn twice.
        lr: learning rate of Adam.
        noise: maximum strength of the noise added to images.
        warm_up: steps of learning-rate warm-up.
        seed: seed of weights and noise.
        channels: channels of the regressor.
    """

    pictures: int = 100_000
    people: int = 32
    lr: float = 0.002
    noise: float = 0.02
    warm_up: int = 100
    seed: int = 0
    channels: tuple[int, ...] = CHANNELS


class Training(Resumable):
    """The regressor and its optimizer."""

    def __init__(self, settings: Settings) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.regressor = Regressor(settings.channels).to(memory_format=torch.channels_last)
        self.networks = {"regressor": self.regressor}
        self.optimizers = {"regressor": torch.optim.Adam(self.regressor.parameters(), settings.lr, (0.9, 0.99))}
        self.batch = 2 * settings.people

    def advance(self) -> dict[str, float]:
        """A step on new people; noise of a random strength keeps the network from relying on clean pixels."""
        people = sample(self.settings.people, training_seed(self.steps))
        attributes = torch.cat([people, redrawn(people, training_seed(OTHER_LOOKS + self.steps))])
        pictures = draw(attributes)
        pictures = pictures + self.settings.noise * torch.rand(len(pictures), 1, 1, 1) * torch.randn_like(pictures)
        fall = max(0.0, 1 - self.seen / self.settings.pictures)
        lr = self.settings.lr * fall * min(1.0, (self.steps + 1) / self.settings.warm_up)
        for group in self.optimizers["regressor"].param_groups:
            group["lr"] = lr
        with torch.autocast("cpu", torch.bfloat16):
            features = self.regressor.features(pictures).float()
        missed = self.regressor.to_attributes(features) - _normal(self.regressor, attributes)
        # The identity shares the attributes' features; on its own, it would rely on skin and the shape of the face.
        identities = F.normalize(self.regressor.to_identity(features.detach()), dim=1)
        confused = _confusion(*identities.chunk(2))
        self.optimizers["regressor"].zero_grad()
        backward(missed.square().mean() + confused)
        self.optimizers["regressor"].step()
        return {"attributes": missed.square().mean().item(), "identity": confused.item()}


def _normal(regressor: Regressor, attributes: Tensor) -> Tensor:
    """Measured attributes, scaled so that their ranges end at -1 and 1."""
    return (attributes[:, : len(NAMES)] - regressor.centre) / regressor.spread


def _confusion(first: Tensor, second: Tensor) -> Tensor:
    """Cross entropy of identifying the other look of each person among all images."""
    similar = SHARPNESS * first @ second.T
    own = torch.arange(len(first))
    return (F.cross_entropy(similar, own) + F.cross_entropy(similar.T, own)) / 2


@torch.no_grad()
def measured(regressor: Regressor, people: int = 1000) -> dict[str, Any]:
    """Evaluate a regressor on held-out people, drawn twice.

    Returns:
        ``r2`` by attribute; ``auc``, the probability that two looks of one person are more similar than two people, and
        the mean similarities ``same`` and ``other``; ``hard_auc``, among people with nearly the same skin colour.
    """
    attributes = sample(people, HELD_OUT_SEED)
    first, second = draw(attributes), draw(redrawn(attributes, HELD_OUT_SEED + 1))
    errors = (regressor.attributes(first) - attributes[:, : len(NAMES)]).square().mean(dim=0)
    r2 = 1 - errors / attributes[:, : len(NAMES)].var(dim=0)
    similar = regressor.identity(first) @ regressor.identity(second).T
    skin = attributes[:, columns_of("identity")[0]]
    others = ~torch.eye(people, dtype=torch.bool)
    alike = others & ((skin[:, None] - skin).abs() < 0.05)
    return {
        "r2": {name: round(float(value), 4) for name, value in zip(NAMES, r2, strict=True)},
        "auc": _auc(similar.diagonal(), similar[others]),
        "hard_auc": _auc(similar.diagonal(), similar[alike]),
        "same": similar.diagonal().mean().item(),
        "other": similar[others].mean().item(),
    }


def _auc(higher: Tensor, lower: Tensor) -> float:
    """The probability that a value of the first set is greater than one of the second."""
    ranked = lower.sort().values
    return (torch.searchsorted(ranked, higher.contiguous()).float().mean() / len(ranked)).item()


@click.command(cls=command.Command, context_settings={"show_default": True})
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for checkpoint and log.")
@click.option(
    "--pictures", type=command.AT_LEAST_1, default=Settings.pictures, help="Total number of drawn images to train on."
)
@command.minutes(1.0)
@command.seed
@command.threads
@click.option("--export", type=command.NewFile(), help="Write the network to this file, evaluate it, and exit.")
def main(out: Path, pictures: int, minutes: float, seed: int, threads: int, export: Path | None) -> None:
    """Train the portrait regressor; Ctrl-C saves."""
    torch.set_num_threads(threads)
    training = Training(Settings(pictures=pictures, seed=seed))
    if export is None:
        train(training, asdict(training.settings), out, pictures, minutes, lambda folder: None)
        return
    restored(training, out)
    save(export, {"state": halved(training.regressor.state_dict())})
    console.result(json.dumps(measured(training.regressor.eval()), indent=1))


if __name__ == "__main__":
    main()
