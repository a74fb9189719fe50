"""Embedding by an encoder."""

from __future__ import annotations

from typing import Any

import torch

from inference.inference import BaseInference, new_decoder
from models.encoder import Encoder
from utils.train_utils import load_train_checkpoint


class EncoderInference(BaseInference):
    """See the module."""

    def __init__(self, opts: Any) -> None:
        checkpoint = load_train_checkpoint(opts)
        self.decoder, latent_avg = new_decoder(opts, checkpoint)
        self.decoder.eval()
        self.encoder = Encoder(opts, checkpoint, latent_avg, device="cuda").to("cuda")
        self.encoder.set_progressive_stage(opts.n_styles)
        self.encoder.eval()

    def inverse(self, images: Any, images_resize: Any, image_path: Any) -> Any:
        with torch.no_grad():
            codes = self.encoder(images_resize)
            images, result_latent = self.decoder(
                [codes], input_is_latent=True, return_latents=True, randomize_noise=False
            )
        return images, result_latent, None

    def edit(self, images: Any, images_resize: Any, image_path: Any, editor: Any) -> Any:
        images, codes, _ = self.inverse(images, images_resize, image_path)
        edit_codes = editor.edit_code(codes)
        return images, self.generate(edit_codes), codes, edit_codes, None
