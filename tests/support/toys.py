"""Small generators in the shape of each family, written for the tests."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn


class Perceptron(nn.Module):
    """A mapping network: normalise, then three layers with a kink."""

    def __init__(self, z_dim: int = 16, w_dim: int = 16, seed: int = 0) -> None:
        super().__init__()
        stream = torch.Generator().manual_seed(seed)
        dims = [z_dim, 24, 24, w_dim]
        self.weights = nn.ParameterList(
            torch.randn(o, i, generator=stream) / i**0.5 for i, o in itertools.pairwise(dims)
        )
        self.biases = nn.ParameterList(torch.randn(o, generator=stream) * 0.3 for o in dims[1:])
        self.calls = 0

    def forward(self, z: Tensor) -> Tensor:
        self.calls += 1
        x = z * (z.square().mean(-1, keepdim=True) + 1e-8).rsqrt()
        for weight, bias in zip(self.weights, self.biases, strict=True):
            x = nn.functional.leaky_relu(nn.functional.linear(x, weight, bias), 0.2)
        return x


class Rosinality(nn.Module):
    """``style(z)``, ``n_latent``, ``style_dim``."""

    def __init__(self, n_latent: int = 6, dim: int = 16) -> None:
        super().__init__()
        self.style = Perceptron(dim, dim)
        self.n_latent = n_latent
        self.style_dim = dim


class NVlabsMapping(nn.Module):
    """``mapping(z, c, truncation_psi, truncation_cutoff)`` with a w_avg that training would move."""

    w_avg: Tensor

    def __init__(self, z_dim: int, w_dim: int, num_ws: int | None) -> None:
        super().__init__()
        self.net = Perceptron(z_dim, w_dim)
        self.num_ws = num_ws
        self.register_buffer("w_avg", torch.linspace(-1, 1, w_dim))

    def forward(self, z: Tensor, c: Any, truncation_psi: float = 1, truncation_cutoff: int | None = None) -> Tensor:
        w: Tensor = self.net(z)
        if self.training:
            self.w_avg.copy_(w.detach().mean(0))
        if self.num_ws is None:
            return w
        w = w[:, None].repeat(1, self.num_ws, 1)
        if truncation_psi != 1:
            cutoff = self.num_ws if truncation_cutoff is None else truncation_cutoff
            w[:, :cutoff] = self.w_avg.lerp(w[:, :cutoff], truncation_psi)
        return w


class NVlabs(nn.Module):
    """``mapping``, ``z_dim``, ``w_dim``, ``num_ws``, ``c_dim``."""

    def __init__(self, num_ws: int = 6, z_dim: int = 16, w_dim: int = 16, broadcast: bool = True) -> None:
        super().__init__()
        self.z_dim, self.w_dim, self.num_ws, self.c_dim = z_dim, w_dim, num_ws, 0
        self.mapping = NVlabsMapping(z_dim, w_dim, num_ws if broadcast else None)


class GenforceTruncation(nn.Module):
    """Truncates the first layers; single codes are repeated."""

    w_avg: Tensor

    def __init__(self, num_layers: int, w_dim: int) -> None:
        super().__init__()
        self.num_layers = num_layers
        self.register_buffer("w_avg", torch.linspace(-1, 1, w_dim))

    def forward(self, w: Tensor, trunc_psi: float | None = None, trunc_layers: int | None = None) -> Tensor:
        if w.ndim == 2:
            w = w[:, None].repeat(1, self.num_layers, 1)
        psi = torch.ones(self.num_layers, 1, dtype=w.dtype)
        if trunc_psi is not None and trunc_layers:
            psi[:trunc_layers] = trunc_psi
        return self.w_avg + (w - self.w_avg) * psi


class GenforceMapping(nn.Module):
    """``mapping(z)['w']``; only takes (N, z_dim)."""

    def __init__(self, z_dim: int, w_dim: int) -> None:
        super().__init__()
        self.net = Perceptron(z_dim, w_dim)

    def forward(self, z: Tensor, label: Any = None) -> dict[str, Tensor]:
        if z.ndim != 2:
            raise ValueError(z.shape)
        return {"w": self.net(z)}


class Genforce(nn.Module):
    """``mapping``, ``truncation``, ``z_space_dim``, ``w_space_dim``, ``num_layers``."""

    def __init__(self, num_layers: int = 6, z_dim: int = 16, w_dim: int = 16, repeat_w: bool = True) -> None:
        super().__init__()
        self.z_space_dim, self.w_space_dim, self.num_layers = z_dim, w_dim, num_layers
        self.label_size, self.repeat_w = 0, repeat_w
        self.mapping = GenforceMapping(z_dim, w_dim)
        self.truncation = GenforceTruncation(num_layers, w_dim)
