"""Builds synthetic weights and targets for a copy of BDInvert; run as a script by bdinvert_assets.

It has a process of its own because it imports the repository's ``models``, a name that a test process
must not see. The weights are random, which is no evidence of quality; they make the scripts' mechanics run.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from weight_files import write, write_lpips_backbones  # type: ignore[import-not-found]

MEAN_SAMPLES = 4096
PCA_SAMPLES = 8192
IMAGE_STD = 0.4  # about that of photographs in [-1, 1]
MIN_EIGENVALUE = 1e-4  # P_N divides by the square root; a random mapping network nearly collapses some axes


def main() -> None:
    """Build everything that the JSON specification in argv[1] asks for."""
    spec = SimpleNamespace(**json.loads(sys.argv[1]))
    torch.manual_seed(spec.seed)
    write_lpips_backbones(Path(spec.torch_home))
    sys.path.insert(0, spec.root)
    with torch.no_grad():
        generator = build_generator(spec.model_name)
        write(spec.checkpoint, {"generator_smooth": generator.state_dict()})
        write_p_norm(generator, Path(spec.pnorm_root))
        encoder = build_encoder(generator, spec.family, spec.base_size)
    with mock.patch("torch.serialization.location_tag", return_value="cuda:0"):
        # Real encoders are trained, and so saved, on a GPU; a CPU reads such a file only if asked to.
        write(spec.encoder, {"encoder": encoder.state_dict()})
    write_targets(Path(spec.image_folder), spec.images, spec.seed)


def build_generator(model_name: str) -> Any:
    """A random generator: images with a photograph's contrast, a W whose centre is not zero."""
    from models import MODEL_ZOO, build_generator  # type: ignore[import-not-found]

    config = dict(MODEL_ZOO[model_name])
    del config["url"]
    generator = build_generator(**config).eval()
    for name, parameter in generator.named_parameters():
        if name.startswith("mapping.") and name.endswith("bias"):
            parameter.normal_(std=20)  # the mapping network multiplies it by its lr_mul of 0.01
        elif name.endswith(("noise_strength", "apply_noise.weight")):
            parameter.fill_(0.05)
        elif name.endswith("const"):
            parameter.normal_()  # StyleGAN starts from ones, which instance normalisation would erase
    generator.truncation.w_avg.copy_(sample_w(generator, MEAN_SAMPLES).mean(0))
    gain = IMAGE_STD / synthesize(generator, 8)["image"].std()
    for name, parameter in generator.synthesis.named_parameters():
        if name.startswith("output") and name.split(".")[1] in ("weight", "bias"):
            parameter.mul_(gain)
    return generator


def sample_w(generator: Any, count: int) -> Tensor:
    """Random codes in W, (count, w_dim)."""
    w: Tensor = generator.mapping(torch.randn(count, generator.z_space_dim), None)["w"]
    return w


def synthesize(generator: Any, count: int) -> dict[str, Tensor]:
    """Feature maps and images of random codes, truncated as the scripts do by default."""
    wp = generator.truncation(sample_w(generator, count), trunc_psi=0.7, trunc_layers=8)
    features: dict[str, Tensor] = generator.synthesis(wp)
    return features


def build_encoder(generator: Any, family: str, base_size: int) -> Any:
    """A base code encoder whose output has the spread of the generator's own feature maps."""
    from models.stylegan_basecode_encoder import encoder_simple  # type: ignore[import-not-found]

    up = 2 * (base_size.bit_length() - 3)  # the upsampling layer of this size, counted in W+ codes
    features = synthesize(generator, 8)
    base_code = features[f"x{up - 1:02d}" if family == "stylegan2" else f"x{up:02d}"]
    side = 8 * base_size
    encoder = encoder_simple([3, side, side], base_code.shape[1:]).eval()
    last = [module for module in encoder.modules() if isinstance(module, nn.Conv2d)][-1]
    last.weight *= base_code.std() / encoder(F.interpolate(features["image"], (side, side))).std()
    return encoder


def write_p_norm(generator: Any, folder: Path) -> None:
    """Mean, eigenvalues and eigenvectors of P, W with the mapping's last leaky ReLU undone."""
    p = F.leaky_relu(sample_w(generator, PCA_SAMPLES), 5.0).double().numpy()
    values, vectors = np.linalg.eigh(np.cov(p.T))
    folder.mkdir(parents=True)
    np.save(folder / "mean_latent.npy", p.mean(0).astype(np.float32))
    np.save(folder / "eigen_values.npy", np.maximum(values, MIN_EIGENVALUE).astype(np.float32))
    np.save(folder / "eigen_vectors.npy", vectors.astype(np.float32))


def write_targets(folder: Path, count: int, seed: int) -> None:
    """Square crops of a public-domain photograph; the first always shows the face."""
    from PIL import Image
    from skimage import data

    photograph = Image.fromarray(data.astronaut())  # 512x512
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for number in range(count):
        left, top = (112, 0) if number == 0 else (int(x) for x in rng.integers(0, 288, size=2))
        photograph.crop((left, top, left + 224, top + 224)).save(folder / f"crop{number}.png")


if __name__ == "__main__":
    main()
