"""Invert pictures, and say how well."""

from __future__ import annotations

import os
import sys

sys.path.append(".")
sys.path.append("..")

from typing import Any

import torch
import torchvision.transforms as transforms
from PIL import Image
from torch.utils.data import DataLoader

from criteria.lpips.lpips import LPIPS
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


def main() -> None:
    opts = TestOptions().parse()
    if opts.checkpoint_path is None:
        opts.auto_resume = True
    if opts.output_dir is None:
        opts.output_dir = os.path.join(opts.exp_dir, "inference_results")
    os.makedirs(os.path.join(opts.output_dir, "inversion"), exist_ok=True)
    inversion = TwoStageInference(opts)
    lpips_cri = LPIPS(net_type="alex").cuda().eval()
    lpips, count, mse = 0.0, 0, torch.zeros([0]).cuda()
    for images_resize, img_paths, images in batches(opts):
        images_resize, images = images_resize.cuda(), images.cuda()
        count += len(img_paths)
        emb_images, _, _, refine_images, _, _ = inversion.inverse(images, images_resize, img_paths)
        found = emb_images if refine_images is None else refine_images
        for path, inv_img in zip(img_paths, found):
            basename = os.path.basename(path).split(".")[0]
            tensor2im(inv_img).save(os.path.join(opts.output_dir, "inversion", f"{basename}.png"))
        resized = transforms.Resize((256, 256), antialias=True)(found.clamp(-1, 1))
        mse = torch.cat([mse, (resized - images_resize).square().mean((1, 2, 3))])
        lpips += len(img_paths) * lpips_cri(resized, images_resize).item()
    print("MSE ", mse.mean().item())
    print("LPIPS:", lpips / count)


if __name__ == "__main__":
    main()
