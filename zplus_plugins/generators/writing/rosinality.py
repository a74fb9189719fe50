"""A checkpoint of rosinality's stylegan2-pytorch, as its converter writes it."""

from __future__ import annotations

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

_PARTS = {
    "weight": "conv.weight",
    "bias": "activate.bias",
    "noise_strength": "noise.weight",
    "style.weight": "conv.modulation.weight",
    "style.bias": "conv.modulation.bias",
}
_MEAN = "latent_avg"
TAPS = 4


def _convolution(index: int, part: str) -> str:
    if part == "noise":
        return f"noises.noise_{index}"
    return f"{f'convs.{index - 1}' if index else 'conv1'}.{_PARTS[part]}"


def _colour(block: int, part: str) -> str:
    return f"{f'to_rgbs.{block - 1}' if block else 'to_rgb1'}.{part if part == 'bias' else _PARTS[part]}"


RULES: Rules = {
    r"mapping\.layers\.(\d+)\.(.*)": lambda m: f"style.{int(m[1]) + 1}.{m[2]}",  # layer 0 normalises
    r"const": lambda m: "input.input",
    r"w_mean": lambda m: _MEAN,
    CONVOLUTION: lambda m: _convolution(index_of(m), m[3]),
    COLOUR: lambda m: _colour(int(m[1]), m[2]),
}


def content(generator: Generator) -> Content:
    """The checkpoint: ``g_ema`` and ``latent_avg``.

    Raises:
        GeneratorError: rosinality's class has no such generator.
    """
    a = generator.architecture
    if {a.z_dim, a.w_dim, a.mapping_dim or a.w_dim} != {a.w_dim}:
        raise GeneratorError(
            f"In rosinality's class, all layers of the mapping network have one size; here z has {a.z_dim}, w "
            f"{a.w_dim} and the hidden layers {a.mapping_dim or a.w_dim}. Convert it to another format."
        )
    if len(a.taps) != TAPS:
        raise GeneratorError(
            f"rosinality's class has a low-pass filter of {TAPS} taps; this generator's has {len(a.taps)}. Convert it "
            "to another format."
        )
    multiplier = channels.multiplier(a)

    def adjusted(name: str, tensor: Tensor) -> Tensor:
        return _laid_out(name, scaled(name, with_usual_multiplier(generator, name, tensor)))

    state = state_of(generator, RULES, adjusted)
    mean = state.pop(_MEAN)
    kernel = 4 * generator.taps.cpu()
    for block in range(1, len(a.channels)):
        state[f"convs.{2 * block - 2}.conv.blur.kernel"] = kernel.clone()
        state[f"to_rgbs.{block - 1}.upsample.kernel"] = kernel.clone()
    call = f"Generator({a.resolution}, {a.w_dim}, {a.mapping_layers}, channel_multiplier={multiplier})"
    return Content({"g_ema": state, _MEAN: mean}, (*usual_constants(generator), f"It is built by {call}."))


def _laid_out(name: str, tensor: Tensor) -> Tensor:
    if name.endswith(".noise_strength"):
        return tensor[None]
    if name.endswith(".noise"):
        return tensor[None, None]
    if name.endswith("to_rgb.weight"):
        return tensor[None, :, :, None, None]
    if name.endswith("to_rgb.bias"):
        return tensor[None, :, None, None]
    return tensor[None] if name == "const" or tensor.ndim == 4 else tensor
