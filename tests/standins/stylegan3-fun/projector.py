"""Find the style code of a picture, in W or in W+."""

from __future__ import annotations

import copy
import os
from typing import Any

import click
import dnnlib
import imageio
import legacy
import network_features  # noqa: F401 (as the original)
import numpy as np
import PIL.Image
import torch
from metrics import metric_utils
from torch import Tensor
from torch_utils import gen_utils

VGG = "https://api.ngc.nvidia.com/v2/models/nvidia/research/stylegan3/versions/1/files/metrics/vgg16.pkl"


def project(
    G: Any,
    target: PIL.Image.Image,
    *,
    num_steps: int = 1000,
    w_avg_samples: int = 500,
    initial_learning_rate: float = 0.1,
    initial_noise_factor: float = 0.05,
    project_in_wplus: bool = False,
    loss_paper: str = "sgan2",
    device: torch.device,
) -> tuple[Tensor, dict[str, Any]]:
    """The code of every step, (num_steps, num_ws, w_dim), and the settings."""
    assert target.size == (G.img_resolution, G.img_resolution)
    G = copy.deepcopy(G).eval().requires_grad_(False).to(device)
    z = np.random.RandomState(123).randn(w_avg_samples, G.z_dim)
    samples = G.mapping(torch.from_numpy(z).to(device), None)
    if not project_in_wplus:
        samples = samples[:, :1]
    mean = samples.mean(0, keepdim=True)
    spread = ((samples - mean).square().sum() / w_avg_samples) ** 0.5
    noises = {name: noise for name, noise in G.synthesis.named_buffers() if "noise_const" in name}
    vgg = metric_utils.get_feature_detector(VGG, device=device)
    pixels = torch.tensor(np.array(target, dtype=np.uint8).transpose([2, 0, 1]), device=device)
    wanted = vgg(pixels[None].to(torch.float32), resize_images=False, return_lpips=True)

    w = mean.clone().detach().requires_grad_(True)
    found = torch.zeros([num_steps, *w.shape[1:]], dtype=torch.float32, device=device)
    optimizer = torch.optim.Adam([w, *noises.values()], betas=(0.9, 0.999), lr=initial_learning_rate)
    for noise in noises.values():
        noise[:] = torch.randn_like(noise)
        noise.requires_grad = True
    status = {}
    for step in range(num_steps):
        added = torch.randn_like(w) * spread * initial_noise_factor * max(0.0, 1 - step / num_steps / 0.75) ** 2
        ws = w + added if project_in_wplus else (w + added).repeat([1, G.mapping.num_ws, 1])
        seen = (G.synthesis(ws, noise_mode="const") + 1) * (255 / 2)
        loss = (wanted - vgg(seen, resize_images=False, return_lpips=True)).square().sum()
        status = {"loss": loss.item()}
        print(f"step {step + 1}: loss {loss.item():.2f}", end="\r")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        found[step] = w.detach()[0]
        with torch.no_grad():
            for noise in noises.values():
                noise -= noise.mean()
                noise *= noise.square().mean().rsqrt()
    settings = {"num_steps": num_steps, "project_in_wplus": project_in_wplus, "last_commandline_status": status}
    return (found if project_in_wplus else found.repeat([1, G.mapping.num_ws, 1])), settings


@click.command()
@click.pass_context
@click.option("--network", "-net", "network_pkl", required=True)
@click.option("--cfg", type=click.Choice(["stylegan2", "stylegan3-t", "stylegan3-r"]))
@click.option("--target", "-t", "target_fname", type=click.Path(exists=True, dir_okay=False), required=True)
@click.option("--num-steps", "-nsteps", type=click.IntRange(min=0), default=1000)
@click.option("--seed", type=int, default=303)
@click.option("--stabilize-projection", is_flag=True)
@click.option("--save-video", "-video", is_flag=True)
@click.option("--project-in-wplus", "-wplus", is_flag=True)
@click.option(
    "--loss-paper", "-loss", type=click.Choice(["sgan2", "im2sgan", "discriminator", "clip"]), default="sgan2"
)
@click.option("--save-every-step", "-saveall", is_flag=True)
@click.option("--outdir", type=click.Path(file_okay=False), default=os.path.join(os.getcwd(), "out", "projection"))
def run_projection(
    ctx: click.Context,
    network_pkl: str,
    cfg: str | None,
    target_fname: str,
    num_steps: int,
    seed: int,
    stabilize_projection: bool,
    save_video: bool,
    project_in_wplus: bool,
    loss_paper: str,
    save_every_step: bool,
    outdir: str,
) -> None:
    """Find the style code of a picture."""
    torch.manual_seed(seed)
    network_pkl = gen_utils.resume_specs.get(cfg or "", {}).get(network_pkl, network_pkl)
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
    if stabilize_projection:
        gen_utils.anchor_latent_space(G)
    steps, settings = project(
        G,
        target=target,
        num_steps=num_steps,
        project_in_wplus=project_in_wplus,
        loss_paper=loss_paper,
        device=device,
    )
    space = "wplus" if project_in_wplus else "w"
    folder = gen_utils.make_run_dir(outdir, f"projection-{space}-wavgstart-{loss_paper}")
    ctx.obj = {"network_pkl": network_pkl, "seed": seed, "run_config": settings}
    gen_utils.save_config(ctx=ctx, run_dir=folder)
    middle = "_wplus_wavg" if project_in_wplus else "_wavg"
    target.save(os.path.join(folder, "target.jpg"))
    chosen = {f"_step{i}": code for i, code in enumerate(steps)} if save_every_step else {"_final": steps[-1]}
    for end, code in chosen.items():
        PIL.Image.fromarray(gen_utils.w_to_img(G, code)[0]).save(os.path.join(folder, f"proj{middle}{end}.jpg"))
        np.save(os.path.join(folder, f"projected{middle}{end}.npy"), code.unsqueeze(0).cpu().numpy())
    if save_video:
        video = imageio.get_writer(os.path.join(folder, f"proj{middle}.mp4"), mode="I", fps=30, codec="libx264")
        for code in steps:
            video.append_data(np.concatenate([pixels, gen_utils.w_to_img(G, code)[0]], axis=1))
        video.close()


if __name__ == "__main__":
    run_projection()
