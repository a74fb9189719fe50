"""Writes one of our generators as other people's trainers would have saved it."""

from __future__ import annotations

import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor, nn

from zplus_plugins.errors import GeneratorFileError
from zplus_plugins.generators import Architecture, Generator, load_generator

SMALL = Architecture(16, (8, 6, 4), z_dim=12, w_dim=10, mapping_layers=3, mapping_dim=7)
CLASSES, EMBEDDED = 3, 5
SOURCE = "raise RuntimeError('the source code in the pickle was run')"


def trained(architecture: Architecture = SMALL, seed: int = 0) -> Generator:
    """A generator none of whose parameters has the value that it starts with."""
    torch.manual_seed(seed)
    generator = Generator(architecture).eval().requires_grad_(False)
    for name, tensor in generator.state_dict().items():
        tensor.add_(torch.randn_like(tensor), alpha=20 if name.startswith("mapping") and name.endswith("bias") else 0.3)
    return generator


def rosinality(generator: Generator) -> dict[str, Any]:
    """The checkpoint that stylegan2-pytorch's converter writes."""
    kernel = 4 * generator.taps
    state: dict[str, Tensor] = OrderedDict({"input.input": generator.const[None]})
    for name, tensor in ours(generator, "mapping.layers."):
        index, part = name.split(".")
        state[f"style.{int(index) + 1}.{part}"] = tensor
    for index, convolution in enumerate(convolutions(generator)):
        prefix = "conv1" if index == 0 else f"convs.{index - 1}"
        scale = convolution["weight"][0].numel() ** 0.5
        state |= styled(prefix, convolution) | {f"{prefix}.conv.weight": scale * convolution["weight"][None]}
        state |= {
            f"{prefix}.activate.bias": convolution["bias"],
            f"noises.noise_{index}": convolution["noise"][None, None],
        }
        state[f"{prefix}.noise.weight"] = convolution["noise_strength"][None]
        if index % 2:
            state[f"{prefix}.conv.blur.kernel"] = kernel
    for index, rgb in enumerate(colours(generator)):
        prefix = f"to_rgbs.{index - 1}" if index else "to_rgb1"
        state |= styled(prefix, rgb) | {f"{prefix}.conv.weight": rgb["weight"][None, :, :, None, None]}
        state |= {f"{prefix}.bias": rgb["bias"][None, :, None, None]}
        if index:
            state[f"{prefix}.upsample.kernel"] = kernel
    return {"g_ema": state, "latent_avg": generator.w_mean}


def whole(generator: Generator, package: str = "stylegan2.model") -> dict[type, nn.Module]:
    """stylegan2-pytorch's network as an object, by its class, for :func:`write_whole`."""
    kind = type("Generator", (nn.Module,), {"__module__": package})
    network = kind()
    for name, tensor in rosinality(generator)["g_ema"].items():
        *parents, own = name.split(".")
        module = network
        for parent in parents:
            if parent not in module._modules:
                module.add_module(parent, nn.Module())
            module = module.get_submodule(parent)
        register = module.register_buffer if "noise_" in own or own == "kernel" else module.register_parameter
        register(own, tensor if register == module.register_buffer else nn.Parameter(tensor))
    for layer in list(network.get_submodule("style").children()):
        vars(layer)["lr_mul"] = generator.architecture.mapping_lr_multiplier
    return {kind: network}


def write_whole(networks: dict[type, nn.Module], path: Path, **beside: Any) -> None:
    """As ``torch.save`` writes a network by itself, or as a trainer's ``g_ema`` with something beside it."""
    with importable(*networks):
        (network,) = networks.values()
        torch.save({"g_ema": network, **beside} if beside else network, path)


@contextmanager
def importable(kind: type) -> Iterator[None]:
    """A class has a module from which pickles may name it."""
    module: Any = ModuleType(kind.__module__)
    setattr(module, kind.__name__, kind)
    parents = kind.__module__.split(".")[:-1]
    packages = {name: ModuleType(name) for name in accumulate(parents, lambda one, next_one: f"{one}.{next_one}")}
    with mock.patch.dict(sys.modules, {**packages, kind.__module__: module}):
        yield


def e4e(generator: Generator, layers: int | None = None) -> dict[str, Any]:
    """A checkpoint of pSp or e4e, whose decoder is rosinality's generator; one mean code, or one a layer."""
    decoder = rosinality(generator)["g_ema"]
    mean = generator.w_mean if layers is None else generator.w_mean.repeat(layers, 1)
    encoder = {"encoder.input_layer.0.weight": torch.zeros(4, 3, 3, 3)}
    state = encoder | {f"decoder.{name}": tensor for name, tensor in decoder.items()}
    return {"state_dict": state, "latent_avg": mean, "opts": {"stylegan_size": 16, "device": "cuda:0"}}


def nvlabs_state(generator: Generator) -> dict[str, Tensor]:
    """The state dict of NVlabs' network, which has no attributes of its modules."""

    def state(network: Network, prefix: str) -> dict[str, Tensor]:
        own = {f"{prefix}{name}": tensor for name, tensor in network.state["_parameters"].items()}
        for name, module in network.state["_modules"].items():
            own |= state(module, f"{prefix}{name}.")
        return own

    return state(nvlabs(generator)["G_ema"], "")


def conditional(seed: int = 0) -> dict[str, Tensor]:
    """NVlabs' state dict of a generator whose mapping network takes a label, too."""
    state = nvlabs_state(trained(seed=seed))
    stream = torch.Generator().manual_seed(seed)
    more = torch.randn(SMALL.mapping_dim or 0, EMBEDDED, generator=stream) / SMALL.mapping_lr_multiplier
    state["mapping.fc0.weight"] = torch.cat([state["mapping.fc0.weight"], more], dim=1)
    state["mapping.embed.weight"] = torch.randn(EMBEDDED, CLASSES, generator=stream)
    state["mapping.embed.bias"] = torch.randn(EMBEDDED, generator=stream)
    return state


def genforce(generator: Generator) -> dict[str, Any]:
    """The checkpoint that BDInvert reads."""
    state: dict[str, Tensor] = OrderedDict({"truncation.w_avg": generator.w_mean})
    for name, tensor in ours(generator, "mapping.layers."):
        state[f"mapping.dense{name}"] = tensor
    state["synthesis.early_layer.const"] = generator.const[None]
    state["synthesis.upsample.kernel"] = 4 * generator.taps[None, None]
    layers = {f"layer{index}": layer for index, layer in enumerate(convolutions(generator))}
    layers |= {f"output{index}": layer for index, layer in enumerate(colours(generator))}
    for name, layer in layers.items():
        weight = layer["weight"]
        scaled = weight * weight[0].numel() ** 0.5 if weight.ndim == 4 else weight[:, :, None, None]
        turned = scaled.flip(2, 3) if name.startswith("layer") and int(name[5:]) % 2 else scaled
        theirs = layer | {"weight": turned, "style.bias": layer["style.bias"] - 1}
        if "noise" in theirs:
            theirs["noise"] = theirs["noise"][None, None]
        state |= {f"synthesis.{name}.{part}": tensor for part, tensor in theirs.items()}
    return {"generator_smooth": state, "generator": {}}


def nvlabs(generator: Generator, **attributes: Any) -> dict[str, Any]:
    """A snapshot of stylegan2-ada-pytorch, for :func:`write_pickle`; ``attributes`` replace those of its layers."""
    a = generator.architecture
    dense: dict[str, Any] = {}
    for name, tensor in ours(generator, "mapping.layers."):
        index, part = name.split(".")
        dense.setdefault(f"fc{index}", {})[part] = tensor
    gain = {"bias_gain": a.mapping_lr_multiplier, "activation": "lrelu"} | attributes
    mapping = Network(
        "MappingNetwork",
        {"w_avg": generator.w_mean},
        {n: Network("FullyConnectedLayer", t, **gain) for n, t in dense.items()},
    )
    pairs = list(
        zip([None, *convolutions(generator)[1::2]], convolutions(generator)[::2], colours(generator), strict=True)
    )
    convolution = {"conv_clamp": a.conv_clamp, "activation": "lrelu", "use_noise": True} | attributes
    blocks = {}
    for resolution, (up, conv, rgb) in zip(a.resolutions, pairs, strict=True):
        modules = {} if up is None else {"conv0": layer(up, {"resample_filter": generator.taps}, **convolution)}
        modules["conv1"] = layer(conv, {"resample_filter": torch.ones(1)}, **convolution)
        flat = rgb | {"weight": rgb["weight"][:, :, None, None]}
        modules["torgb"] = layer(flat, {}, "ToRGBLayer", **{"conv_clamp": a.conv_clamp} | attributes)
        own = {"const": generator.const} if up is None else {}
        own["resample_filter"] = generator.taps
        blocks[f"b{resolution}"] = Network("SynthesisBlock", own, modules, **{"architecture": "skip"} | attributes)
    synthesis = Network("SynthesisNetwork", {}, blocks)
    facts: dict[str, Any] = {"z_dim": a.z_dim, "w_dim": a.w_dim, "c_dim": 0, "img_channels": 3}
    facts |= {"img_resolution": a.resolution, "num_ws": a.num_layers}
    network = Network("Generator", {}, {"synthesis": synthesis, "mapping": mapping}, **facts)
    return {"G": None, "G_ema": network, "training_set_kwargs": {"max_size": None}, "augment_pipe": None}


class Network:
    """An object of NVlabs' ``persistence``: a class by its name, its source code, and what it holds."""

    def __init__(
        self, name: str, tensors: dict[str, Tensor], modules: dict[str, Network] | None = None, **rest: Any
    ) -> None:
        self.name = name
        self.state = {"_parameters": OrderedDict(tensors), "_buffers": OrderedDict(), "_modules": modules or {}, **rest}

    def __reduce__(self) -> tuple[Any, ...]:
        meta = {"type": "class", "version": 6, "module_src": SOURCE, "class_name": self.name, "state": self.state}
        return _reconstruct_persistent_obj, (meta,)


def _reconstruct_persistent_obj(meta: Any) -> None:
    """Only its name is used."""


def write_pickle(content: Any, path: Path, write: Callable[[Any, Path], None] | None = None) -> None:
    """As NVlabs' trainers do; or ``write`` with networks pickled as theirs."""
    module: Any = ModuleType("torch_utils.persistence")
    module._reconstruct_persistent_obj = _reconstruct_persistent_obj
    names = {"__module__": module.__name__}
    with (
        mock.patch.dict(sys.modules, {"torch_utils": ModuleType("torch_utils"), module.__name__: module}),
        mock.patch.multiple(_reconstruct_persistent_obj, **names),
    ):
        if write is not None:
            write(content, path)
        else:
            path.write_bytes(pickle.dumps(content))


def layer(
    parts: dict[str, Tensor], buffers: dict[str, Tensor], kind: str = "SynthesisLayer", **attributes: Any
) -> Network:
    own = {"noise_const" if name == "noise" else name: t for name, t in parts.items() if not name.startswith("style.")}
    style = {part: parts[f"style.{part}"] for part in ("weight", "bias")}
    affine = Network("FullyConnectedLayer", style, activation="linear", bias_gain=1)
    return Network(kind, own | buffers, {"affine": affine}, **attributes)


def styled(prefix: str, parts: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.conv.modulation.{part}": parts[f"style.{part}"] for part in ("weight", "bias")}


def ours(generator: Generator, prefix: str) -> list[tuple[str, Tensor]]:
    state = generator.state_dict()
    return [(name.removeprefix(prefix), tensor) for name, tensor in state.items() if name.startswith(prefix)]


def convolutions(generator: Generator) -> list[dict[str, Tensor]]:
    """Each convolution's tensors by our names, in the order of use."""
    names = [f"blocks.{index}.{name}." for index in range(len(generator.blocks)) for name in ("up", "conv")]
    return [dict(ours(generator, name)) for name in names[1:]]


def colours(generator: Generator) -> list[dict[str, Tensor]]:
    return [dict(ours(generator, f"blocks.{index}.to_rgb.")) for index in range(len(generator.blocks))]


def refused(path: Path, *parts: str) -> None:
    """Require that a file is refused, with one line that names it and has these parts."""
    with pytest.raises(GeneratorFileError) as caught:
        load_generator(path)
    assert "\n" not in str(caught.value)
    for part in (str(path), *parts):
        assert part in str(caught.value)
    assert caught.value.exit_status == 1
