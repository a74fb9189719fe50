"""Embedding by codes of an earlier run."""

from __future__ import annotations

import os
from typing import Any

import torch

from inference.inference import BaseInference, new_decoder
from utils.train_utils import load_train_checkpoint


class CodeInference(BaseInference):
    """See the module."""

    def __init__(self, opts: Any) -> None:
        self.code_path = opts.code_path
        self.decoder, _ = new_decoder(opts, load_train_checkpoint(opts))

    def inverse(self, images: Any, images_resize: Any, image_name: Any) -> Any:
        files = [os.path.join(self.code_path, f"{os.path.basename(path[:-4])}.pt") for path in image_name]
        codes = torch.stack([torch.load(file, map_location="cpu") for file in files]).to(images.device)
        with torch.no_grad():
            images, result_latent = self.decoder([codes], input_is_latent=True, return_latents=True)
        return images, result_latent, None

    def edit(self, images: Any, images_resize: Any, image_paths: Any, editor: Any) -> Any:
        images, codes, _ = self.inverse(images, images_resize, image_paths)
        edit_codes = editor.edit_code(codes)
        return images, self.generate(edit_codes), codes, edit_codes, None
