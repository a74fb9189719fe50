"""Pickles of networks as ``torch_utils.persistence`` of NVlabs' repositories reads them.

Such a pickle contains for every network the source code of its class, which is executed to get the class. Ours is
:data:`SOURCE`, which contains no class: it imports those of the repository that opens the file. The same file therefore
works in stylegan2-ada-pytorch and in stylegan3, whose classes have the same names and parts.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from typing import IO, Any, ClassVar, NamedTuple

from torch import Tensor, nn

SOURCE = '''"""The classes of the repository that opens this file, which was written by zplus convert."""

try:
    from training.networks import *
except ModuleNotFoundError:  # stylegan3, which has StyleGAN2 in a module of its own, and takes other arguments
    from training import networks_stylegan2
    from training.networks_stylegan2 import *

    class Generator(networks_stylegan2.Generator):
        def __init__(self, *args, synthesis_kwargs=None, **kwargs):
            super().__init__(*args, **{**(synthesis_kwargs or {}), **kwargs})
'''
VERSION = 6


class Network:
    """An object of one of NVlabs' classes, in evaluation mode.

    Args:
        name: of the class.
        tensors: its parameters by name.
        buffers, modules: the same of these.
        attributes: its others.
    """

    def __init__(
        self,
        name: str,
        tensors: Mapping[str, Tensor],
        buffers: Mapping[str, Tensor],
        modules: Mapping[str, Network],
        attributes: Mapping[str, Any],
    ) -> None:
        self.name = name
        state = vars(nn.Module().eval())
        state["_parameters"].update({key: nn.Parameter(value, requires_grad=False) for key, value in tensors.items()})
        state["_buffers"].update(buffers)
        state["_modules"].update(modules)
        self.state = {**state, **attributes}

    def __reduce__(self) -> tuple[Any, ...]:
        about = {"type": "class", "version": VERSION, "module_src": SOURCE, "class_name": self.name}
        return _Name("torch_utils.persistence", "_reconstruct_persistent_obj"), ({**about, "state": self.state},)


class EasyDict(dict[str, Any]):
    """A dictionary that becomes NVlabs' ``EasyDict``."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _Name("dnnlib.util", "EasyDict"), (), None, None, iter(self.items())


def dump(content: Any, file: IO[bytes]) -> None:
    """Pickle networks, and what is beside them."""
    _Pickler(file, protocol=4).dump(content)


class _Name(NamedTuple):
    """The name of a function or class of NVlabs', which need not be importable here."""

    module: str
    name: str

    def __call__(self) -> None:
        """Pickles only refer to callables; this one is never called."""


class _Pickler(pickle._Pickler):
    """Python's pickler, which is extended here because that in C imports what a pickle refers to."""

    write: Callable[[bytes], object]
    memoize: Callable[[object], None]

    def _save_name(self, name: _Name) -> None:
        self.write(pickle.GLOBAL + f"{name.module}\n{name.name}\n".encode())
        self.memoize(name)

    dispatch: ClassVar[dict[type, Callable[..., None]]] = {**pickle._Pickler.dispatch, _Name: _save_name}
