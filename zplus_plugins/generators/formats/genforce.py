"""Checkpoints of genforce, on which BDInvert is built.

The learning-rate multiplier of the mapping network, which scales its weights, is not in the file. It is taken to be
0.01, that repository's default; a generator trained with another multiplier gives wrong images here.
"""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

from zplus_plugins.generators.assembly.source import INDEX, Rules, Source, convolution, unscaled
from zplus_plugins.generators.formats.containers import weights_in

KIND = "genforce"
EXPECTED = "genforce's StyleGAN2 (a checkpoint with generator_smooth)"

RULES: Rules = {
    rf"mapping\.dense({INDEX})\.(weight|bias)": lambda m: f"mapping.layers.{m[1]}.{m[2]}",
    r"truncation\.w_avg|latent_avg": lambda m: "w_mean",
    r"synthesis\.early_layer\.const": lambda m: "const",
    rf"synthesis\.layer({INDEX})\.(.*)": lambda m: f"{convolution(int(m[1]))}.{m[2]}",
    rf"synthesis\.output({INDEX})\.(.*)": lambda m: f"blocks.{m[1]}.to_rgb.{m[2]}",
}
UNUSABLE = {
    r"mapping\.label_weight": "is conditional (it takes a label)",
    r"synthesis\.early_layer\.weight": "has no constant input",
    r"synthesis\.layer\d+\.apply_noise\.": "is StyleGAN1, not StyleGAN2",
    r"synthesis\.skip_layer\d+\.": "has the architecture resnet, not skip",
}


def find(content: Any) -> Source | None:
    """The generator in a checkpoint (the smoothed one if present) or a state dict; None if it has another format."""
    weights = weights_in(content, "synthesis.layer0.")
    if weights is None:
        return None
    return Source(
        kind=KIND,
        tensors=weights.tensors,
        rules=RULES,
        filters=r".*\.kernel",
        unusable=UNUSABLE,
        adjust=_adjusted,
        notes=weights.notes,
    )


def _adjusted(name: str, tensor: Tensor) -> Tensor:
    tensor = unscaled(name, tensor)
    if name.endswith(".style.bias"):
        return tensor + 1  # genforce adds 1 when it uses the bias
    # The transposed convolution of the other implementations rotates the kernel by 180 degrees.
    return tensor.flip(2, 3) if re.fullmatch(r"blocks\.\d+\.up\.weight", name) else tensor
