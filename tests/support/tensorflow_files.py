"""Writes one of our generators as the TensorFlow version of StyleGAN2 saves its networks."""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np

from support.generator_files import SOURCE, colours, convolutions, ours
from zplus_plugins.generators import Architecture, Generator

Variables = list[tuple[str, Any]]

ARCHITECTURE = Architecture(16, (8, 8, 4), z_dim=12, w_dim=10, mapping_layers=3, mapping_dim=7)
SETTINGS = {
    **{"num_channels": 3, "resolution": 16, "label_size": 0, "fmap_base": 32, "fmap_max": 8, "latent_size": 12},
    **{"dlatent_size": 10, "mapping_fmaps": 7, "mapping_layers": 3, "truncation_psi": None},
}
"""Of that architecture."""


class Network:
    """A network of ``dnnlib.tflib``, of which only its state matters."""

    def __init__(self, name: str, variables: Variables, version: int = 4, **rest: Any) -> None:
        self.state = {
            **{"version": version, "name": name, "static_kwargs": EasyDict(), "components": EasyDict()},
            **{"build_module_src": SOURCE, "build_func_name": name, "variables": variables, **rest},
        }

    def __getstate__(self) -> dict[str, Any]:
        return self.state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.state = state


class EasyDict(dict[str, Any]):
    """A dictionary by another name."""


def generator(net: Generator, kind: str = "G_main", **settings: Any) -> Network:
    """The network whose conversion is ours; ``settings`` are given beside :data:`SETTINGS`."""
    mapping: Variables = []
    for name, tensor in ours(net, "mapping.layers."):
        index, part = name.split(".")
        mapping.append((f"Dense{index}/{part}", tensor.numpy().T.copy()))
    components = EasyDict(
        synthesis=Network("G_synthesis_stylegan2", synthesis(net)), mapping=Network("G_mapping", mapping)
    )
    given = EasyDict({**SETTINGS, **settings})
    own = [("dlatent_avg", net.w_mean.numpy())]
    return Network(kind, own, static_kwargs=given, components=components)


def synthesis(net: Generator) -> Variables:
    """Its variables, in TensorFlow's layouts."""
    found: Variables = [("4x4/Const/const", net.const[None].numpy())]
    sides = net.architecture.resolutions
    for index, layer in enumerate(convolutions(net)):
        side = sides[(index + 1) // 2]
        name = "Conv0_up" if index % 2 else "Conv1" if index else "Conv"
        found += _modulated(f"{side}x{side}/{name}", layer, turned=bool(index % 2))
        found.append((f"noise{index}", layer["noise"][None, None].numpy()))
    for side, layer in zip(sides, colours(net), strict=True):
        found += _modulated(f"{side}x{side}/ToRGB", layer | {"weight": layer["weight"][:, :, None, None]})
    return found


def _modulated(prefix: str, layer: dict[str, Any], turned: bool = False) -> Variables:
    weight = layer["weight"].flip(2, 3) if turned else layer["weight"]
    parts = {
        "weight": np.ascontiguousarray(weight.permute(2, 3, 1, 0).numpy()),
        "mod_weight": layer["style.weight"].numpy().T.copy(),
        "mod_bias": layer["style.bias"].numpy() - 1,
        "bias": layer["bias"].numpy(),
    }
    if "noise_strength" in layer:
        parts["noise_strength"] = layer["noise_strength"].numpy()[()]  # a number of numpy's
    return [(f"{prefix}/{name}", value) for name, value in parts.items()]


def discriminator() -> Network:
    """One that goes with the generator, of random numbers."""
    draw = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {"16x16/FromRGB": (1, 1, 3, 4)}
    shapes |= {"16x16/Conv0": (3, 3, 4, 4), "16x16/Conv1_down": (3, 3, 4, 8), "16x16/Skip": (1, 1, 4, 8)}
    shapes |= {"8x8/Conv0": (3, 3, 8, 8), "8x8/Conv1_down": (3, 3, 8, 8), "8x8/Skip": (1, 1, 8, 8)}
    shapes |= {"4x4/Conv": (3, 3, 9, 8), "4x4/Dense0": (128, 8), "Output": (8, 1)}
    variables: Variables = []
    for name, shape in shapes.items():
        variables.append((f"{name}/weight", draw.standard_normal(shape, np.float32)))
        variables.append((f"{name}/bias", draw.standard_normal(shape[-1], np.float32)))
    settings = {name: SETTINGS[name] for name in ("num_channels", "resolution", "label_size", "fmap_base", "fmap_max")}
    return Network("D_stylegan2", variables, static_kwargs=EasyDict(settings, mbstd_group_size=4))


def write(content: Any, path: Path, protocol: int = 4, core: str = "core") -> None:
    """Pickle networks by their own names.

    Args:
        core: the package in which numpy has its functions: ``core`` before numpy 2, ``_core`` since.
    """
    path.write_bytes(written(content, protocol, core))


def written(content: Any, protocol: int = 4, core: str = "core") -> bytes:
    """As :func:`write`."""
    buffer = io.BytesIO()
    network: Any = ModuleType("dnnlib.tflib.network")
    util: Any = ModuleType("dnnlib.util")
    network.Network, util.EasyDict = Network, EasyDict
    packages = {name: ModuleType(name) for name in ("dnnlib", "dnnlib.tflib")}
    numpy_s = {f"numpy.{core}.{name}": _numpy_s(core, name) for name in ("multiarray", "numeric")}
    with (
        mock.patch.dict(sys.modules, {**packages, network.__name__: network, util.__name__: util, **numpy_s}),
        mock.patch.multiple(Network, __module__=network.__name__),
        mock.patch.multiple(EasyDict, __module__=util.__name__),
    ):
        _Pickler(buffer, protocol, core).dump(content)
    return buffer.getvalue()


class _Pickler(pickle.Pickler):
    """Names numpy's functions as another numpy does."""

    def __init__(self, file: io.BytesIO, protocol: int, core: str) -> None:
        super().__init__(file, protocol)
        self._protocol, self._core = protocol, core

    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, np.ndarray | np.generic):
            return NotImplemented
        function, *rest = obj.__reduce_ex__(self._protocol)
        return getattr(_numpy_s(self._core, function.__module__.rpartition(".")[2]), function.__name__), *rest


@cache
def _numpy_s(core: str, name: str) -> ModuleType:
    module = ModuleType(f"numpy.{core}.{name}")
    for function in {"multiarray": ("scalar", "_reconstruct"), "numeric": ("_frombuffer",)}[name]:
        setattr(module, function, _named(function, module.__name__))
    return module


def _named(name: str, module: str) -> Callable[..., None]:
    def function(*_: Any) -> None:
        """Only its name is used."""

    function.__name__ = function.__qualname__ = name
    function.__module__ = module
    return function
