"""Invert pictures, and edit them."""

from __future__ import annotations

import os
import sys

sys.path.append(".")
sys.path.append("..")

from typing import Any

import torchvision.transforms as transforms
from PIL import Image
from torch.utils.data import DataLoader

from datasets.inference_dataset import InversionDataset
from editing import *
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
    editor = InterFaceGAN(opts) if opts.edit_mode == "interfacegan" else GANSpace(opts)
    save_folder = editor.save_folder
    inversion = TwoStageInference(opts)
    if opts.output_dir is None:
        opts.output_dir = opts.exp_dir
    os.makedirs(os.path.join(opts.output_dir, save_folder), exist_ok=True)
    for images_resize, img_paths, images in batches(opts):
        images_resize, images = images_resize.cuda(), images.cuda()
        emb_images_edit, _, _, refine_images_edit, _, _ = inversion.edit(images, images_resize, img_paths, editor)
        edit_images = refine_images_edit if refine_images_edit is not None else emb_images_edit
        for path, edit_img in zip(img_paths, edit_images):
            basename = os.path.basename(path).split(".")[0]
            tensor2im(edit_img).save(os.path.join(opts.output_dir, save_folder, f"{basename}.jpg"))


if __name__ == "__main__":
    main()
