"""Adversarial training of the portraits' generator, one step at a time."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import backward
from torch.nn import functional as F

from zplus_plugins.generators import Architecture, Generator
from zplus_plugins.portraits.attributes import TRAINING_SEED, sample
from zplus_plugins.portraits.discriminator import Discriminator
from zplus_plugins.portraits.drawing import draw
from zplus_plugins.portraits.loop import Resumable

PORTRAITS = Architecture(64, (128, 128, 96, 64, 32), z_dim=128, w_dim=128, mapping_layers=4)


@dataclass(frozen=True)
class Settings:
    """What a training depends on.

    Attributes:
        architecture: of the generator.
        discriminator: its channels at R, R/2, ..., 4.
        batch: pictures a step.
        rate: Adam's learning rate.
        r1: weight of the gradient penalty (Mescheder et al., 2018), which is taken every ``r1_every`` steps.
        mixing: share of the pictures that are made of several codes.
        half_life: pictures after which the averaged weights have forgotten half.
        seed: of weights and codes.
        half: convolutions in bfloat16, twice as fast where the processor knows it.
    """

    architecture: Architecture = PORTRAITS
    discriminator: tuple[int, ...] = (32, 64, 96, 128, 128)
    batch: int = 8
    rate: float = 0.002
    r1: float = 0.1
    r1_every: int = 16
    mixing: float = 0.9
    half_life: float = 10_000
    seed: int = 0
    half: bool = True


class Training(Resumable):
    """Both networks, their optimizers, and the averaged generator."""

    def __init__(self, settings: Settings) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.dtype = torch.bfloat16 if settings.half else None
        self.generator = _channels_last(Generator(settings.architecture))
        self.discriminator = _channels_last(Discriminator(settings.discriminator))
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        learning = {"generator": self.generator, "discriminator": self.discriminator}
        self.networks = {**learning, "average": self.average}
        self.optimizers = {
            name: torch.optim.Adam(network.parameters(), settings.rate, (0.0, 0.99))
            for name, network in learning.items()
        }
        self.batch = settings.batch

    def advance(self) -> dict[str, float]:
        """One step of the discriminator and one of the generator."""
        figures = self._discriminate(draw(sample(self.batch, TRAINING_SEED + self.steps)))
        figures |= self._generate()
        half_life = min(self.settings.half_life, 0.05 * (self.seen + self.batch))  # early on, forget faster
        follow(self.average, self.generator, 1 - 0.5 ** (self.batch / half_life))
        return figures

    def codes(self, n: int) -> Tensor:
        """Codes in W+ (n, N, w_dim): most of them mixtures, from two codes a picture to one a layer, as Z+ has them."""
        layers = self.settings.architecture.num_layers
        w: Tensor = self.generator.mapping(torch.randn(n, layers, self.settings.architecture.z_dim))
        rate = torch.rand(n, 1) * (torch.rand(n, 1) < self.settings.mixing)
        changes = torch.rand(n, layers) < rate
        changes[:, 0] = False
        source = torch.where(changes, torch.arange(layers), 0).cummax(dim=1).values
        return w.gather(1, source[..., None].expand_as(w))

    def _made(self) -> Tensor:
        """A batch of portraits without noise: drawings have no texture of chance, and the strengths stay 0.

        With noise, the generator makes up for detail that it has not learnt yet, and is long in leaving that off.
        """
        pictures: Tensor = self.generator.synthesis(self.codes(self.batch), noise="none", dtype=self.dtype)
        return pictures

    def _discriminate(self, drawn: Tensor) -> dict[str, float]:
        with torch.no_grad():
            made = self._made()
        self.discriminator.requires_grad_(True)
        of_made, of_drawn = (self.discriminator(pictures, self.dtype) for pictures in (made, drawn))
        loss = F.softplus(of_made).mean() + F.softplus(-of_drawn).mean()
        figures = {"discriminator": loss.item(), "of_drawn": of_drawn.mean().item(), "of_made": of_made.mean().item()}
        self.optimizers["discriminator"].zero_grad()
        backward(loss)
        if self.steps % self.settings.r1_every == 0:
            penalty = self._penalty(drawn)
            backward(penalty * (self.settings.r1 / 2 * self.settings.r1_every))
            figures["penalty"] = penalty.item()
        self.optimizers["discriminator"].step()
        return figures

    def _penalty(self, drawn: Tensor) -> Tensor:
        """The squared gradient of the logits of drawn pictures by these, in full precision."""
        drawn = drawn.clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(self.discriminator(drawn).sum(), drawn, create_graph=True)
        penalty: Tensor = gradient.square().sum(dim=(1, 2, 3)).mean()
        return penalty

    def _generate(self) -> dict[str, float]:
        self.discriminator.requires_grad_(False)
        loss = F.softplus(-self.discriminator(self._made(), self.dtype)).mean()
        self.optimizers["generator"].zero_grad()
        backward(loss)
        self.optimizers["generator"].step()
        return {"generator": loss.item()}


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, share: float) -> None:
    """Move averaged weights by a share of the way to a network's."""
    for mean, now in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(now, share)


def _channels_last(network: Any) -> Any:
    return network.to(memory_format=torch.channels_last)
