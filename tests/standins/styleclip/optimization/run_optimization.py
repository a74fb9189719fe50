"""Moves a code until its picture is what a text says."""

from __future__ import annotations

import argparse
import os

import clip
import torch
from criteria.clip_loss import CLIPLoss
from criteria.id_loss import IDLoss
from mapper.training.train_utils import STYLESPACE_DIMENSIONS
from models.stylegan2.model import Generator
from torch import Tensor, optim
from torchvision.utils import save_image
from tqdm import tqdm
from utils import ensure_checkpoint_exists

WITHOUT_TORGB = [i for i in range(len(STYLESPACE_DIMENSIONS)) if i % 3 != 1]


def main(args: argparse.Namespace) -> Tensor:
    """The edited picture, below the one that it was."""
    ensure_checkpoint_exists(args.ckpt)
    text = torch.cat([clip.tokenize(args.description)]).cuda()
    os.makedirs(args.results_dir, exist_ok=True)
    g_ema = Generator(args.stylegan_size, 512, 8)
    g_ema.load_state_dict(torch.load(args.ckpt)["g_ema"], strict=False)
    g_ema.eval().cuda()
    mean = g_ema.mean_latent(64)
    if args.latent_path:
        start = torch.load(args.latent_path).cuda()
    elif args.mode == "edit":
        with torch.no_grad():
            sample = torch.randn(1, 512).cuda()
            start = g_ema([sample], return_latents=True, truncation=args.truncation, truncation_latent=mean)[1]
    else:
        start = mean.detach().clone().repeat(1, 18, 1)
    with torch.no_grad():
        before = g_ema([start], input_is_latent=True, randomize_noise=False)[0]
    if args.work_in_stylespace:
        raise NotImplementedError("StyleSpace is left out")
    latent = start.detach().clone()
    latent.requires_grad = True
    clip_loss, id_loss = CLIPLoss(args), IDLoss(args)
    optimizer = optim.Adam([latent], lr=args.lr)
    for i in tqdm(range(args.step)):
        optimizer.param_groups[0]["lr"] = args.lr * min(1, 20 * i / args.step, 4 * (1 - i / args.step))
        after = g_ema([latent], input_is_latent=True, randomize_noise=False)[0]
        loss = clip_loss(after, text)
        if args.mode == "edit":
            loss = loss + args.l2_lambda * (start - latent).square().sum()
            loss = loss + args.id_lambda * id_loss(after, before)[0]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if args.save_intermediate_image_every > 0 and i % args.save_intermediate_image_every == 0:
            with torch.no_grad():
                shown = g_ema([latent], input_is_latent=True, randomize_noise=False)[0]
            save_image(shown, f"results/{i:05d}.jpg", normalize=True, range=(-1, 1))
    return torch.cat([before, after]) if args.mode == "edit" else after


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--description", default="a person with purple hair")
    parser.add_argument("--ckpt", default="../pretrained_models/stylegan2-ffhq-config-f.pt")
    parser.add_argument("--stylegan_size", type=int, default=1024)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--step", type=int, default=300)
    parser.add_argument("--mode", default="edit", choices=["edit", "free_generation"])
    parser.add_argument("--l2_lambda", type=float, default=0.008)
    parser.add_argument("--id_lambda", type=float, default=0.0)
    parser.add_argument("--latent_path", default=None)
    parser.add_argument("--truncation", type=float, default=0.7)
    parser.add_argument("--work_in_stylespace", default=False, action="store_true")
    parser.add_argument("--save_intermediate_image_every", type=int, default=20)
    parser.add_argument("--results_dir", default="results")
    parser.add_argument("--ir_se50_weights", default="../pretrained_models/model_ir_se50.pth")
    args = parser.parse_args()
    image = main(args).detach().cpu()
    path = os.path.join(args.results_dir, "final_result.jpg")
    save_image(image, path, normalize=True, scale_each=True, range=(-1, 1))
