"""Checkpoints of rosinality's stylegan2-pytorch.

The learning-rate multiplier of the mapping network, which scales its weights, is in the file only if the network was
saved as an object. Otherwise it is taken to be 0.01, that repository's default; a generator trained with another
multiplier gives wrong images here.

That repository draws noise buffers in every constructor and loads with ``strict=False``, so a file may lack them, as
the authors' own does. Encoders such as pSp and e4e store the same generator as their ``decoder``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from zplus_plugins.errors import GeneratorFileError
from zplus_plugins.generators.assembly.source import INDEX, Rules, Source, convolution, unscaled
from zplus_plugins.generators.formats.containers import weights_in
from zplus_plugins.generators.formats.modules import LR_MULTIPLIER

KIND = "rosinality"
EXPECTED = "rosinality's stylegan2-pytorch (a checkpoint with g_ema), also as the decoder of pSp or e4e"

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
    rf"style\.({INDEX})\.(weight|bias)": lambda m: f"mapping.layers.{int(m[1]) - 1}.{m[2]}",  # layer 0 normalises
    r"latent_avg": lambda m: "w_mean",
    r"input\.input": lambda m: "const",
    r"conv1\.(.*)": lambda m: f"{convolution(0)}.{_part(m[1])}",
    rf"convs\.({INDEX})\.(.*)": lambda m: f"{convolution(int(m[1]) + 1)}.{_part(m[2])}",
    rf"noises\.noise_({INDEX})": lambda m: f"{convolution(int(m[1]))}.noise",
    r"to_rgb1\.(.*)": lambda m: f"blocks.0.to_rgb.{_part(m[1])}",
    rf"to_rgbs\.({INDEX})\.(.*)": lambda m: f"blocks.{int(m[1]) + 1}.to_rgb.{_part(m[2])}",
}


UNUSABLE = {
    r"(.*\.)?(iwt|dwt)\.": "is a SWAGAN (it generates wavelets), not StyleGAN2",
    r"(embed|label|class)\w*\.": "is conditional (it takes a label)",
}


def find(content: Any) -> Source | None:
    """The generator in its own checkpoint, an encoder's, or a bare state dict; None if the file has another format.

    Only converted checkpoints and those of encoders contain the mean code, ``latent_avg``.
    """
    weights = weights_in(content, "input.input")
    if weights is None or "conv1.conv.weight" not in weights.tensors:
        return None
    return Source(
        kind=KIND,
        tensors={name: tensor for name, tensor in weights.tensors.items() if not name.endswith(f".{LR_MULTIPLIER}")},
        rules=RULES,
        filters=r".*\.kernel",
        unusable=UNUSABLE,
        adjust=unscaled,
        strange=r"(?!(input|style|noises|conv\w*|to_rgb\w*)\.).*",
        mapping_lr_multiplier=_lr_multiplier(weights.tensors),
        noise_is_drawn=True,
        notes=weights.notes,
    )


def _lr_multiplier(tensors: Mapping[str, Tensor]) -> float:
    """The learning-rate multiplier of the mapping network, which is the same for all of its layers."""
    found = (tensor for name, tensor in tensors.items() if re.fullmatch(rf"style\.{INDEX}\.{LR_MULTIPLIER}", name))
    values = {tensor.item() for tensor in found if tensor.ndim == 0 and tensor.is_floating_point()}
    if len(values) > 1:
        raise GeneratorFileError(f"This {KIND} generator's mapping network has layers of different {LR_MULTIPLIER}.")
    return values.pop() if values else Source.mapping_lr_multiplier
