"""Builds synthetic weights and pictures for a copy of the Feature-Style Encoder; run as a script by fse_assets.

It has a process of its own because it imports the repository's ``trainer`` and ``models``, names that a test process
must not see. The weights are random, which is no evidence of quality; they make the scripts' mechanics run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import models
from weight_files import write, write_lpips_backbones

MEAN_SAMPLES = 4096
IMAGE_STD = 0.4  # about that of photographs in [-1, 1]
BLOCK_GAIN = 0.1  # of residual blocks, which would double their input otherwise


def main() -> None:
    """Build everything that the JSON specification in argv[1] asks for."""
    spec = SimpleNamespace(**json.loads(sys.argv[1]))
    torch.manual_seed(spec.seed)
    root, hub = Path(spec.root), Path(spec.torch_home)
    write_lpips_backbones(hub, ("alex",))
    with torch.device("meta"):
        backbone = models.resnet18().state_dict()
    write(hub / "hub" / "checkpoints" / "resnet18-5c106cde.pth", {k: _constant(k, v) for k, v in backbone.items()})
    sys.path[:0] = [str(root), str(root / "pixel2style2pixel")]
    with torch.no_grad():
        from arcface.iresnet import iresnet50  # type: ignore[import-not-found]
        from face_parsing.model import BiSeNet  # type: ignore[import-not-found]

        arcface = {name: _constant(name, value) for name, value in iresnet50().state_dict().items()}
        write(root / "pretrained_models/backbone.pth", arcface)
        parser = {name: _constant(name, value) for name, value in BiSeNet(n_classes=19).state_dict().items()}
        write(root / "pretrained_models/79999_iter.pth", parser)
        generator = build_generator()
        styles = sample_w(generator, MEAN_SAMPLES)
        mean = styles.mean(0)
        psp = {
            "state_dict": {f"decoder.{name}": value for name, value in generator.state_dict().items()},
            "latent_avg": mean.repeat(generator.n_latent, 1),
            "opts": {"output_size": generator.size},
        }
        write(root / "pixel2style2pixel/pretrained_models/psp_ffhq_encode.pt", psp)
        pictures = write_pictures(Path(spec.images), spec.count, generator.size)
        directions = (styles[: generator.n_latent] - mean) / 2
        write(root / "pretrained_models/143_enc.pth", encoder_state(root, directions, pictures))
        boundary = torch.nn.functional.normalize(styles[-1] - mean, dim=0).repeat(1, generator.n_latent)
        (root / "boundaries_ours").mkdir(exist_ok=True)
        np.save(root / "boundaries_ours" / "Toy_boundary.npy", boundary.numpy() / 15)
    print(json.dumps({"num_ws": generator.n_latent, "w_dim": generator.style_dim}))


def build_generator() -> Any:
    """A random generator of the size that is written into the trainer, W not centred on 0, and with noise."""
    from trainer import Trainer  # type: ignore[import-not-found]

    generator = Trainer.init_stylegan(None, {}).eval().requires_grad_(False)
    for name, parameter in generator.named_parameters():
        if name.startswith("style.") and name.endswith("bias"):
            parameter.normal_(std=20)  # multiplied by its lr_mul of 0.01
        elif name.endswith("noise.weight"):
            parameter.fill_(0.05)
    codes = sample_w(generator, 1)[:, None].repeat(1, generator.n_latent, 1)
    image, _ = generator([codes], input_is_latent=True)
    for name, parameter in generator.named_parameters():
        if name.startswith("to_rgb") and name.endswith(("conv.weight", "to_rgb.weight")):
            parameter.mul_(IMAGE_STD / image.std())
    return generator


def sample_w(generator: Any, count: int) -> Tensor:
    """Random codes in W, (count, w_dim)."""
    w: Tensor = generator.get_latent(torch.randn(count, generator.style_dim))
    return w


def encoder_state(root: Path, directions: Tensor, pictures: Tensor) -> dict[str, Tensor]:
    """An encoder whose code moves from the mean along a direction of each layer's own, by a picture's brightness."""
    from nets.feature_style_encoder import fs_encoder_v2  # type: ignore[import-not-found]

    paths = SimpleNamespace(arcface_model_path=str(root / "pretrained_models/backbone.pth"))
    encoder = fs_encoder_v2(n_styles=len(directions), opts=paths, stride=(2, 2)).eval()
    state = {name: _constant(name, value) for name, value in encoder.state_dict().items()}
    encoder.load_state_dict(state)
    seen: list[Tensor] = []
    encoder.styles[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    side = pictures.shape[-1]
    while side > 256:
        side //= 2
    encoder(nn.functional.interpolate(pictures, size=(side, side)))
    total = seen[0].sum(1).abs().max()
    for i, direction in enumerate(directions):
        state[f"styles.{i}.weight"] = (direction / total)[:, None].expand(len(direction), seen[0].shape[1])
    return state


def _constant(name: str, value: Tensor) -> Tensor:
    """Averaging for the convolutions, as tensors that take no room in a file."""
    if name.endswith(("bias", "running_mean", "num_batches_tracked")):
        number = 0.0
    elif name.endswith("bn3.weight"):
        number = BLOCK_GAIN
    else:
        number = 1 / value[0].numel() if value.ndim > 1 else 1.0
    return torch.tensor(number).to(value.dtype).expand(value.shape)


def write_pictures(folder: Path, count: int, size: int) -> Tensor:
    """Crops of a public-domain photograph as JPEG and PNG; (count, 3, size, size)."""
    from skimage import data

    photograph = Image.fromarray(data.astronaut())  # 512x512
    folder.mkdir()
    crops = []
    for number in range(count):
        crop = photograph.crop((96 * number, 0, 96 * number + 256, 256))
        crop.save(folder / f"crop{number}.{'png' if number % 2 else 'jpg'}")
        crops.append(torch.from_numpy(np.array(crop.resize((size, size)))).permute(2, 0, 1) / 127.5 - 1)
    return torch.stack(crops)


if __name__ == "__main__":
    main()
