"""A video's frames: found, aligned, edited and compared, one function a run."""

from __future__ import annotations

import argparse
import glob
import os
import time
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from torchvision import transforms, utils

from face_parsing.model import BiSeNet
from trainer import *
from utils.video_utils import *

torch.autograd.set_detect_anomaly(True)
device = torch.device("cuda")

parser = argparse.ArgumentParser()
parser.add_argument("--config", type=str, default="001")
parser.add_argument("--attr", type=str, default="Eyeglasses")
parser.add_argument("--alpha", type=str, default="1.")
parser.add_argument("--pretrained_model_path", type=str, default="./pretrained_models/143_enc.pth")
psp = "./pixel2style2pixel/pretrained_models/psp_ffhq_encode.pt"
parser.add_argument("--stylegan_model_path", type=str, default=psp)
parser.add_argument("--arcface_model_path", type=str, default="./pretrained_models/backbone.pth")
parser.add_argument("--parsing_model_path", type=str, default="./pretrained_models/79999_iter.pth")
parser.add_argument("--log_path", type=str, default="./logs/")
parser.add_argument("--function", type=str, default="")
parser.add_argument("--video_path", type=str, default="./data/video/FP006911MD02.mp4")
parser.add_argument("--output_path", type=str, default="./output/video/")
parser.add_argument("--boundary_path", type=str, default="./boundaries_ours/")
parser.add_argument("--strs", type=str, default="Original,Projected,Manipulated")
opts = parser.parse_args()

img_to_tensor = transforms.Compose(
    [
        transforms.Resize((SIZE, SIZE)),
        transforms.ToTensor(),
        transforms.Normalize(mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5]),
    ]
)


def linear_interpolate(
    latent_code: Any, boundary: Any, start_distance: float = -3.0, end_distance: float = 3.0, steps: int = 10
) -> Any:
    """A flat code at equal distances along a direction, one row each."""
    assert latent_code.shape[0] == 1 and boundary.shape[0] == 1 and boundary.shape[1] == latent_code.shape[-1]
    distances = np.linspace(start_distance, end_distance, steps)
    return latent_code + distances.reshape(-1, 1).astype(np.float32) * boundary


def latent_manipulation(opts: Any, align_dir_path: str, process_dir_path: str) -> None:
    """Encode every aligned frame, and save it with its code moved."""
    os.makedirs(process_dir_path, exist_ok=True)
    scale = 15 * int(opts.alpha)
    boundary = np.load(opts.boundary_path + f"{opts.attr}_boundary.npy")
    with open("./configs/" + opts.config + ".yaml") as file:
        config = yaml.load(file, Loader=yaml.FullLoader)
    trainer = Trainer(config, opts)
    trainer.initialize(opts.stylegan_model_path, opts.arcface_model_path, opts.parsing_model_path)
    trainer.to(device)
    trainer.enc.load_state_dict(torch.load(opts.pretrained_model_path))
    trainer.enc.eval()
    with torch.no_grad():
        names = sorted(name for ending in ["*jpg", "*png"] for name in glob.glob1(align_dir_path, ending))
        n_1 = trainer.StyleGAN.make_noise()
        for i, img_name in enumerate(names):
            image_A = img_to_tensor(Image.open(align_dir_path + img_name)).unsqueeze(0).to(device)
            w_0, f_0 = trainer.encode(image_A)
            flat = w_0.cpu().numpy().reshape(1, -1)
            out = linear_interpolate(flat, boundary, start_distance=-scale, end_distance=scale, steps=5)
            w_1 = torch.tensor(out[-1]).view(1, -1, STYLE_DIM).to(device)
            k = trainer.idx_k
            _, fea_0 = trainer.StyleGAN([w_0], noise=n_1, input_is_latent=True, return_features=True)
            _, fea_1 = trainer.StyleGAN([w_1], noise=n_1, input_is_latent=True, return_features=True)
            features = trainer.features(f_0 + fea_1[k] - fea_0[k])
            x_1, _ = trainer.StyleGAN([w_1], noise=n_1, input_is_latent=True, features_in=features, feature_scale=1.0)
            utils.save_image(clip_img(x_1), process_dir_path + f"frame{i:04d}.jpg")


video_name = opts.video_path.split("/")[-1].split(".")[0]
orig_dir_path = opts.output_path + video_name + "/" + video_name + "/"
align_dir_path = os.path.dirname(orig_dir_path) + "_crop_align/"
process_dir_path = os.path.dirname(orig_dir_path) + "_crop_align_" + opts.attr.replace(",", "_") + "/"

start_time = time.perf_counter()
if opts.function == "align_frames":
    align_frames(orig_dir_path, align_dir_path)
    parsing_net = BiSeNet(n_classes=19)
    parsing_net.load_state_dict(torch.load(opts.parsing_model_path))
elif opts.function == "latent_manipulation":
    latent_manipulation(opts, align_dir_path, process_dir_path)
elif opts.function == "compare_frames":
    compare_frames(os.path.dirname(orig_dir_path) + "_compare/", align_dir_path, [process_dir_path], strs=opts.strs)
print(f"Elapsed time: {time.perf_counter() - start_time:.4f} seconds")
