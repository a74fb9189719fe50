"""The trained networks that come with the package, in half precision on the disk and float32 in memory.

All are in evaluation mode, and their weights require no gradient.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from torch import nn

from zplus_plugins.errors import GeneratorFileError, RequirementError
from zplus_plugins.generators import Generator, load_generator
from zplus_plugins.portraits.drawing.drawing import RESOLUTION
from zplus_plugins.portraits.networks.encoder import Encoder
from zplus_plugins.portraits.networks.files import WEIGHTS, load
from zplus_plugins.portraits.networks.regressor import Regressor

REGRESSOR, ENCODER = (WEIGHTS / f"{name}.pt" for name in ("regressor", "encoder"))

Network = TypeVar("Network", bound=nn.Module)


def embedded_generator() -> Generator:
    """The generator of portraits: what :func:`~zplus_plugins.generators.load_generator` reads by default."""
    return load_generator()


def portrait_generator(path: Path | None) -> Generator:
    """A generator of portraits in a file; None for the embedded one.

    Raises:
        GeneratorFileError: it cannot be loaded, or its pictures are not of the portraits' size.
    """
    generator = load_generator(path)
    size = generator.architecture.resolution
    if size != RESOLUTION:
        raise GeneratorFileError(
            f"The generator in {path} makes pictures of {size} x {size}; those of portraits are of {RESOLUTION} x "
            f"{RESOLUTION}. Take one that train_generator has exported."
        )
    return generator


def embedded_regressor() -> Regressor:
    """The attribute regressor with its identity feature."""
    return regressor_in(REGRESSOR)


def regressor_in(path: Path) -> Regressor:
    """An exported attribute regressor.

    Raises:
        RequirementError: the file is missing, unreadable, or holds something else.
    """
    content = load(path)
    try:
        return frozen(Regressor(), content["state"])
    except (KeyError, TypeError, RuntimeError):
        raise RequirementError(
            f"{path} holds no regressor of portraits; expected what train_regressor --export writes."
        ) from None


def embedded_encoder() -> Encoder:
    """The base-code encoder of the embedded generator."""
    content = load(ENCODER)
    return frozen(Encoder(content["outputs"]), content["state"])


def frozen(network: Network, state: dict[str, object]) -> Network:
    """A network with a state, for use alone."""
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)
