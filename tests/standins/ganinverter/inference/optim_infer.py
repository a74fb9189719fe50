"""Embedding by optimisation, together with the noise maps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, optim
from torch.nn import functional as F

from criteria.lpips.lpips import LPIPS
from inference.inference import BaseInference, new_decoder
from utils.train_utils import load_train_checkpoint


class OptimizerInference(BaseInference):
    """See the module."""

    def __init__(self, opts: Any) -> None:
        self.opts = opts
        self.decoder, self.latent_avg = new_decoder(opts, load_train_checkpoint(opts))
        self.decoder.eval()
        self.latent_std: Tensor | None = None
        self.lpips_loss = LPIPS(net_type="vgg").to("cuda").eval()

    def inverse(self, images: Any, images_resize: Any, image_name: Any, return_lpips: bool = False) -> Any:
        if self.latent_std is None:
            with torch.no_grad():
                sample = self.decoder.style(torch.randn(10000, self.decoder.style_dim, device="cuda"))
                self.latent_avg = sample.mean(0) if self.latent_avg is None else self.latent_avg
                self.latent_std = ((sample - sample.mean(0)).pow(2).sum() / 10000) ** 0.5
        assert self.latent_avg is not None
        count = images_resize.shape[0]
        noises = [noise.repeat(count, 1, 1, 1).normal_() for noise in self.decoder.make_noise()]
        latent_in = self.latent_avg.detach().clone().unsqueeze(0).repeat(count, 1)
        if self.opts.w_plus:
            latent_in = latent_in.unsqueeze(1).repeat(1, self.decoder.n_latent, 1)
        for leaf in (latent_in, *noises):
            leaf.requires_grad = True
        optimizer = optim.Adam([latent_in, *noises], lr=self.opts.lr)
        delta = None
        for i in range(self.opts.optim_step):
            t = i / self.opts.optim_step
            optimizer.param_groups[0]["lr"] = self.opts.lr * min(1, t / 0.05)
            strength = self.latent_std * self.opts.noise * max(0, 1 - t / self.opts.noise_ramp) ** 2
            latent_n = latent_in + torch.randn_like(latent_in) * strength.item()
            img_gen, _ = self.decoder([latent_n], input_is_latent=True, noise=noises)
            if i == self.opts.optim_step - 1 and return_lpips:
                delta = self.lpips_loss(img_gen, images, keep_res=True)
            img_gen = F.interpolate(torch.clamp(img_gen, -1.0, 1.0), size=images_resize.shape[2:], mode="bilinear")
            regular = sum((noise * torch.roll(noise, 1, dims=3)).mean().pow(2) for noise in noises)
            loss = self.lpips_loss(img_gen, images_resize) + self.opts.noise_regularize * regular
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            for noise in noises:
                noise.data.add_(-noise.mean()).div_(noise.std())
        images, result_latent = self.decoder(
            [latent_in.detach().clone()], input_is_latent=True, noise=noises, return_latents=True
        )
        return images, result_latent, delta

    def edit(self, images: Any, images_resize: Any, image_path: Any, editor: Any) -> Any:
        images, codes, _ = self.inverse(images, images_resize, image_path)
        edit_codes = editor.edit_code(codes)
        return images, self.generate(edit_codes), codes, edit_codes, None
