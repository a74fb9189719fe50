"""A snapshot of NVlabs' stylegan2-ada-pytorch and stylegan3, or the state dict of its generator."""

from __future__ import annotations

from torch import Tensor, nn

from zplus_plugins.generators.network.architecture import Architecture
from zplus_plugins.generators.network.stylegan2 import Generator
from zplus_plugins.generators.writing import channels, modules
from zplus_plugins.generators.writing.persistent import EasyDict
from zplus_plugins.generators.writing.renaming import (
    COLOUR,
    CONVOLUTION,
    Content,
    Rules,
    state_of,
    usual_constants,
    with_usual_multiplier,
)
from zplus_plugins.ops import setup_filter

_LAYERS = {"up": "conv0", "conv": "conv1"}
_PARTS = {"style.weight": "affine.weight", "style.bias": "affine.bias", "noise": "noise_const"}


def _block(index: str) -> str:
    return f"synthesis.b{4 << int(index)}"


RULES: Rules = {
    r"mapping\.layers\.(\d+)\.(.*)": lambda m: f"mapping.fc{m[1]}.{m[2]}",
    r"w_mean": lambda m: "mapping.w_avg",
    r"const": lambda m: "synthesis.b4.const",
    CONVOLUTION: lambda m: f"{_block(m[1])}.{_LAYERS[m[2]]}.{_PARTS.get(m[3], m[3])}",
    COLOUR: lambda m: f"{_block(m[1])}.torgb.{_PARTS.get(m[2], m[2])}",
}


def snapshot(generator: Generator) -> Content:
    """What :func:`.persistent.dump` writes so that ``legacy.load_network_pkl`` opens it: ``G_ema``, the same as ``G``.

    The discriminator, without which that function refuses a file, is an empty module.

    Raises:
        GeneratorError: NVlabs' classes have no such generator.
    """
    network = modules.network(_tensors(generator), generator.architecture, _arguments(generator.architecture))
    content = {"G": network, "D": nn.Module(), "G_ema": network, "training_set_kwargs": None, "augment_pipe": None}
    return Content(content, ("Its discriminator is empty: training that resumes from it starts with a new one.",))


def weights(generator: Generator) -> Content:
    """The state dict of ``G_ema`` alone.

    Raises:
        GeneratorError: as for :func:`snapshot`.
    """
    arguments = _arguments(generator.architecture)
    del arguments["mapping_kwargs"]["lr_multiplier"]
    call = ", ".join(f"{name}={value}" for name, value in arguments.items())
    state = _tensors(generator, usual_multiplier=True)
    return Content({"G_ema": state}, (*usual_constants(generator), f"It is built by Generator({call})."))


def _arguments(a: Architecture) -> EasyDict:
    """The arguments of NVlabs' class."""
    base, most = channels.base_and_most(a, "NVlabs'")
    width = a.mapping_dim or a.w_dim
    mapping = EasyDict(num_layers=a.mapping_layers, layer_features=width, lr_multiplier=a.mapping_lr_multiplier)
    synthesis = EasyDict(channel_base=base, channel_max=most, num_fp16_res=0, conv_clamp=a.conv_clamp)
    if a.taps != Architecture.taps:
        synthesis["resample_filter"] = list(a.taps)
    sizes = {"z_dim": a.z_dim, "c_dim": 0, "w_dim": a.w_dim, "img_resolution": a.resolution, "img_channels": 3}
    return EasyDict(**sizes, mapping_kwargs=mapping, synthesis_kwargs=synthesis)


def _tensors(generator: Generator, usual_multiplier: bool = False) -> dict[str, Tensor]:
    """The state dict, with the filters."""

    def laid_out(name: str, tensor: Tensor) -> Tensor:
        if usual_multiplier:
            tensor = with_usual_multiplier(generator, name, tensor)
        return tensor[:, :, None, None] if name.endswith("to_rgb.weight") else tensor

    tensors = state_of(generator, RULES, laid_out)
    a = generator.architecture
    for side in a.resolutions:
        tensors[f"synthesis.b{side}.resample_filter"] = setup_filter(a.taps)
        if side > 4:
            tensors[f"synthesis.b{side}.conv0.resample_filter"] = setup_filter(a.taps)
        # A layer that does not change the resolution has a filter too, which nothing uses.
        tensors[f"synthesis.b{side}.conv1.resample_filter"] = setup_filter(Architecture.taps)
    return tensors
