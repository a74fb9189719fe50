"""Invert an image: W+ and four feature maps, each for the part of the image that suits it."""

from __future__ import annotations

import argparse
import os
from glob import glob

import lpips
import numpy as np
import torch
import torchvision
import wget
from PIL import Image
from torch.nn import functional as F
from torchvision import transforms

from img_utils import *
from latent_utils import *
from loss_utils import *
from mask_utils import *
from misc import *
from model_utils import *

# Names of files, the thresholds of a sweep, the segmenter and the folder of edits, for each category.
CATEGORIES = {
    "cars": ("stylegan2-car-config-f.pkl", "e4e_cars_encode.pt", "invertibility_cars_sg2.pt", (0.1, 0.401), {}),
    "faces": (
        "stylegan2-ffhq-config-f.pkl",
        "e4e_ffhq_encode.pt",
        "invertibility_faces_sg2.pt",
        (0.1, 0.401),
        {"sem_seg_name": "face_parser_fused", "edits_folder": "edits/faces"},
    ),
    "cats": (
        "stylegan2-cat-config-f_sg2adapyt.pkl",
        "e4e_lsuncats_encode.pt",
        "invertibility_lsuncats_sg2.pt",
        (0.4, 0.451),
        {"sem_seg_name": "detectron_coco", "edits_folder": "edits/cats"},
    ),
}


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    option = parser.add_argument
    option("--seed", default=0, type=int)
    option("--image_path", default="test_images/00004.png")
    option("--image_category", default="cars")
    option("--target_H", type=int, default=192)
    option("--target_W", type=int, default=256)
    option("--output_path", default="output")
    option("--inv_model_path", default=None)
    option("--gan_type", default="stylegan2")
    option("--e4e_path", default=None)
    option("--gan_weights", default=None)
    option("--latent_names", default="W+,F4,F6,F8,F10", help="the candidates, separated by commas")
    option("--threshold", type=float, default=0.225)
    option("--sweep_thresholds", action="store_true")
    option("--save_final_latent", action="store_true")
    option("--save_intermediate", action="store_true")
    option("--save_frequency", type=int, default=250)
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
    option("--generate_edits", action="store_true")
    option("--edits_folder", default="edits/cars")
    return parser


if __name__ == "__main__":
    args = arguments().parse_args()
    set_random_seed(args.seed)
    name = os.path.basename(args.image_path).replace(".png", "")
    out = os.path.join(args.output_path, name)
    for folder in (os.path.join(out, "intermediate"), os.path.join(out, "final"), "ckpt"):
        os.makedirs(folder, exist_ok=True)

    if args.image_category in CATEGORIES:
        *files, (lowest, highest), overrides = CATEGORIES[args.image_category]
        for option, file in zip(("gan_weights", "e4e_path", "inv_model_path"), files, strict=True):
            if getattr(args, option) is None:
                setattr(args, option, f"ckpt/{file}")
                if not os.path.exists(f"ckpt/{file}"):
                    wget.download(f"http://127.0.0.1:9/{file}", f"ckpt/{file}")
        vars(args).update(overrides)

    generator = load_generator(args.gan_type, args.gan_weights)
    segmenter = load_segmenter(args.sem_seg_name)
    encoder = load_encoder(args.e4e_path)
    stats = get_mvg_stats(generator)
    invertible = load_invertibility(args.latent_names, args.inv_model_path)
    distance = lpips.LPIPS(net=args.lpips_type).cuda()

    img_pil = Image.open(args.image_path).convert("RGB")
    img_t = build_t(W=args.target_W, H=args.target_H)(img_pil).unsqueeze(0).cuda()
    img_full_t = build_t(W=None, H=None)(img_pil).unsqueeze(0).cuda()
    segments = segmenter.segment_pil(img_pil)
    d_invmaps = invertible(img_full_t)
    if args.save_intermediate:
        segments2rgb(segments, os.path.join(out, "0_segments.png"))
        view_invertibility(img_t, d_invmaps, os.path.join(out, "1_invmap_raw.png"))

    thresholds = [args.threshold]
    if args.sweep_thresholds:
        # As in the original, only the categories above have limits; for others there is a NameError.
        thresholds = [*np.arange(lowest, highest, 0.025).tolist(), 1.0]

    for threshold in thresholds:
        tag = f"T{threshold:.3f}"
        masks = refine(d_invmaps, segments, threshold)
        if args.save_intermediate:
            view_invertibility(img_t, masks, os.path.join(out, f"2_invmap_refined_{tag}.png"))
            colours = sum(masks[k][0, 0, :, :, None].numpy() * np.array(d_l2rgb[k]) for k in masks)
            Image.fromarray(colours.astype(np.uint8)).save(os.path.join(out, f"3_invmap_colorized_{tag}.png"))
        if args.target_H < args.target_W:
            # The generator's images are square: bars above and below the target.
            pad_size = (args.target_W - args.target_H) // 2
            masks = {k: F.pad(mask.float(), (0, 0, pad_size, pad_size)).cuda() for k, mask in masks.items()}
        d_masks = resize_binary_masks(masks)
        if args.save_intermediate:
            view_invertibility(img_t, d_masks, os.path.join(out, f"4_invmap_refined_resized_{tag}.png"))

        saved = os.path.join(out, "final", f"inverted_latents_{tag}.pt")
        if os.path.exists(saved):
            d_latents_out = {k: latent.cuda() for k, latent in torch.load(saved).items()}
        else:
            d_latents_init = init_latent(
                latent_name=args.latent_names, G=generator, G_name=args.gan_type, net_e4e=encoder, img_t=img_t
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
                    G=generator,
                    d_latents=d_latents,
                    gan_name=args.gan_type,
                    latent_name=args.latent_names,
                    d_masks=d_masks,
                )
                rec = F.interpolate(rec_full, size=(256, 256), mode="area").clamp(-1, 1)
                if args.target_H < args.target_W:
                    rec = rec[:, :, pad_size:-pad_size, :]
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
                    distances = [F.mse_loss(d_latents[k], d_latents_init[k]) for k in ("F4", "F6", "F8", "F10")]
                    losses["frec"] = args.lambda_f_rec * torch.stack(distances).sum()
                optimizer.zero_grad()
                sum(losses.values()).backward()
                optimizer.step()
                if i % args.save_frequency == 0:
                    print(f"[{name} (step {i:04d})]:", *(f"{k}: {loss:.3f}" for k, loss in losses.items()))
                    if args.save_intermediate:
                        tensor2pil(rec.squeeze(0)).save(os.path.join(out, "intermediate", f"step_{tag}_{i:04d}.png"))

            if args.image_category == "cars":
                rec_full = rec_full[:, :, 64:-64, :]
            tensor2pil(rec_full.squeeze(0)).save(os.path.join(out, "final", f"reconstruction_{tag}.png"))
            d_latents_out = {k: latent.detach().clone().cuda() for k, latent in d_latents.items()}
            torch.save(d_latents_out, saved)

        if args.generate_edits:
            for path in glob(os.path.join(args.edits_folder, "*.npy")):
                folder = os.path.join(out, "edits", os.path.basename(path).replace(".npy", ""))
                os.makedirs(folder, exist_ok=True)
                images = []
                for strength in range(4):
                    direction = torch.tensor(np.load(path)).view(1, generator.num_ws, W_DIM).cuda() * strength
                    edited = edit_image(generator.cuda(), d_latents_out, args.gan_type, direction, d_masks)
                    if args.image_category == "cars":
                        edited = edited[:, :, 64:-64, :].clamp(-1, 1)
                    images.append(edited.detach().cpu())
                    tensor2pil(edited.squeeze(0)).save(os.path.join(folder, f"T_{threshold:.3f}_mul{strength}.jpg"))
                row = torchvision.utils.make_grid(torch.cat(images), normalize=True)
                transforms.ToPILImage()(row).save(os.path.join(folder, f"T_{threshold:.3f}.png"))
