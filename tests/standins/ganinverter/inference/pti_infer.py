"""Refinement by tuning a generator's weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import optim
from torch.nn import functional as F

from criteria.lpips.lpips import LPIPS
from inference.inference import BaseInference, new_decoder
from utils.train_utils import load_train_checkpoint


class PTIInference(BaseInference):
    """See the module."""

    def __init__(self, opts: Any) -> None:
        self.opts = opts
        self.lpips_loss = LPIPS(net_type="alex").to("cuda").eval()
        self.checkpoint = load_train_checkpoint(opts)
        new_decoder(opts, self.checkpoint)

    def inverse(
        self, images: Any, images_resize: Any, image_paths: Any, emb_codes: Any, emb_images: Any, emb_info: Any
    ) -> Any:
        assert images.shape[0] == 1, "PTI is only supported for batchsize 1."
        decoder, _ = new_decoder(self.opts, self.checkpoint)
        optimizer = optim.Adam(decoder.parameters(), lr=self.opts.pti_lr)
        for _ in range(self.opts.pti_step):
            gen_images, _ = decoder([emb_codes], input_is_latent=True, randomize_noise=False)
            loss = self.lpips_loss(gen_images, images) + F.mse_loss(gen_images, images)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            images, _ = decoder([emb_codes], input_is_latent=True, randomize_noise=False)
        return images, emb_codes, [{"generator": decoder.state_dict()}]

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
        images, codes, info = self.inverse(images, images_resize, image_paths, emb_codes, emb_images, emb_info)
        with torch.no_grad():
            decoder, _ = new_decoder(self.opts, self.checkpoint)
            decoder.load_state_dict(info[0]["generator"], strict=True)
            edit_codes = editor.edit_code(codes)
            edit_images, edit_codes = decoder([edit_codes], input_is_latent=True, randomize_noise=False)
        return images, edit_images, codes, edit_codes, info[0]
