"""Invert the images of a folder with one latent: W+, or W+ and one feature map."""

from __future__ import annotations

import argparse
import os
from glob import glob

import lpips
import numpy as np
import torch
import wget
from PIL import Image
from torch.nn import functional as F

from img_utils import *
from latent_utils import *
from loss_utils import *
from mask_utils import *
from misc import *
from model_utils import *

CATEGORIES = {
    "cars": ("stylegan2-car-config-f.pkl", "e4e_cars_encode.pt"),
    "faces": ("stylegan2-ffhq-config-f.pkl", "e4e_ffhq_encode.pt"),
    "cats": ("stylegan2-cat-config-f_sg2adapyt.pkl", "e4e_lsuncats_encode.pt"),
}


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    option = parser.add_argument
    option("--seed", default=0, type=int)
    option("--image_folder_path", default="test_images/00004.png")
    option("--image_category", default="cars")
    option("--target_H", type=int, default=192)
    option("--target_W", type=int, default=256)
    option("--output_path", default="output")
    option("--inv_model_path", default=None)
    option("--gan_type", default="stylegan2")
    option("--e4e_path", default=None)
    option("--gan_weights", default=None)
    option("--latent_name", default="W+", help="W+, F4, F6, F8 or F10")
    option("--save_final_latent", action="store_true")
    option("--save_frequency", type=int, default=100)
    option("--num_opt_steps", type=int, default=1001)
    option("--lr", type=float, default=0.05)
    option("--lr_rampdown_length", type=float, default=0.25)
    option("--lr_rampup_length", type=float, default=0.05)
    option("--beta1", type=float, default=0.9)
    option("--beta2", type=float, default=0.999)
    option("--sem_seg_name", default="hrnet_ade20k")
    option("--lpips_type", default="vgg")
    option("--lambda_mse", default=1, type=float)
    option("--lambda_lpips", default=1, type=float)
    option("--lambda_f_rec", default=5, type=float)
    option("--lambda_delta", default=1e-3, type=float)
    option("--lambda_mvg", default=1e-8, type=float)
    return parser


if __name__ == "__main__":
    args = arguments().parse_args()
    set_random_seed(args.seed)
    suffixes = ("png", "jpeg", "jpg", "JPEG")
    found = glob(os.path.join(args.image_folder_path, "*"))
    paths = sorted(path for path in found if path.split(".")[-1] in suffixes)
    for option, file in zip(("gan_weights", "e4e_path"), CATEGORIES.get(args.image_category, ()), strict=False):
        if getattr(args, option) is None:
            setattr(args, option, f"ckpt/{file}")
            if not os.path.exists(f"ckpt/{file}"):
                wget.download(f"http://127.0.0.1:9/{file}", f"ckpt/{file}")

    generator = load_generator(args.gan_type, args.gan_weights)
    encoder = load_encoder(args.e4e_path)
    stats = get_mvg_stats(generator)
    distance = lpips.LPIPS(net=args.lpips_type).cuda()

    for path in paths:
        name = os.path.basename(path)
        for suffix in suffixes:
            name = name.replace(f".{suffix}", "")
        final = os.path.join(args.output_path, name, "final")
        os.makedirs(final, exist_ok=True)
        img_pil = Image.open(path).convert("RGB")
        img_t = build_t(W=args.target_W, H=args.target_H)(img_pil).unsqueeze(0).cuda()
        img_full_t = build_t(W=None, H=None)(img_pil).unsqueeze(0).cuda()
        if args.image_category == "cars":
            img_full_t = img_full_t[:, :, 64:-64, :]

        saved = os.path.join(final, "inverted_latent.pt")
        if os.path.exists(saved):
            d_latents_out = {k: latent.cuda() for k, latent in torch.load(saved).items()}
            continue
        d_latents_init = init_latent(
            latent_name=args.latent_name, G=generator, G_name=args.gan_type, net_e4e=encoder, img_t=img_t
        )
        d_latents = {k: latent.detach().clone().requires_grad_() for k, latent in d_latents_init.items()}
        betas = (args.beta1, args.beta2)
        optimizer = torch.optim.Adam([d_latents[k] for k in d_latents], lr=args.lr, betas=betas)
        for i in range(args.num_opt_steps):
            # Up from 0, then constant, then down along a cosine.
            done = i / args.num_opt_steps
            down = 0.5 - 0.5 * np.cos(min(1.0, (1.0 - done) / args.lr_rampdown_length) * np.pi)
            for group in optimizer.param_groups:
                group["lr"] = args.lr * down * min(1.0, done / args.lr_rampup_length)

            rec_full = custom_forward(
                G=generator, d_latents=d_latents, gan_name=args.gan_type, latent_name=args.latent_name
            )
            rec = F.interpolate(rec_full, size=(256, 256), mode="area").clamp(-1, 1)
            if args.image_category == "cars":
                rec = rec[:, :, 32:-32, :]
            losses = {}
            if args.lambda_mse > 0:
                losses["mse"] = args.lambda_mse * F.mse_loss(rec, img_t)
            if args.lambda_lpips > 0:
                losses["lpips"] = args.lambda_lpips * distance(rec, img_t).mean()
            if args.lambda_mvg > 0:
                mvg = compute_mvg(d_latents, "W+", stats["mean_v"], stats["inv_cov_v"])
                losses["mvg"] = args.lambda_mvg * mvg
            if args.lambda_delta > 0:
                losses["delta"] = args.lambda_delta * delta_loss(d_latents["W+"])
            if args.lambda_f_rec > 0:
                distances = [F.mse_loss(d_latents[k], d_latents_init[k]) for k in d_latents if k != "W+"]
                losses["frec"] = args.lambda_f_rec * torch.stack([torch.tensor(0.0).cuda(), *distances]).sum()
            optimizer.zero_grad()
            sum(losses.values()).backward()
            optimizer.step()
            if i % args.save_frequency == 0:
                print(f"[{name} (step {i:04d})]:", *(f"{k}: {loss:.3f}" for k, loss in losses.items()))

        if args.image_category == "cars":
            rec_full = rec_full[:, :, 64:-64, :]
        tensor2pil(rec_full.squeeze(0)).save(os.path.join(final, "reconstruction.png"))
        d_latents_out = {k: latent.detach().clone().cuda() for k, latent in d_latents.items()}
        torch.save(d_latents_out, saved)
        tensor2pil(img_full_t.squeeze(0)).save(os.path.join(final, "input.png"))
