"""Checkpoints of rosinality's stylegan2-pytorch.

The multiplier of the mapping network's learning rate, with which its weights are scaled, is not in the file. It is
taken to be 0.01, that repository's default; a generator trained with another makes other pictures here.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from zplus_plugins.generators.layout import INDEX, Rules, Source, convolution, tensors_of, unscaled

KIND = "rosinality"
EXPECTED = "rosinality's stylegan2-pytorch (a checkpoint with g_ema)"

_PARTS = {
    "conv.weight": "weight",
    "activate.bias": "bias",
    "noise.weight": "noise_strength",
    "conv.modulation.weight": "style.weight",
    "conv.modulation.bias": "style.bias",
}


def _part(name: str) -> str:
    return _PARTS.get(name, name)


RULES: Rules = {
    rf"style\.({INDEX})\.(weight|bias)": lambda m: f"mapping.layers.{int(m[1]) - 1}.{m[2]}",  # 0 normalises
    r"latent_avg": lambda m: "w_mean",
    r"input\.input": lambda m: "const",
    r"conv1\.(.*)": lambda m: f"{convolution(0)}.{_part(m[1])}",
    rf"convs\.({INDEX})\.(.*)": lambda m: f"{convolution(int(m[1]) + 1)}.{_part(m[2])}",
    rf"noises\.noise_({INDEX})": lambda m: f"{convolution(int(m[1]))}.noise",
    r"to_rgb1\.(.*)": lambda m: f"blocks.0.to_rgb.{_part(m[1])}",
    rf"to_rgbs\.({INDEX})\.(.*)": lambda m: f"blocks.{int(m[1]) + 1}.to_rgb.{_part(m[2])}",
}


def find(content: Any) -> Source | None:
    """The smoothed generator of a checkpoint, or a generator's state dict; None if this is neither.

    The mean code, ``latent_avg``, is only in converted checkpoints.
    """
    if not isinstance(content, dict):
        return None
    state = content.get("g_ema", content)
    if not isinstance(state, dict) or not {"input.input", "conv1.conv.weight"} <= state.keys():
        return None
    tensors = tensors_of(state)
    if isinstance(content.get("latent_avg"), Tensor):
        tensors["latent_avg"] = content["latent_avg"]
    return Source(kind=KIND, tensors=tensors, rules=RULES, filters=r".*\.kernel", adjust=unscaled)
