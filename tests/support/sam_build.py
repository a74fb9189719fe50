"""Builds synthetic weights, targets and edits for a copy of SAM; run as a script by sam_assets.

It has a process of its own because it imports the repository's ``models`` and ``training``, names that a test
process must not see. The weights are random, which is no evidence of quality; they make the scripts' mechanics
run.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from weight_files import write, write_lpips_backbones

MEAN_SAMPLES = 4096
IMAGE_STD = 0.4  # about that of photographs in [-1, 1]
LAYERS = "W+,F4,F6,F8,F10"
# A layer is chosen for a segment that is at most threshold / gain bright: at the default threshold of 0.225
# a photograph has segments of all five.
GAINS = {"W+": 1.0, "F4": 0.6, "F6": 0.45, "F8": 0.35, "F10": 0.1}


def main() -> None:
    """Build everything that the JSON specification in argv[1] asks for."""
    spec = SimpleNamespace(**json.loads(sys.argv[1]))
    torch.manual_seed(spec.seed)
    write_lpips_backbones(Path(spec.torch_home))
    targets = write_targets(Path(spec.folder), spec.images, spec.seed)
    source = Path(spec.root) / "src"
    sys.path[:0] = [str(source)]
    sys.path += [str(source / "nets" / "stylegan3")]
    with torch.no_grad():
        generator = build_generator(spec.resolution)
        write_generator(Path(spec.generator), generator)
        write_edits(Path(spec.edits), generator)
        sys.path[:0] = [str(source / "nets" / "encoder4editing")]
        write(spec.encoder, encoder_checkpoint(generator, targets))
        with mock.patch("torch.serialization.location_tag", return_value="cuda:0"):
            # Trained, and so saved, on a GPU; a CPU reads such a file only if asked to.
            write(spec.invertibility, invertibility_checkpoint())
            write(spec.face_parser, {"classes": torch.tensor(19)})
        for half in spec.scene_parser:  # the stand-in reads neither, but the script would download what it cannot find
            write(half, {})
    print(json.dumps({"num_ws": generator.num_ws, "w_dim": generator.w_dim}))


def build_generator(resolution: int) -> Any:
    """A random generator whose feature maps fit the repository's: photograph-like contrast, W not centred on 0."""
    from training.networks_stylegan2 import Generator  # type: ignore[import-not-found]

    features = feature_shapes()
    width = features["F4"][1]
    generator = Generator(
        z_dim=width,
        c_dim=0,
        w_dim=width,
        img_resolution=resolution,
        img_channels=3,
        channel_base=128 * features["F10"][1],
        channel_max=width,
        num_fp16_res=0,
    )
    generator.eval().requires_grad_(False)
    for name, parameter in generator.named_parameters():
        if name.startswith("mapping.") and name.endswith("bias"):
            parameter.normal_(std=20)  # the mapping network multiplies it by its lr_multiplier of 0.01
        elif name.endswith("noise_strength"):
            parameter.fill_(0.05)
    generator.mapping.w_avg.copy_(sample_w(generator, MEAN_SAMPLES).mean(0))
    gain = IMAGE_STD / generator.synthesis(truncated(generator, 4)[:, None].repeat(1, generator.num_ws, 1)).std()
    for name, parameter in generator.named_parameters():
        if name.endswith("torgb.weight"):
            parameter.mul_(gain)
    return generator


def feature_shapes() -> dict[str, torch.Size]:
    """The shapes of the five latents; upstream has the feature maps' in its source, so it is asked."""
    from latent_utils import init_latent  # type: ignore[import-not-found]

    latents = init_latent(LAYERS, net_e4e=lambda image, return_latents: (None, torch.zeros(1, 1, 1)), device="cpu")
    return {name: latent.shape for name, latent in latents.items()}


def sample_w(generator: Any, count: int) -> Tensor:
    """Random codes in W, (count, w_dim)."""
    w: Tensor = generator.mapping(torch.randn(count, generator.z_dim), None)[:, 0]
    return w


def truncated(generator: Any, count: int, psi: float = 0.7) -> Tensor:
    """Random codes in W, (count, w_dim), drawn towards the centre as an encoder's estimates are."""
    center: Tensor = generator.mapping.w_avg
    return center + psi * (sample_w(generator, count) - center)


def write_generator(path: Path, generator: nn.Module) -> None:
    """The pickle of a training run; the loader wants a discriminator, too."""
    with path.open("wb") as file:
        pickle.dump({"G": generator, "D": nn.Identity(), "G_ema": generator}, file)


def write_edits(folder: Path, generator: Any) -> None:
    """Directions between two styles, (1, num_ws, w_dim); as upstream's, they act on some layers only."""
    folder.mkdir()
    for name, layers in (("coarse", slice(0, 4)), ("middle", slice(4, 8))):
        first, second = truncated(generator, 2)
        direction = torch.zeros(1, generator.num_ws, generator.w_dim)
        direction[:, layers] = (second - first) / 3
        np.save(folder / f"{name}.npy", direction.numpy())


def encoder_checkpoint(generator: Any, targets: Tensor) -> dict[str, Any]:
    """An encoder4editing checkpoint of 1 MB: the estimate is a mean style, moved a little by the target's brightness.

    Every weight but the last layer's is one number, so that neither file nor arithmetic is random.
    """
    from models.psp import pSp  # type: ignore[import-not-found]

    options = {
        "stylegan_size": generator.img_resolution,
        "encoder_type": "SingleStyleCodeEncoder",
        "start_from_latent_avg": True,
        "checkpoint_path": None,
        "device": "cuda:0",
    }
    with mock.patch.object(pSp, "load_weights"):
        network = pSp(argparse.Namespace(**options)).eval()
    state = {name: constant_weight(name, value) for name, value in network.state_dict().items()}
    network.load_state_dict(state)
    features = network.encoder.output_pool(network.encoder.body(network.encoder.input_layer(targets)))
    direction = truncated(generator, 1)[0] - generator.mapping.w_avg
    share = direction / features.sum(1).abs().max() / network.encoder.linear.scale
    state["encoder.linear.weight"] = (0.5 * share)[:, None].expand(len(direction), features.shape[1])
    return {
        "state_dict": state,
        "latent_avg": truncated(generator, generator.num_ws),
        "opts": options,
        # Trainers store more than tensors, and torch.load refuses some of it by default.
        "best_val_loss": np.float64(0.5),
        "training": argparse.Namespace(max_steps=1),
    }


def constant_weight(name: str, value: Tensor) -> Tensor:
    """Averaging for the encoder, zeros for the decoder, whose image nobody looks at; as tensors that take no room."""
    if name.startswith("decoder.") or name.endswith(("bias", "running_mean", "num_batches_tracked")):
        number = 0.0
    else:
        number = 1 / value[0].numel() if value.ndim > 1 else 1.0
    return torch.tensor(number).to(value.dtype).expand(value.shape)


def invertibility_checkpoint() -> dict[str, dict[str, Tensor]]:
    """A network that finds bright places hard to invert, the more so the smaller the layer."""
    from model_utils import layer_head  # type: ignore[import-not-found]
    from sam_nets import DeepLab

    base, heads = DeepLab(num_classes=8).state_dict(), {}
    # (r + g + b) / 3, from [-1, 1] to [0, 1]
    base["conv.weight"].zero_()[0], base["conv.bias"].zero_()[0] = 1 / 6, 0.5
    for name, gain in GAINS.items():
        head = layer_head().eval()
        for weight in (head.m[0].weight, head.m[0].bias, head.m[3].weight, head.m[3].bias):
            weight.zero_()
        head.m[0].weight[0, 0, 1, 1], head.m[3].weight[0, 0] = 1, gain
        heads[name] = head.state_dict()
    return {"sd_base": base, **heads}


def write_targets(folder: Path, count: int, seed: int) -> Tensor:
    """Crops of a public-domain photograph, square ones and for SAM's cars wide ones; the square, (count, 3, H, W)."""
    from skimage import data

    photograph = Image.fromarray(data.astronaut())  # 512x512
    rng = np.random.default_rng(seed)
    for name in ("images", "wide"):
        (folder / name).mkdir()
    crops = []
    for number in range(count):
        left, top = (96, 0) if number == 0 else (int(x) for x in rng.integers(0, 256, size=2))
        square = photograph.crop((left, top, left + 256, top + 256))
        square.save(folder / "images" / f"crop{number}.png")
        square.crop((0, 32, 256, 224)).save(folder / "wide" / f"crop{number}.png")
        crops.append(torch.from_numpy(np.array(square)).permute(2, 0, 1) / 127.5 - 1)
    return torch.stack(crops)


if __name__ == "__main__":
    main()
