"""Projects pictures onto a generator, all at once."""

from __future__ import annotations

import argparse
import os

import lpips
import torch
from model import Generator
from PIL import Image
from torch import Tensor, optim
from torch.nn import functional as F
from torchvision import transforms
from tqdm import tqdm


def noise_regularize(noises: list[Tensor]) -> Tensor:
    """Squared correlations of neighbours."""
    shifted = [(noise * noise.roll(1, dims)).mean().square() for noise in noises for dims in (2, 3)]
    return torch.stack(shifted).sum()


def latent_noise(latent: Tensor, strength: float) -> Tensor:
    """A code near another."""
    return latent + strength * torch.randn_like(latent)


def make_image(tensor: Tensor) -> list[Image.Image]:
    """Pictures of 8 bits."""
    levels = tensor.detach().clamp(-1, 1).add(1).mul(127.5).byte().permute(0, 2, 3, 1).to("cpu").numpy()
    return [Image.fromarray(one) for one in levels]


if __name__ == "__main__":
    device = "cuda"
    parser = argparse.ArgumentParser()
    parser.add_argument("--ckpt", required=True)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--noise", type=float, default=0.05)
    parser.add_argument("--step", type=int, default=1000)
    parser.add_argument("--noise_regularize", type=float, default=1e5)
    parser.add_argument("--mse", type=float, default=0)
    parser.add_argument("--w_plus", action="store_true")
    parser.add_argument("files", metavar="FILES", nargs="+")
    args = parser.parse_args()

    side = min(args.size, 256)
    prepare = transforms.Compose(
        [
            transforms.Resize(side),
            transforms.CenterCrop(side),
            transforms.ToTensor(),
            transforms.Normalize([0.5] * 3, [0.5] * 3),
        ]
    )
    imgs = torch.stack([prepare(Image.open(name).convert("RGB")) for name in args.files]).to(device)

    g_ema = Generator(args.size, 512, 8)
    g_ema.load_state_dict(torch.load(args.ckpt)["g_ema"], strict=False)
    g_ema = g_ema.eval().to(device)
    with torch.no_grad():
        samples = g_ema.style(torch.randn(256, 512, device=device))
        mean = samples.mean(0)
        std = (samples - mean).square().sum(1).mean().sqrt().item()
    percept = lpips.PerceptualLoss(model="net-lin", net="vgg", use_gpu=device.startswith("cuda"))

    noises = [noise.repeat(len(imgs), 1, 1, 1).normal_() for noise in g_ema.make_noise()]
    latent_in = mean.repeat(len(imgs), 1)
    if args.w_plus:
        latent_in = latent_in.unsqueeze(1).repeat(1, g_ema.n_latent, 1)
    for leaf in (latent_in, *noises):
        leaf.requires_grad = True
    optimizer = optim.Adam([latent_in, *noises], lr=args.lr)

    latent_path = []
    for i in tqdm(range(args.step)):
        optimizer.param_groups[0]["lr"] = args.lr * min(1, 4 * (1 - i / args.step))
        latent_n = latent_noise(latent_in, std * args.noise * (1 - i / args.step) ** 2)
        img_gen, _ = g_ema([latent_n], input_is_latent=True, noise=noises)
        loss = percept(img_gen, imgs).sum() + args.mse * F.mse_loss(img_gen, imgs)
        loss = loss + args.noise_regularize * noise_regularize(noises)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for noise in noises:
            noise.data.sub_(noise.data.mean()).div_(noise.data.std())
        if (i + 1) % 100 == 0:
            latent_path.append(latent_in.detach().clone())

    img_gen, _ = g_ema([latent_path[-1]], input_is_latent=True, noise=noises)
    pictures, result_file = make_image(img_gen), {}
    for i, name in enumerate(args.files):
        noise_single = [noise[i : i + 1] for noise in noises]
        result_file[name] = {"img": img_gen[i], "latent": latent_in[i], "noise": noise_single}
        pictures[i].save(os.path.splitext(os.path.basename(name))[0] + "-project.png")
    torch.save(result_file, os.path.splitext(os.path.basename(args.files[0]))[0] + ".pt")
