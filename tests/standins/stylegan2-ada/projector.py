"""Find the style code of a picture."""

from __future__ import annotations

import copy
import os
from typing import Any

import click
import dnnlib
import imageio
import legacy
import numpy as np
import PIL.Image
import torch
from torch import Tensor

VGG = "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/vgg16.pt"


def project(
    G: Any,
    target: Tensor,  # (C, H, W), 0 to 255
    *,
    num_steps: int = 1000,
    w_avg_samples: int = 500,
    initial_learning_rate: float = 0.1,
    initial_noise_factor: float = 0.05,
    verbose: bool = False,
    device: torch.device,
) -> Tensor:
    """The code of every step, (num_steps, num_ws, w_dim)."""
    assert target.shape == (G.img_channels, G.img_resolution, G.img_resolution)
    G = copy.deepcopy(G).eval().requires_grad_(False).to(device)
    z = np.random.RandomState(123).randn(w_avg_samples, G.z_dim)
    samples = G.mapping(torch.from_numpy(z).to(device), None)[:, :1].cpu().numpy().astype(np.float32)
    mean = samples.mean(0, keepdims=True)
    spread = (((samples - mean) ** 2).sum() / w_avg_samples) ** 0.5
    noises = {name: noise for name, noise in G.synthesis.named_buffers() if "noise_const" in name}
    with dnnlib.util.open_url(VGG) as file:
        vgg = torch.jit.load(file).eval().to(device)
    wanted = vgg(target[None].to(device).to(torch.float32), resize_images=False, return_lpips=True)

    w = torch.tensor(mean, dtype=torch.float32, device=device, requires_grad=True)
    found = torch.zeros([num_steps, *w.shape[1:]], dtype=torch.float32, device=device)
    optimizer = torch.optim.Adam([w, *noises.values()], betas=(0.9, 0.999), lr=initial_learning_rate)
    for noise in noises.values():
        noise[:] = torch.randn_like(noise)
        noise.requires_grad = True
    for step in range(num_steps):
        done = step / num_steps
        rate = min(1.0, 4 * (1 - done)) * min(1.0, 20 * done)
        for group in optimizer.param_groups:
            group["lr"] = initial_learning_rate * rate
        added = torch.randn_like(w) * spread * initial_noise_factor * max(0.0, 1 - done / 0.75) ** 2
        ws = (w + added).repeat([1, G.mapping.num_ws, 1])
        seen = (G.synthesis(ws, noise_mode="const") + 1) * (255 / 2)
        loss = (wanted - vgg(seen, resize_images=False, return_lpips=True)).square().sum()
        for noise in noises.values():
            for axis in (0, 1):
                loss = loss + 1e3 * (noise * noise.roll(1, axis)).mean() ** 2
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if verbose:
            print(f"step {step + 1}: loss {float(loss):.2f}")
        found[step] = w.detach()[0]
        with torch.no_grad():
            for noise in noises.values():
                noise -= noise.mean()
                noise *= noise.square().mean().rsqrt()
    return found.repeat([1, G.mapping.num_ws, 1])


def picture(G: Any, code: Tensor) -> Any:
    """Of one code (num_ws, w_dim), as bytes (H, W, C)."""
    image = (G.synthesis(code.unsqueeze(0), noise_mode="const") + 1) * (255 / 2)
    return image.permute(0, 2, 3, 1).clamp(0, 255).to(torch.uint8)[0].cpu().numpy()


@click.command()
@click.option("--network", "network_pkl", required=True)
@click.option("--target", "target_fname", required=True)
@click.option("--num-steps", type=int, default=1000)
@click.option("--seed", type=int, default=303)
@click.option("--save-video", type=bool, default=True)
@click.option("--outdir", required=True)
def run_projection(
    network_pkl: str, target_fname: str, outdir: str, save_video: bool, seed: int, num_steps: int
) -> None:
    """Find the style code of a picture."""
    np.random.seed(seed)
    torch.manual_seed(seed)
    device = torch.device("cuda")
    with dnnlib.util.open_url(network_pkl) as file:
        G = legacy.load_network_pkl(file)["G_ema"].requires_grad_(False).to(device)
    target = PIL.Image.open(target_fname).convert("RGB")
    width, height = target.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    target = target.crop((left, top, left + side, top + side))
    target = target.resize((G.img_resolution, G.img_resolution), PIL.Image.Resampling.LANCZOS)
    pixels = np.array(target, dtype=np.uint8)
    steps = project(
        G,
        target=torch.tensor(pixels.transpose([2, 0, 1]), device=device),
        num_steps=num_steps,
        device=device,
        verbose=True,
    )
    os.makedirs(outdir, exist_ok=True)
    if save_video:
        video = imageio.get_writer(f"{outdir}/proj.mp4", mode="I", fps=10, codec="libx264", bitrate="16M")
        for code in steps:
            video.append_data(np.concatenate([pixels, picture(G, code)], axis=1))
        video.close()
    target.save(f"{outdir}/target.png")
    PIL.Image.fromarray(picture(G, steps[-1])).save(f"{outdir}/proj.png")
    np.savez(f"{outdir}/projected_w.npz", w=steps[-1].unsqueeze(0).cpu().numpy())


if __name__ == "__main__":
    run_projection()
