"""Unpickle an untrusted network without executing any code in it.

A pickle is a program: it names functions, and loading it calls them. Here, :data:`KNOWN` defines what each name stands
for: functions of ours that create tensors, plain containers and stand-ins, never the function or class of that name.
Any other name is refused. NVlabs' pickles contain the source code of their network classes, which is ignored.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Callable
from typing import IO, Any

import torch
from torch import Tensor

from zplus_plugins.generators.unpickling import standins
from zplus_plugins.generators.unpickling.standins import Module, Opaque, Record, TensorFlowNetwork
from zplus_plugins.untrusted import DamagedError, RefusedError, container, printable
from zplus_plugins.untrusted.container import LEGACY_MAGIC, LEGACY_VERSION, Storages
from zplus_plugins.untrusted.interpreter import PLAIN, Function, Vocabulary, plain_key
from zplus_plugins.untrusted.objects import encoded
from zplus_plugins.untrusted.storages import STORAGES
from zplus_plugins.untrusted.tflib import NAME

__all__ = ["KNOWN", "LEGACY_MAGIC", "LEGACY_VERSION", "Opaque", "Record", "RefusedError", "load"]

MEMORY_OF_STORAGE = 2**17  # for a nested storage, which is a pickle within the pickle; there may be many

NETWORKS = (
    *("AugmentPipe", "Conv2dLayer", "Discriminator", "DiscriminatorBlock", "DiscriminatorEpilogue"),
    *("FullyConnectedLayer", "Generator", "MappingNetwork", "MinibatchStdLayer", "SynthesisBlock", "SynthesisInput"),
    *("SynthesisLayer", "SynthesisNetwork", "ToRGBLayer"),
)
"""Classes of stylegan2-ada-pytorch and stylegan3, all of which a snapshot may contain."""


WHOLE = re.compile(
    r"(\w+\.)*(model|fused_act)\.(Blur|ConstantInput|Downsample|EqualConv2d|EqualLinear|FusedLeakyReLU|Generator|"
    r"ModulatedConv2d|NoiseInjection|PixelNorm|ScaledLeakyReLU|StyledConv|ToRGB|Upsample)|"
    r"torch\.nn\.modules\.(module\.Module|container\.(ModuleList|Sequential)|activation\.LeakyReLU)"
)
"""Classes of rosinality's generator, in whatever package a fork puts them, and the torch classes that it uses."""


class _Names(dict[str, Any]):
    """The names of :data:`KNOWN`, and those of classes that :data:`WHOLE` matches."""

    def __missing__(self, name: str) -> Any:
        if not WHOLE.fullmatch(name):
            raise KeyError(name)
        return Function(Module)


class _Items(dict[Any, Any]):
    """An ordered or attribute-style dictionary, without attributes; keeps torch's ``_metadata`` out of the items."""

    __slots__ = ()


def _tensor(storage: Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object) -> Tensor:
    """A view of a storage; torch checks that it is within bounds."""
    tensor = torch.as_strided(storage, size, stride, offset)
    if tensor.numel() > storage.numel():
        raise DamagedError("a tensor that repeats its storage: copied, it could fill the memory")
    return tensor


def _parameter(data: Tensor, *_: object) -> Tensor:
    if not isinstance(data, Tensor):
        raise DamagedError("a parameter that is not a tensor")
    return data


def _network(meta: dict[str, Any]) -> Record:
    """Replaces the function of ``torch_utils.persistence``, which would execute ``meta["module_src"]``."""
    name, state = meta["class_name"], meta["state"]
    if not isinstance(name, str):
        raise DamagedError("a class without a name")
    if name not in NETWORKS:
        raise RefusedError(f"the class {printable(name)} with its source code")
    if not isinstance(state, dict):
        raise DamagedError(f"{name} without its attributes")
    return Record(name, state)


def _storage(data: bytes) -> Tensor:
    """Replaces the function of ``torch.storage``, which would load any pickle; reads a nested ``torch.save`` file."""
    content = container.load_legacy(io.BytesIO(data), VOCABULARY, STORAGES_AS_TENSORS, MEMORY_OF_STORAGE)
    if not isinstance(content, Tensor):
        raise DamagedError("a storage without a tensor")
    return content


def _opaque(*_: object) -> Opaque:
    return Opaque()


_key = functools.partial(plain_key, kinds=(*PLAIN, Opaque))


def _items(pairs: list[Any] | tuple[()] = ()) -> _Items:
    """An ordered dictionary; Python 2 pickles its items as an argument, Python 3 one by one."""
    return _Items((_key(key), value) for key, value in pairs)


def _set(kind: type[set[Any] | frozenset[Any]]) -> Callable[..., Any]:
    return lambda items=(): kind(map(_key, items))


def _set_state(target: Any, state: Any) -> None:
    """Only some stand-ins keep a state; that of a tensor would replace its storage by one that was not checked."""
    if not standins.set_state(target, state) and not isinstance(target, Opaque | _Items):
        raise DamagedError(f"a state for a {type(target).__name__}")


KNOWN: dict[str, Any] = {
    "torch._utils._rebuild_tensor": Function(_tensor),
    "torch._utils._rebuild_tensor_v2": Function(_tensor),
    "torch._utils._rebuild_parameter": Function(_parameter),
    "torch.storage._load_from_bytes": Function(_storage, copies=True),
    "torch_utils.persistence._reconstruct_persistent_obj": Function(_network),
    **{f"torch.{name}": dtype for name, dtype in STORAGES.items()},
    "torch.storage.UntypedStorage": torch.uint8,
    **{str(dtype): dtype for dtype in STORAGES.values()},
    **dict.fromkeys(("collections.OrderedDict", "dnnlib.util.EasyDict"), Function(_items, copies=True)),
    **{
        f"{module}.{kind.__name__}": Function(_set(kind), copies=True)
        for module in ("builtins", "__builtin__")
        for kind in (set, frozenset)
    },
    "torch.Size": Function(tuple, copies=True),
    "_codecs.encode": Function(encoded, copies=True),
    **dict.fromkeys(("argparse.Namespace", "torch.device"), Function(_opaque)),
    **standins.names(),
    NAME: Function(TensorFlowNetwork),
}
"""What each name that weights may need stands for; other names are refused."""

VOCABULARY = Vocabulary(_Names(KNOWN), _set_state, _key)


def _as_tensor(storage: torch.UntypedStorage, dtype: torch.dtype) -> Tensor:
    return torch.empty(0, dtype=dtype, device="cpu").set_(storage)


STORAGES_AS_TENSORS = Storages(_as_tensor)
"""Represents a storage as a tensor with one axis."""


def load(file: IO[bytes]) -> Any:
    """Read one pickle at the current position of a seekable file.

    Returns:
        Tensors, plain Python values, and the stand-ins of :mod:`zplus_plugins.generators.unpickling.standins`.

    Raises:
        RefusedError: it names something else.
        Exception: of any other type if it is truncated, damaged, too long or not a pickle.
    """
    return container.load(file, VOCABULARY)
