"""Builds synthetic weights and targets for a copy of GANInverter; run as a script by ganinverter_assets.

It has a process of its own because it imports the repository's ``models`` and ``utils``, names that a test process must
not see. The weights are random, which is no evidence of quality; they make the scripts' mechanics run.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from PIL import Image
from sam_build import IMAGE_STD, MEAN_SAMPLES, constant_weight  # type: ignore[import-not-found]
from torch import Tensor, nn
from torch.nn import functional as F
from weight_files import write, write_lpips_backbones  # type: ignore[import-not-found]

LPIPS = {"vgg": (64, 128, 256, 512, 512), "alex": (64, 192, 384, 256, 256)}
CLASSES = 19  # of the face parsers


def main() -> None:
    """Build everything that the JSON specification in argv[1] asks for."""
    spec = SimpleNamespace(**json.loads(sys.argv[1]))
    torch.manual_seed(spec.seed)
    sys.path.insert(0, spec.root)
    root, hub = Path(spec.root), Path(spec.torch_home, "hub", "checkpoints")
    if (root / "criteria/lpips/networks.py").exists():  # a stand-in's networks are its own
        write_hub_weights(Path(spec.torch_home), hub)
    targets = write_targets(root / spec.images, spec.count, spec.resolution, spec.seed)
    with torch.no_grad():
        generator = build_generator(spec.resolution)
        w = generator.style(torch.randn(MEAN_SAMPLES, generator.style_dim))
        write(root / spec.generator, {"g_ema": generator.state_dict(), "latent_avg": w.mean(0)})
        write(root / spec.checkpoint, encoder_checkpoint(generator, w, targets))
        write(root / spec.direction, (w[:1] - w[1:2]) / 3)
        components = {"mean": w.mean(0), "comp": F.normalize(torch.randn(4, 1, w.shape[1]), dim=-1)}
        write(root / spec.components, {**components, "std": torch.full((4,), 0.5)})
        write_refiners(root, hub)
    print(generator.style_dim)


def build_generator(resolution: int) -> Any:
    """A random generator: images with a photograph's contrast, a W whose centre is not zero."""
    from models.stylegan2.model import Generator  # type: ignore[import-not-found]

    generator = Generator(resolution, 512, 8).eval()
    for name, parameter in generator.named_parameters():
        if name.startswith("style.") and name.endswith("bias"):
            parameter.normal_(std=20)  # the mapping network multiplies it by its lr_mul of 0.01
        elif name.endswith("noise.weight"):
            parameter.fill_(0.05)
    styles = generator.style(torch.randn(4, generator.style_dim))
    gain = IMAGE_STD / generator([styles], input_is_latent=True, randomize_noise=False)[0].std()
    for name, parameter in generator.named_parameters():
        if name.startswith("to_rgb") and name.endswith(("conv.weight", "bias")) and "modulation" not in name:
            parameter.mul_(gain)
    return generator


def encoder_checkpoint(generator: Any, w: Tensor, targets: Tensor) -> dict[str, Any]:
    """An encoder that moves the mean style a little by the target's brightness, in the format of pSp and e4e.

    Every weight but the last layers' is one number, so that the file takes no room.
    """
    from models.encoders.psp_encoders import Encoder4Editing  # type: ignore[import-not-found]

    layers = generator.n_latent
    given = argparse.Namespace(input_nc=3, resolution=generator.size, n_styles=layers, start_from_latent_avg=True)
    encoder = Encoder4Editing(50, "ir_se", given).eval()
    last = {name: value for name, value in encoder.state_dict().items() if name.endswith("linear.weight")}
    state = {name: last.get(name, constant_weight(name, value)) for name, value in encoder.state_dict().items()}
    encoder.load_state_dict(state)
    encoder.progressive_stage = layers
    gain = 0.5 * w.std(0).mean() / encoder(targets).std()
    state.update({name: gain * value for name, value in last.items()})
    decoder = {f"decoder.{name}": value for name, value in generator.state_dict().items()}
    return {
        "state_dict": {**{f"encoder.{name}": value for name, value in state.items()}, **decoder},
        "latent_avg": w.mean(0).expand(layers, -1),
        # Trainers store more than tensors, and torch.load refuses some of it by default.
        "opts": argparse.Namespace(max_steps=1),
        "best_val_loss": np.float64(0.5),
    }


def write_targets(folder: Path, count: int, side: int, seed: int) -> Tensor:
    """Crops of a public-domain photograph; resized for the encoder, (count, 3, 256, 256)."""
    from skimage import data

    photograph = Image.fromarray(data.astronaut())  # 512x512
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    seen = []
    for number in range(count):
        left, top = (112, 0) if number == 0 else (int(x) for x in rng.integers(0, 288, size=2))
        crop = photograph.crop((left, top, left + 224, top + 224)).resize((side, side))
        crop.save(folder / f"crop{number}.png")
        seen.append(torch.from_numpy(np.array(crop.resize((256, 256)))).permute(2, 0, 1) / 127.5 - 1)
    return torch.stack(seen)


def write_hub_weights(torch_home: Path, hub: Path) -> None:
    """What torch.hub would download."""
    from torchvision import models

    write_lpips_backbones(torch_home)
    for net, channels in LPIPS.items():
        lin = {f"lin{i}.model.1.weight": torch.full((1, width, 1, 1), 1 / width) for i, width in enumerate(channels)}
        write(hub / f"{net}.pth", lin)
    for name, build in (("resnet101-5d3b4d8f", models.resnet101), ("resnet18-5c106cde", models.resnet18)):
        with torch.device("meta"):
            shapes = build().state_dict()
        empty = {name: torch.empty(value.shape, dtype=value.dtype) for name, value in shapes.items()}
        write(hub / f"{name}.pth", constant(empty))


def write_refiners(root: Path, hub: Path) -> None:
    """What SAM and DHR take beside the generator."""
    from inference.sam_infer import LayerHead  # type: ignore[import-not-found]
    from models.bisenet.model import BiSeNet  # type: ignore[import-not-found]
    from models.invertibility.deeplab import DeepLab  # type: ignore[import-not-found]
    from utils.facer.facer.face_detection import retinaface  # type: ignore[import-not-found]

    base = DeepLab(num_classes=8, backbone="resnet", output_stride=16, sync_bn=False, freeze_bn=False)
    heads = {name: LayerHead().state_dict() for name in ("W+", "F4", "F6")}
    folder = root / "pretrained_models"
    write(folder / "invertibility_faces_sg2.pt", {"sd_base": constant(base.state_dict()), **heads})
    write(folder / "79999_iter.pth", constant(BiSeNet(n_classes=CLASSES).state_dict()))
    detector = retinaface.RetinaFace(cfg=retinaface.cfg_mnet, phase="test")
    write(hub / "mobilenet0.25_Final.pth", detector.state_dict())
    parser = hub / "face_parsing.farl.celebm.main_ema_181500_jit.pt"
    torch.jit.save(torch.jit.trace(FaceParser(), torch.zeros(1, 3, 448, 448)), str(parser))


class FaceParser(nn.Module):
    """Scores of all classes, and something that nobody looks at."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images.mean(1, keepdim=True).expand(-1, CLASSES, -1, -1) * 1.0, images


def constant(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """One number a weight."""
    return {name: constant_weight(name, value) for name, value in state.items()}


if __name__ == "__main__":
    main()
