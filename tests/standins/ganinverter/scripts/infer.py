"""Invert pictures."""

from __future__ import annotations

import os
import sys

sys.path.append(".")
sys.path.append("..")

from typing import Any

import cv2
import numpy as np
import torch
import torchvision.transforms as transforms
from PIL import Image
from torch.utils.data import DataLoader

from datasets.inference_dataset import InversionDataset
from inference import TwoStageInference
from options.test_options import TestOptions
from utils.common import tensor2im


def batches(opts: Any) -> Any:
    """Pictures resized for the encoder, their paths, and the pictures."""
    to_tensor = [transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
    transform = transforms.Compose([transforms.Resize((256, 256)), *to_tensor])
    transform_no_resize = transforms.Compose(to_tensor)
    if os.path.isdir(opts.test_dataset_path):
        dataset = InversionDataset(opts.test_dataset_path, transform, transform_no_resize)
        return DataLoader(
            dataset, batch_size=opts.test_batch_size, shuffle=False, num_workers=int(opts.test_workers), drop_last=False
        )
    img = Image.open(opts.test_dataset_path).convert("RGB")
    return [(transform(img)[None], [opts.test_dataset_path], transform_no_resize(img)[None])]


def save_intermediate(info: Any, output_dir: str, basename: str, keys: Any) -> None:
    """What a refinement has found on its way."""
    for k, v in (info or {}).items():
        if keys is not None and k not in k:
            continue
        os.makedirs(os.path.join(output_dir, k), exist_ok=True)
        path = os.path.join(output_dir, k, basename)
        if isinstance(v, torch.Tensor) and v.dim() == 4 and v.shape[1] == 3:
            tensor2im(v[0]).save(f"{path}.png")
        elif isinstance(v, np.ndarray):
            cv2.imwrite(f"{path}.png", v)
        else:
            torch.save(v, f"{path}.pt")


def main() -> None:
    opts = TestOptions().parse()
    if opts.checkpoint_path is None:
        opts.auto_resume = True
    inversion = TwoStageInference(opts)
    if opts.output_dir is None:
        opts.output_dir = os.path.join(opts.exp_dir, "inference_results")
    os.makedirs(os.path.join(opts.output_dir, "inversion"), exist_ok=True)
    if opts.save_code:
        os.makedirs(os.path.join(opts.output_dir, "code"), exist_ok=True)
    for images_resize, img_paths, images in batches(opts):
        images_resize, images = images_resize.cuda(), images.cuda()
        emb_images, emb_codes, _, refine_images, refine_codes, refine_info = inversion.inverse(
            images, images_resize, img_paths
        )
        found, codes = (emb_images, emb_codes) if refine_images is None else (refine_images, refine_codes)
        infos = [None] * len(img_paths) if refine_info is None else refine_info
        for path, inv_img, code, info in zip(img_paths, found, codes, infos):
            basename = os.path.basename(path).split(".")[0]
            if opts.save_code:
                torch.save(code, os.path.join(opts.output_dir, "code", f"{basename}.pt"))
            tensor2im(inv_img).save(os.path.join(opts.output_dir, "inversion", f"{basename}.png"))
            if opts.save_intermediate:
                save_intermediate(info, opts.output_dir, basename, opts.save_keys)


if __name__ == "__main__":
    main()
