"""A checkpoint of genforce, as BDInvert reads it."""

from __future__ import annotations

import re

from torch import Tensor

from zplus_plugins.errors import GeneratorError
from zplus_plugins.generators.network.stylegan2 import Generator
from zplus_plugins.generators.writing import channels
from zplus_plugins.generators.writing.renaming import (
    COLOUR,
    CONVOLUTION,
    Content,
    Rules,
    index_of,
    scaled,
    state_of,
    usual_constants,
    with_usual_multiplier,
)

RULES: Rules = {
    r"mapping\.layers\.(\d+)\.(.*)": lambda m: f"mapping.dense{m[1]}.{m[2]}",
    r"w_mean": lambda m: "truncation.w_avg",
    r"const": lambda m: "synthesis.early_layer.const",
    CONVOLUTION: lambda m: f"synthesis.layer{index_of(m)}.{m[3]}",
    COLOUR: lambda m: f"synthesis.output{m[1]}.{m[2]}",
}
TAPS, SMALLEST, LARGEST = 4, 8, 1024


def content(generator: Generator) -> Content:
    """The checkpoint: ``generator_smooth`` and the same as ``generator``.

    Raises:
        GeneratorError: genforce's class has no such generator.
    """
    a = generator.architecture
    if not SMALLEST <= a.resolution <= LARGEST:
        raise GeneratorError(
            f"genforce's class has images of {SMALLEST} to {LARGEST} pixels; this generator's have {a.resolution}. "
            "Convert it to another format."
        )
    if len(a.taps) != TAPS or a.taps != a.taps[::-1]:
        raise GeneratorError(
            f"genforce's class has a symmetric low-pass filter of {TAPS} taps; this generator's is "
            f"{', '.join(f'{tap:g}' for tap in a.taps)}. Convert it to another format."
        )
    base, most = channels.base_and_most(a, "genforce's")

    def adjusted(name: str, tensor: Tensor) -> Tensor:
        return _laid_out(name, scaled(name, with_usual_multiplier(generator, name, tensor)))

    state = state_of(generator, RULES, adjusted)
    kernel = 4 * generator.taps.cpu()[None, None]
    for block in range(1, len(a.channels)):
        state[f"synthesis.layer{2 * block - 1}.filter.kernel"] = kernel.clone()
    state["synthesis.upsample.kernel"] = kernel
    call = (
        f"StyleGAN2Generator({a.resolution}, z_space_dim={a.z_dim}, w_space_dim={a.w_dim}, "
        f"mapping_layers={a.mapping_layers}, mapping_fmaps={a.mapping_dim or a.w_dim}, fmaps_base={base}, "
        f"fmaps_max={most})"
    )
    notes = (*usual_constants(generator), f"It is built by {call}.")
    return Content({"generator_smooth": state, "generator": state}, notes)


def _laid_out(name: str, tensor: Tensor) -> Tensor:
    if re.fullmatch(r"blocks\.\d+\.up\.weight", name):
        return tensor.flip(2, 3)  # genforce's transposed convolution rotates the kernel by 180 degrees
    if name.endswith(".style.bias"):
        return tensor - 1  # genforce adds 1 when it uses the bias
    if name.endswith("to_rgb.weight"):
        return tensor[:, :, None, None]
    if name.endswith(".noise"):
        return tensor[None, None]
    return tensor[None] if name == "const" else tensor
