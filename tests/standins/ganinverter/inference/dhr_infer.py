"""Refinement by weights where the generator's domain is, and by a feature map elsewhere."""

from __future__ import annotations

import os
from typing import Any

import cv2
import numpy as np
import torch
from skimage.segmentation import slic
from torch import Tensor, optim
from torch.nn import functional as F

import utils.facer.facer as facer
from criteria.lpips.lpips import LPIPS
from inference.inference import BaseInference, new_decoder
from utils.train_utils import load_train_checkpoint

from .optim_infer import OptimizerInference


class DHRInference(BaseInference):
    """See the module."""

    def __init__(self, opts: Any) -> None:
        self.opts = opts
        self.lpips_loss = LPIPS(net_type="alex").to("cuda").eval()
        self.checkpoint = load_train_checkpoint(opts)
        self.coarse_inv = OptimizerInference(opts)
        self.detector = facer.face_detector("retinaface/mobilenet", device="cuda")
        self.parser_celeb = facer.face_parser("farl/celebm/448", device="cuda")

    def _saved(self, kind: str, image_name: Any) -> str:
        return f"{self.opts.output_dir}/{kind}/{os.path.basename(image_name[0])[:-4]}.pt"

    def _masks(self, images: Any, images_resize: Any, image_name: Any) -> dict[str, Any]:
        coarse_image, _, delta = self.coarse_inv.inverse(images, images_resize, image_name, return_lpips=True)
        try:
            self.detector(images, threshold=0.1)
        except Exception:
            print("No face detected.")
        superpixel = slic(cv2.imread(image_name[0]), n_segments=20, compactness=30, sigma=1)
        distance = sum(F.interpolate(d, images.shape[2:]) for d in delta)[0, 0].detach()  # type: ignore[union-attr]
        mask = torch.zeros(images.shape[2:])
        for i in np.unique(superpixel):
            mask[superpixel == i] = float(distance[superpixel == i].mean() < distance.mean())
        mask = mask[None, None].cuda()
        return {
            "coarse_inv": coarse_image,
            "mask_refine_pt": mask,
            "mask_refine": (mask[0, 0].cpu().numpy() * 255.0).astype(np.uint8),
        }

    def inverse(
        self, images: Any, images_resize: Any, image_name: Any, emb_codes: Any, emb_images: Any, emb_info: Any
    ) -> Any:
        assert images.shape[0] == 1, "DHR is only supported for batchsize 1."
        info: dict[str, Any] = {}
        decoder, _ = new_decoder(self.opts, self.checkpoint)
        if os.path.exists(self._saved("mask_refine_pt", image_name)):
            m: Tensor = torch.load(self._saved("mask_refine_pt", image_name)).cuda()
        else:
            info = self._masks(images, images_resize, image_name)
            m = info["mask_refine_pt"]
        more = {"feature_idx": self.opts.dhr_feature_idx, "input_is_latent": True, "randomize_noise": False}
        with torch.no_grad():
            _, _, offset = decoder([emb_codes], return_featuremap=True, **more)
        more["mask"] = mask = F.interpolate(m, offset.shape[2:], mode="area")
        files = [self._saved(kind, image_name) for kind in ("weight", "feature")]
        if all(map(os.path.exists, files)):
            decoder.load_state_dict(torch.load(files[0], map_location="cpu"))
            offset = torch.load(files[1])
        else:
            offset = torch.nn.Parameter(offset.detach())
            optimizer_f = optim.Adam([offset], lr=self.opts.dhr_feature_lr)
            optimizer = optim.Adam(decoder.parameters(), lr=self.opts.dhr_weight_lr)
            for i in range(self.opts.dhr_feature_step):
                gen_images, _ = decoder([emb_codes], offset=offset, **more)
                both = (gen_images - images).square()
                optimizer_f.zero_grad()
                (both * (1 - m)).mean().backward(retain_graph=True)
                optimizer_f.step()
                if i < self.opts.dhr_weight_step:
                    optimizer.zero_grad()
                    gen_images, _ = decoder([emb_codes], offset=offset, **more)
                    ((gen_images - images).square() * m).mean().backward()
                    optimizer.step()
        info.update(weight=decoder.state_dict(), feature=offset.clone(), mask=mask.clone())
        images, _ = decoder([emb_codes], offset=offset, **more)
        return images, emb_codes, [info]

    def edit(
        self,
        images: Any,
        images_resize: Any,
        image_paths: Any,
        emb_codes: Any,
        emb_images: Any,
        emb_info: Any,
        editor: Any,
    ) -> Any:
        images, codes, (info,) = self.inverse(images, images_resize, image_paths, emb_codes, emb_images, emb_info)
        with torch.no_grad():
            decoder, _ = new_decoder(self.opts, self.checkpoint)
            decoder.load_state_dict(info["weight"], strict=True)
            edit_codes = editor.edit_code(codes)
            edit_images, _ = decoder(
                [edit_codes],
                feature_idx=self.opts.dhr_feature_idx,
                offset=info["feature"],
                mask=info["mask"],
                input_is_latent=True,
                randomize_noise=False,
            )
        return images, edit_images, codes, edit_codes, info
