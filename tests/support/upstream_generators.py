"""Writes a generator of a real upstream class, as that upstream saves it, and pictures that it makes.

Run as a script, in a process of its own: the upstreams share module names. Every parameter and buffer is random, since
the usual start (noise strength 0, biases 0, mean code 0) hides errors.
"""

from __future__ import annotations

import argparse
import copy
import importlib
import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pti_build import import_networks  # type: ignore[import-not-found]
from torch import Tensor, nn
from torch.utils import cpp_extension

from zplus_plugins.patches import removed_modules
from zplus_plugins.upstreams import Journal

SEED = 5
NOISES = ("const", "none")


class Made(NamedTuple):
    """What has been saved: Z to W, pictures of codes in W+ with or without noise, the codes' number, the mean code."""

    mapping: Callable[[Tensor], Tensor]
    picture: Callable[[Tensor, str], Tensor]
    layers: int
    mean: Tensor | None


def main() -> None:
    """``argv``: a JSON object of family, root, folder and the family's arguments; with z_dim, pictures are made too."""
    spec = json.loads(sys.argv[1])
    sys.path.insert(0, spec["root"])
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    folder = Path(spec["folder"])
    nobody: Any = None  # which the patch does not look at
    with Journal() as journal, torch.no_grad():
        removed_modules.PATCH.install(journal, nobody)
        made = FAMILIES[spec["family"]](folder / "generator", **spec["arguments"])
        if "z_dim" not in spec:
            return
        z = torch.randn(2, spec["z_dim"])
        w = made.mapping(z)
        codes = made.mapping(torch.randn(2 * made.layers, spec["z_dim"])).reshape(2, made.layers, -1)
        pictures = {noise: made.picture(codes, noise) for noise in NOISES}
        more = _gradient(made, codes) if spec.get("gradient") else {}
    expected = {"z": z, "w": w, "codes": codes, "pictures": pictures, "mean": made.mean, **more}
    torch.save(expected, folder / "expected.pt")


@torch.enable_grad()
def _gradient(made: Made, codes: Tensor) -> dict[str, Tensor]:
    """The gradient by codes of the pictures' sum with random weights, and these."""
    leaf = codes.clone().requires_grad_()
    pictures = made.picture(leaf, "const")
    weights = torch.randn_like(pictures)
    return {"weights": weights, "gradient": torch.autograd.grad(pictures, leaf, weights)[0]}


def randomised(network: nn.Module, lr_multiplier: float = 0.01) -> nn.Module:
    """The same in evaluation mode, with numbers of about a trained network's size."""
    for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
        if name.startswith(("mapping.fc", "mapping.dense", "style.")) and name.endswith("bias"):
            tensor.normal_(std=0.3 / lr_multiplier)
        elif name.endswith("transform"):
            tensor.copy_(torch.tensor([[0.9, -0.3, 0.1], [0.25, 1.1, -0.07], [0, 0, 1]]))
        elif name.endswith("magnitude_ema"):
            tensor.uniform_(0.5, 2)
        elif name.endswith("input.affine.weight"):
            tensor.normal_(std=0.3)
        elif name.endswith(("noise_strength", "noise.weight")):
            tensor.uniform_(-0.5, 0.5)
        elif name.endswith("bias"):
            tensor.add_(torch.randn_like(tensor), alpha=0.4)
        elif name.endswith(("w_avg", "const", "input.input")):
            tensor.normal_()
        elif name.endswith("weight"):
            tensor.mul_(torch.rand_like(tensor) + 0.5)
    return network.eval().requires_grad_(False)


def nvlabs(
    path: Path,
    networks: str,
    name: str,
    whole: bool = False,
    augmented: bool = False,
    c_dim: int = 0,
    label: tuple[float, ...] = (),
    **arguments: Any,
) -> Made:
    """A snapshot of stylegan2-ada-pytorch or stylegan3; ``whole`` saves the one network as PTI does.

    The codes of a conditional one are those of a label.
    """
    module = import_networks(networks, name)
    lr_multiplier = arguments.get("mapping_kwargs", {}).get("lr_multiplier", 0.01)
    other = module.Generator(c_dim=c_dim, **{"img_channels": 3, **arguments})
    network: Any = randomised(copy.deepcopy(other), lr_multiplier)
    if whole:
        torch.save(network, path)
    else:
        from dnnlib import EasyDict  # type: ignore[import-not-found]

        small = {"img_resolution": 16, "channel_base": 256, "channel_max": 16}
        has_judge = hasattr(module, "Discriminator")  # StyleGAN3's is StyleGAN2's, in another module
        judge = module.Discriminator(c_dim=0, img_channels=3, **small) if has_judge else None
        options = EasyDict(class_name="training.dataset.ImageFolderDataset", max_size=None, xflip=False)
        pipe = importlib.import_module("training.augment").AugmentPipe(imgfilter=1) if augmented else None
        snapshot = {"G": other, "D": judge, "G_ema": network, "training_set_kwargs": options, "augment_pipe": pipe}
        path.write_bytes(pickle.dumps(snapshot))

    def picture(codes: Tensor, noise: str) -> Tensor:
        made: Tensor = network.synthesis(codes, noise_mode=noise, force_fp32=True)
        return made

    def mapped(z: Tensor) -> Tensor:
        style: Tensor = network.mapping(z, torch.tensor([label]).repeat(len(z), 1))[:, 0]
        return style

    return Made(mapped, picture, network.num_ws, network.mapping.w_avg)


def _within(form: str, state: dict[str, Tensor], extra: dict[str, Any]) -> dict[str, Any]:
    """A generator's state in another form than its trainer's."""
    if form == "e4e":
        encoder = {"encoder.input_layer.0.weight": torch.zeros(4, 3, 3, 3)}
        return {"state_dict": encoder | {f"decoder.{name}": tensor for name, tensor in state.items()}, **extra}
    if form == "without noises":
        return {"g_ema": {name: tensor for name, tensor in state.items() if not name.startswith("noises.")}, **extra}
    if form == "DataParallel":
        return {"g_ema": {f"module.{name}": tensor for name, tensor in state.items()}, **extra}
    return {"g": {"g": state, "d": {}}, "bare": dict(state)}.get(form, {"g_ema": state, **extra})


def rosinality(path: Path, converted: bool = False, form: str = "", **arguments: Any) -> Made:
    """A checkpoint of stylegan2-pytorch's trainer, or of its converter, which adds the mean code."""
    cpp_extension.load = lambda *args, **kwargs: None  # the operations are compiled as they are imported
    network: Any = randomised(importlib.import_module("model").Generator(**arguments))
    options = argparse.Namespace(path="lmdb", size=arguments["size"], lr=0.002, betas=(0.0, 0.99), distributed=False)
    extra: dict[str, Any] = (
        {"latent_avg": torch.randn(arguments["style_dim"])} if converted else {"args": options, "ada_aug_p": 0.0}
    )
    torch.save(network if form == "whole" else _within(form, network.state_dict(), extra), path)

    def picture(codes: Tensor, noise: str) -> Tensor:
        silent = [torch.zeros_like(getattr(network.noises, f"noise_{i}")) for i in range(network.num_layers)]
        noises = {"noise": silent} if noise == "none" else {"randomize_noise": False}
        made: Tensor = network([codes], input_is_latent=True, **noises)[0]
        return made

    mean = None if form in ("g", "bare", "whole") else extra.get("latent_avg")
    return Made(network.style, picture, network.n_latent, mean)


def genforce(path: Path, name: str = "StyleGAN2Generator", **arguments: Any) -> Made:
    """A checkpoint of genforce's trainer."""
    network: Any = randomised(getattr(importlib.import_module("models"), name)(**arguments))
    models = {"generator": network.state_dict(), "generator_smooth": network.state_dict()}
    torch.save({"models": models, "running_metadata": {"iter": 7}}, path)

    def picture(codes: Tensor, noise: str) -> Tensor:
        silent = copy.deepcopy(network)
        if noise == "none":
            for layer in silent.modules():
                if hasattr(layer, "noise"):
                    layer.noise.zero_()
        made: Tensor = silent.synthesis(codes)["image"]
        return made

    return Made(lambda z: network.mapping(z)["w"], picture, network.num_layers, network.truncation.w_avg)


def tensorflow(path: Path) -> Made:
    """A pickle of TensorFlow's, which is there already, and what NVlabs' legacy.py makes of it."""
    with path.open("rb") as file:
        network: Any = importlib.import_module("legacy").load_network_pkl(file)["G_ema"]

    def picture(codes: Tensor, noise: str) -> Tensor:
        made: Tensor = network.synthesis(codes, noise_mode=noise, force_fp32=True)
        return made

    return Made(lambda z: network.mapping(z, None)[:, 0], picture, network.num_ws, network.mapping.w_avg)


FAMILIES: dict[str, Callable[..., Made]] = {
    **{"nvlabs": nvlabs, "rosinality": rosinality, "genforce": genforce, "tensorflow": tensorflow}
}

if __name__ == "__main__":
    main()
