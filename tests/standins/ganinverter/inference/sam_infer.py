"""Refinement by optimising the code together with feature maps, each where it is needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from configs.paths_config import model_paths
from criteria.lpips.lpips import LPIPS
from inference.inference import BaseInference, new_decoder
from models.invertibility.deeplab import DeepLab
from models.segmenter import SegmenterFace
from models.stylegan2.model import CHANNELS
from utils.train_utils import load_train_checkpoint

LAYERS = ["F10", "F8", "F6", "F4", "W+"]


class LayerHead(nn.Module):
    """Features to how hard a place is to invert."""

    def __init__(self) -> None:
        super().__init__()
        self.m = nn.Sequential(nn.ConvTranspose2d(8, 1, kernel_size=1), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.m(x)


def refine(maps: dict[str, Tensor], segments: Any, tau: float) -> dict[str, Tensor]:
    """Every segment belongs to the coarsest layer that can make it."""
    chosen = np.zeros(segments.shape)
    for value in np.unique(segments):
        here = segments == value
        easy = [name for name in LAYERS if name in maps and maps[name].cpu()[0, 0].numpy()[here].mean() <= tau]
        chosen[here] = LAYERS.index(easy[-1] if easy else "F10")
    return {name: torch.tensor((chosen == LAYERS.index(name))[None, None]) for name in maps}


def resize_binary_masks(masks: dict[str, Tensor]) -> dict[str, Tensor]:
    """Every mask to its feature map's size."""
    resized = {}
    for name, mask in masks.items():
        pixels = mask[0, 0].numpy().astype(np.float32)
        if name != "W+":
            side = 2 ** (int(name[1:]) // 2 + 2)
            pixels = np.asarray(Image.fromarray(pixels).resize((side, side))).clip(0, 1)
        resized[name] = torch.tensor(pixels[None, None]).cuda()
    return resized


class SamInference(BaseInference):
    """See the module."""

    def __init__(self, opts: Any) -> None:
        self.opts = opts
        self.decoder, _ = new_decoder(opts, load_train_checkpoint(opts))
        sample = torch.cat([self.decoder.style(torch.randn(1, self.decoder.style_dim).to("cuda")) for _ in range(50)])
        self.mean_v = F.leaky_relu(sample, negative_slope=5.0).mean(0).detach()
        self.invert_predictor = DeepLab(num_classes=8, sync_bn=False).to("cuda").eval()
        sd = torch.load(model_paths["invert_predictor_faces"], map_location="cpu")
        self.invert_predictor.load_state_dict(sd["sd_base"])
        self.d_heads = {}
        for name in opts.latent_names.split(","):
            self.d_heads[name] = LayerHead().cuda().eval()
            self.d_heads[name].load_state_dict(sd[name])
        self.segmenter = SegmenterFace(model_paths["segmenter_faces"])
        self.lpips_loss = LPIPS(net_type="vgg").to("cuda").eval()

    def inverse(
        self, images: Any, images_resize: Any, image_paths: Any, emb_codes: Any, emb_images: Any, emb_info: Any
    ) -> Any:
        with torch.no_grad():
            segments = self.segmenter.segment_pil(images)
            features = self.invert_predictor(images)
            maps = {name: head(features) for name, head in self.d_heads.items()}
        masks = resize_binary_masks(refine(maps, segments, self.opts.thresh))
        idxes = [int(name[1:]) - 1 for name in maps if name != "W+"]
        initial = {"W+": emb_codes.detach().clone().to("cuda")}
        for name in maps:
            if name != "W+":
                side = 2 ** (int(name[1:]) // 2 + 2)
                initial[name] = torch.zeros((1, CHANNELS, side, side)).to("cuda")
        latents = {name: initial[name].detach().clone() for name in maps}
        for latent in latents.values():
            latent.requires_grad = True
        optimizer = torch.optim.Adam(list(latents.values()), lr=self.opts.sam_lr)
        more = {
            "input_is_latent": True,
            "return_latents": True,
            "randomize_noise": False,
            "sam_masks": masks,
            "sam_features": latents,
            "sam_idxes": idxes,
        }
        for i in range(self.opts.sam_step):
            for group in optimizer.param_groups:
                group["lr"] = 0.05 * min(1.0, i / self.opts.sam_step / 0.05)
            rec_full, _ = self.decoder([latents["W+"]], **more)
            rec = F.interpolate(rec_full, size=(256, 256), mode="area").clamp(-1, 1)
            loss = F.mse_loss(rec_full, images) + self.lpips_loss(rec, images_resize)
            loss = loss + 1e-8 * (F.leaky_relu(latents["W+"], negative_slope=5.0) - self.mean_v).square().sum()
            loss = loss + sum(F.mse_loss(latents[name], initial[name]) for name in latents)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            images, result_latent = self.decoder([latents["W+"]], **more)
        return images, result_latent, None

    def edit(self, images: Any, images_resize: Any, image_path: Any, editor: Any) -> Any:
        raise NotImplementedError
