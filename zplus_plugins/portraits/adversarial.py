"""Adversarial training of the portraits' generator, one step at a time."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zplus_plugins.generators import Architecture, Generator
from zplus_plugins.portraits.attributes import TRAINING_SEED, sample
from zplus_plugins.portraits.discriminator import Discriminator
from zplus_plugins.portraits.drawing import draw

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
    batch: int = 16
    rate: float = 0.0025
    r1: float = 0.1
    r1_every: int = 16
    mixing: float = 0.9
    half_life: float = 10_000
    seed: int = 0
    half: bool = True


class Training:
    """Both networks, their optimizers, and the averaged generator; ``step`` goes on by one batch.

    All that is random comes from torch's global numbers and from the number of the step, so that a training which
    was saved and restored goes on bit by bit.
    """

    def __init__(self, settings: Settings) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.dtype = torch.bfloat16 if settings.half else None
        self.generator = _channels_last(Generator(settings.architecture))
        self.discriminator = _channels_last(Discriminator(settings.discriminator))
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        self.optimizers = {
            "generator": torch.optim.Adam(self.generator.parameters(), settings.rate, (0.0, 0.99), eps=1e-8),
            "discriminator": torch.optim.Adam(self.discriminator.parameters(), settings.rate, (0.0, 0.99), eps=1e-8),
        }
        self.steps = 0

    @property
    def seen(self) -> int:
        """Drawn pictures shown so far."""
        return self.steps * self.settings.batch

    def step(self) -> dict[str, float]:
        """One step of the discriminator and one of the generator; returns what is worth logging."""
        figures = self._discriminate(draw(sample(self.settings.batch, TRAINING_SEED + self.steps)))
        figures |= self._generate()
        self._average()
        self.steps += 1
        return figures

    def codes(self, n: int) -> Tensor:
        """Codes in W+ (n, N, w_dim): most of them mixtures, from two codes a picture to one a layer, as Z+ has them."""
        layers = self.settings.architecture.num_layers
        w = self.generator.mapping(torch.randn(n, layers, self.settings.architecture.z_dim))
        rate = torch.rand(n, 1) * (torch.rand(n, 1) < self.settings.mixing)
        changes = torch.rand(n, layers) < rate
        changes[:, 0] = False
        source = torch.where(changes, torch.arange(layers), 0).cummax(dim=1).values
        return w.gather(1, source[..., None].expand_as(w))

    def state(self) -> dict[str, Any]:
        """All that :meth:`restore` needs, of types that ``torch.load(weights_only=True)`` admits."""
        return {
            "networks": {name: network.state_dict() for name, network in self._networks().items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "steps": self.steps,
            "random": torch.get_rng_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state."""
        for name, network in self._networks().items():
            network.load_state_dict(state["networks"][name])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self.steps = state["steps"]
        torch.set_rng_state(state["random"])

    def _networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator, "average": self.average}

    def _discriminate(self, drawn: Tensor) -> dict[str, float]:
        with torch.no_grad():
            made = self.generator.synthesis(self.codes(len(drawn)), noise="random", dtype=self.dtype)
        self.discriminator.requires_grad_(True)
        of_made, of_drawn = (self.discriminator(pictures, self.dtype) for pictures in (made, drawn))
        loss = F.softplus(of_made).mean() + F.softplus(-of_drawn).mean()
        figures = {"discriminator": loss.item(), "of_drawn": of_drawn.mean().item(), "of_made": of_made.mean().item()}
        self.optimizers["discriminator"].zero_grad()
        loss.backward()
        if self.steps % self.settings.r1_every == 0:
            penalty = self._penalty(drawn)
            (penalty * (self.settings.r1 / 2 * self.settings.r1_every)).backward()
            figures["penalty"] = penalty.item()
        self.optimizers["discriminator"].step()
        return figures

    def _penalty(self, drawn: Tensor) -> Tensor:
        """The squared gradient of the logits of drawn pictures by these, in full precision."""
        drawn = drawn.clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(self.discriminator(drawn).sum(), drawn, create_graph=True)
        return gradient.square().sum(dim=(1, 2, 3)).mean()

    def _generate(self) -> dict[str, float]:
        self.discriminator.requires_grad_(False)
        made = self.generator.synthesis(self.codes(self.settings.batch), noise="random", dtype=self.dtype)
        loss = F.softplus(-self.discriminator(made, self.dtype)).mean()
        self.optimizers["generator"].zero_grad()
        loss.backward()
        self.optimizers["generator"].step()
        return {"generator": loss.item()}

    @torch.no_grad()
    def _average(self) -> None:
        """Move the averaged weights; early on they forget faster."""
        half_life = min(self.settings.half_life, 0.05 * (self.seen + self.settings.batch))
        share = 1 - 0.5 ** (self.settings.batch / half_life)
        for mean, now in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            mean.lerp_(now, share)


def _channels_last(network: Any) -> Any:
    return network.to(memory_format=torch.channels_last)
