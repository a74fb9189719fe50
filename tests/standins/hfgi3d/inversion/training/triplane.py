"""A generator with the attributes and methods of EG3D's. Its scene is one plane, and its renderer a shift."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch_utils import persistence
from torch_utils.ops import bias_act


@persistence.persistent_class
class MappingNetwork(nn.Module):
    def __init__(self, z_dim: Any, c_dim: Any, w_dim: Any, num_ws: Any) -> None:
        super().__init__()
        self.num_ws = num_ws
        self.embed = nn.Linear(c_dim, z_dim)
        self.fc = nn.Linear(2 * z_dim, w_dim)
        self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(
        self, z: Any, c: Any, truncation_psi: Any = 1, truncation_cutoff: Any = None, update_emas: Any = False
    ) -> Any:
        z, c = (F.normalize(x.float(), dim=1) * x.shape[1] ** 0.5 for x in (z, self.embed(c.float())))
        w = bias_act.bias_act(self.fc(torch.cat([z, c], dim=1)), act="lrelu")
        w = w[:, None].repeat(1, self.num_ws, 1)
        if truncation_psi != 1:
            w[:, :truncation_cutoff] = self.w_avg.lerp(w[:, :truncation_cutoff], truncation_psi)
        return w


@persistence.persistent_class
class SynthesisNetwork(nn.Module):
    def __init__(self, w_dim: Any, channels: Any, num_ws: Any) -> None:
        super().__init__()
        self.styles = nn.ModuleList(nn.Linear(w_dim, channels) for _ in range(num_ws))
        self.convs = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(num_ws))
        self.const = nn.Parameter(torch.randn(1, channels, 16, 16))
        for number in range(num_ws):
            self.register_buffer(f"noise_const{number}", torch.randn(16, 16))

    def forward(self, ws: Any, noise_mode: Any = "random", force_fp32: Any = False) -> Any:
        x = self.const
        for number, (style, conv) in enumerate(zip(self.styles, self.convs, strict=True)):
            noise = getattr(self, f"noise_const{number}") * 0.01
            x = F.leaky_relu(conv(x * (1 + style(ws[:, number])[:, :, None, None])) + noise, 0.2)
        return x


@persistence.persistent_class
class Backbone(nn.Module):
    def __init__(self, z_dim: Any, c_dim: Any, w_dim: Any, channels: Any, num_ws: Any) -> None:
        super().__init__()
        self.num_ws = num_ws
        self.mapping = MappingNetwork(z_dim, c_dim, w_dim, num_ws)
        self.synthesis = SynthesisNetwork(w_dim, channels, num_ws)


@persistence.persistent_class
class TriPlaneGenerator(nn.Module):
    def __init__(
        self, z_dim: Any, c_dim: Any, w_dim: Any, img_resolution: Any, img_channels: Any, rendering_kwargs: Any
    ) -> None:
        super().__init__()
        self.z_dim, self.c_dim, self.w_dim = z_dim, c_dim, w_dim
        self.img_resolution, self.img_channels = img_resolution, img_channels
        self.rendering_kwargs = rendering_kwargs
        self.neural_rendering_resolution = 16
        self.backbone = Backbone(z_dim, c_dim, w_dim, channels=6, num_ws=5)
        self.colours = nn.Conv2d(6, img_channels, 1)

    def mapping(
        self, z: Any, c: Any, truncation_psi: Any = 1, truncation_cutoff: Any = None, update_emas: Any = False
    ) -> Any:
        if self.rendering_kwargs["c_gen_conditioning_zero"]:
            c = torch.zeros_like(c)
        return self.backbone.mapping(z, c * self.rendering_kwargs.get("c_scale", 0), truncation_psi, truncation_cutoff)

    def synthesis(self, ws: Any, c: Any, **synthesis_kwargs: Any) -> Any:
        plane = self.backbone.synthesis(ws, **synthesis_kwargs)
        sideways = torch.zeros(len(c), 2, 3)
        sideways[:, 0, 0] = sideways[:, 1, 1] = 1
        sideways[:, :, 2] = c[:, [3, 7]] / 10
        seen = F.grid_sample(plane, F.affine_grid(sideways, plane.shape, False), align_corners=False)
        image = F.interpolate(self.colours(seen).tanh(), self.img_resolution, mode="bilinear")
        return {"image": image, "image_raw": self.colours(seen), "image_depth": 2.7 + seen[:, :1].sigmoid()}
