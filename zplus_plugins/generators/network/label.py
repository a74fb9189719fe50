"""The label of a conditional generator, folded into its mapping network.

NVlabs' mapping network of a conditional generator embeds the label c, normalises z and the embedding each on its own,
and feeds both to its first layer: FC(concat(z, e)) = W_z z + (W_e e + b). With the label fixed, the second part is a
constant, so that the network is exactly that of an unconditional generator with another bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, sqrt
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from zplus_plugins.errors import GeneratorFileError, LabelError
from zplus_plugins.records.arrays import ContentError, read_npy

Label = int | Sequence[float] | Path | str
"""The index of a class, a label's numbers, or a ``.npy`` file that contains them."""

MOST_NUMBERS = 100_000


class Dense(NamedTuple):
    """The weight (outputs, inputs) and the bias (outputs,) of a layer, as in the file."""

    weight: Tensor
    bias: Tensor


def folded(first: Dense, embed: Dense, label: Label | None) -> Dense:
    """The first layer of the mapping network for one label, which takes z alone.

    Args:
        first: the layer for z and the embedding, in this order.
        embed: the linear layer that embeds labels, whose learning-rate multiplier is 1.
        label: of which the embedding is taken.

    Raises:
        LabelError: there is no label, or one of another size.
        GeneratorFileError: the layers do not fit together.
    """
    for name, layer in (("first layer", first), ("label embedding", embed)):
        if layer.weight.ndim != 2 or layer.bias.shape != layer.weight.shape[:1] or not layer.weight.numel():
            raise GeneratorFileError(
                f"The {name} of its mapping network has a weight of shape {tuple(layer.weight.shape)} and a bias of "
                f"shape {tuple(layer.bias.shape)}, which do not fit together."
            )
    inputs, size = first.weight.shape[1], embed.weight.shape[0]
    if inputs <= size:
        raise GeneratorFileError(
            f"The first layer of its mapping network takes {inputs} numbers, of which the label is to be {size}: none "
            "are left for z."
        )
    c = numbers(label, embed.weight.shape[1])
    e = embed.weight.double() @ c / sqrt(len(c)) + embed.bias.double()
    e = e * (e.square().mean() + 1e-8).rsqrt()
    weight, z_dim = first.weight.double(), inputs - size
    # The scale of a weight, 1 / sqrt(inputs), is applied at run time, there for z and the embedding together.
    bias = first.bias.double() + weight[:, z_dim:] @ e / sqrt(inputs)
    return Dense((weight[:, :z_dim] * sqrt(z_dim / inputs)).float(), bias.float())


def numbers(label: Label | None, size: int) -> Tensor:
    """A label's numbers (size,) in float64; of a class, 1 at its index and 0 elsewhere.

    Raises:
        LabelError: there is none, or it does not have this size.
    """
    if label is None:
        raise LabelError(
            f"It is conditional, with labels of {size} numbers, such as one for each class. Choose a class from 0 to "
            f"{size - 1} with --label N, or give all numbers of a label (--label 0.2,0.8,... or a .npy file)."
        )
    if isinstance(label, int):
        if not 0 <= label < size:
            raise LabelError(f"It has no class {label}: its {size} classes are numbered from 0 to {size - 1}.")
        return torch.nn.functional.one_hot(torch.tensor(label), size).double()
    found = _read(Path(label)) if isinstance(label, str | Path) else list(map(float, label))
    if len(found) != size:
        raise LabelError(f"The label has {len(found)} numbers; its labels have {size}.")
    if not all(map(isfinite, found)):
        raise LabelError("The label contains NaN or infinite numbers.")
    return torch.tensor(found, dtype=torch.float64)


def _read(path: Path) -> list[float]:
    try:
        array = read_npy(path)
    except ContentError as error:
        raise LabelError(f"The label {path} cannot be used: {error}. Expected a .npy file of numbers.") from None
    except OSError as error:
        raise LabelError(f"The label {path} cannot be read: {error.strerror or error}.") from None
    if array.dtype.kind not in "biuf" or array.size > MOST_NUMBERS:
        raise LabelError(f"The label {path} has {array.size:,} entries of type {array.dtype}; expected a few numbers.")
    return [float(number) for number in array.ravel()]
