"""The figures of arXiv 2307.08995: 50 pictures of CelebA-HQ, StyleGAN2 on FFHQ."""

from __future__ import annotations

RECONSTRUCTION: dict[str, dict[str, float]] = {
    "z": {"mse": 0.18149, "ssim": 0.61155},
    "zplus": {"mse": 0.12117, "ssim": 0.68930},
    "wplus-pn": {"mse": 0.11965, "ssim": 0.68190},
    "wplus": {"mse": 0.04872, "ssim": 0.76101},
    "f/z": {"mse": 0.02679, "ssim": 0.78965},
    "f/zplus": {"mse": 0.01742, "ssim": 0.81477},
    "f/wplus-pn": {"mse": 0.01743, "ssim": 0.81479},
}
OTHERS = {"IDInvert": {"mse": 0.02155, "ssim": 0.64993}}
"""Methods that are none of our spaces."""
MARGIN = 1e-8
P_VALUES = {"mse": 0.002983, "ssim": 0.001609}
IDENTITY = {"f/zplus": 0.373, "f/wplus": 0.327}
GAIN = IDENTITY["f/zplus"] / IDENTITY["f/wplus"] - 1
