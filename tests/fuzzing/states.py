"""Sound files of unsound networks: tensors that are missing, too many, or of another name, shape, type or value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import torch
from torch import Tensor

_TYPES = (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool)
_NUMBERS = (float("nan"), float("inf"), -float("inf"), 0.0, 1e38)
_PREFIXES = ("module.", "decoder.", "generator.", "g_ema.", "_orig_mod.", "synthesis.", "")
_NAMES = (
    "convs.99.conv.weight",
    "noises.noise_0",
    "style.1.weight",
    "a" * 5000,
    "\x1b[2J",
    "\ud800",
    "",
    "blocks.-1.x",
)


def _reshaped(rng: Random, tensor: Tensor) -> Any:
    if not tensor.numel():  # by an earlier change
        return torch.zeros(3)
    changes: tuple[Callable[[], Any], ...] = (
        lambda: tensor[None],
        lambda: tensor.flatten(),
        lambda: tensor[:0] if tensor.ndim else tensor,
        lambda: tensor.flatten()[0],
        lambda: torch.cat((tensor, tensor)) if tensor.ndim else tensor,
        lambda: tensor.flatten()[:1].expand(rng.choice((3, 10_000_000))),
        lambda: tensor.transpose(0, -1) if tensor.ndim else tensor,
        lambda: torch.zeros(rng.choice(((0,), (1,), (512,), (1,) * 20, (0, 2**40)))),
    )
    return rng.choice(changes)()


def _of_other_values(rng: Random, tensor: Tensor) -> Any:
    changed = tensor.detach().clone()
    if changed.is_floating_point() and changed.numel():
        changed.flatten()[rng.randrange(changed.numel())] = rng.choice(_NUMBERS)
    return changed


def _of_another_type(rng: Random, tensor: Tensor) -> Any:
    others = (
        lambda: None,
        lambda: 5,
        lambda: "x",
        lambda: [tensor],
        lambda: {"weight": tensor},
        lambda: tensor.detach().float().numpy(),
    )
    return tensor.to(rng.choice(_TYPES)) if rng.random() < 0.5 else rng.choice(others)()


_OTHER = (_reshaped, _reshaped, _of_other_values, _of_another_type)


def _states(content: dict[Any, Any]) -> Iterator[dict[Any, Any]]:
    """The dictionaries of tensors in it, which is what they may be called."""
    if any(isinstance(value, Tensor) for value in content.values()):
        yield content
    for value in content.values():
        if isinstance(value, dict):
            yield from _states(value)


def _copy(content: Any) -> Any:
    return {key: _copy(value) for key, value in content.items()} if isinstance(content, dict) else content


def changed(rng: Random, content: dict[Any, Any]) -> dict[Any, Any]:
    """A copy with one or a few faults in its dictionaries, and nothing of it in the original."""
    content = _copy(content)
    for _ in range(rng.choice((1, 1, 2, 3))):
        states = list(_states(content))
        if not states:
            break
        state, way = rng.choice(states), rng.random()
        tensors = [key for key, value in state.items() if isinstance(value, Tensor)]
        key = rng.choice(tensors)
        if way < 0.5:
            state[key] = rng.choice(_OTHER)(rng, state[key])
        elif way < 0.6:
            del state[key]
        elif way < 0.7:
            state[rng.choice(_NAMES)] = state[key]
        elif way < 0.8:
            state[key] = state[rng.choice(tensors)]
        else:
            _rename(rng, state)
    return content if rng.random() < 0.8 else _repacked(rng, content)


def _rename(rng: Random, state: dict[Any, Any]) -> None:
    """All names with something before them, some of them numbers, or only the first layers."""
    items = list(state.items())
    state.clear()
    prefix, numbered, count = rng.choice(_PREFIXES), rng.random() < 0.1, rng.choice((len(items), 1, len(items) // 2))
    state.update({index if numbered else f"{prefix}{key}": value for index, (key, value) in enumerate(items[:count])})


def _repacked(rng: Random, content: dict[Any, Any]) -> dict[Any, Any]:
    """In another dictionary, or under other keys."""
    keys = ("g", "g_ema", "generator_smooth", "models", "state_dict", "state", "architecture", "params_ema", "w")
    if rng.random() < 0.5:
        return {rng.choice(keys): content}
    return {rng.choice((key, rng.choice(keys))): value for key, value in content.items()}
