"""Networks saved as ``torch.nn.Module`` objects, not only as weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from zplus_plugins.generators.unpickling.standins import Module, Record

LR_MULTIPLIER = "lr_mul"
DEPTH = 4  # synthesis.b4.conv1.affine, convs.0.conv.modulation


def modules_of(network: Record | Module) -> dict[str, Record | Module]:
    """The network and its modules by the prefix of their tensor names; each only once, even if it contains itself."""
    return dict(_modules(network, "", {id(network)}))


def _modules(module: Record | Module, prefix: str, seen: set[int]) -> Iterator[tuple[str, Record | Module]]:
    yield prefix, module
    for name, value in _part(module, "_modules").items():
        if isinstance(value, Record | Module) and id(value) not in seen and prefix.count(".") < DEPTH:
            seen.add(id(value))
            yield from _modules(value, f"{prefix}{name}.", seen)


def tensors_in(modules: Mapping[str, Record | Module]) -> Iterator[tuple[str, Tensor]]:
    """The items of the network's ``state_dict``."""
    for prefix, module in modules.items():
        for name, value in {**_part(module, "_parameters"), **_part(module, "_buffers")}.items():
            if isinstance(value, Tensor):
                yield f"{prefix}{name}", value


def with_states(content: Any) -> Any:
    """The content of a file, in which state dicts replace every :class:`Module`, on its own or in a dictionary."""
    if isinstance(content, Module):
        return _state(modules_of(content))
    if not isinstance(content, dict):
        return content
    states = {id(value): with_states(value) for value in content.values() if isinstance(value, Module)}
    return {key: states.get(id(value), value) for key, value in content.items()} if states else content


def _state(modules: Mapping[str, Record | Module]) -> dict[str, Tensor]:
    """The state dict, plus the learning-rate multipliers of the layers, which scale their weights, as tensors."""
    noted = {f"{prefix}{LR_MULTIPLIER}": (module.state or {}).get(LR_MULTIPLIER) for prefix, module in modules.items()}
    found = {name: torch.tensor(value, dtype=torch.float64) for name, value in noted.items() if _is_number(value)}
    return {**dict(tensors_in(modules)), **found}


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or (type(value) is int and value.bit_length() < 64)


def _part(record: Record | Module, name: str) -> Mapping[Any, Any]:
    found = (record.state or {}).get(name)
    return found if isinstance(found, dict) else {}
