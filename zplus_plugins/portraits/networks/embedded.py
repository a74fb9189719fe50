"""The trained networks that come with the package, in half precision on disk and float32 in memory.

All are in evaluation mode, and their weights require no gradient.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from torch import nn

from zplus_plugins.errors import GeneratorFileError, RequirementError
from zplus_plugins.generators import StyleGenerator, load_generator
from zplus_plugins.portraits.drawing.drawing import RESOLUTION
from zplus_plugins.portraits.networks.encoder import Encoder
from zplus_plugins.portraits.networks.files import WEIGHTS, load
from zplus_plugins.portraits.networks.regressor import Regressor

REGRESSOR, ENCODER = (WEIGHTS / f"{name}.pt" for name in ("regressor", "encoder"))

Network = TypeVar("Network", bound=nn.Module)


def embedded_generator() -> StyleGenerator:
    """The portrait generator, which :func:`~zplus_plugins.generators.load_generator` loads by default."""
    return load_generator()


def portrait_generator(path: Path | None) -> StyleGenerator:
    """Load a portrait generator from a file; None for the embedded one.

    Raises:
        GeneratorFileError: it cannot be loaded, or its images do not have the size of the portraits.
    """
    generator = load_generator(path)
    size = generator.architecture.resolution
    if size != RESOLUTION:
        raise GeneratorFileError(
            f"The generator in {path} has images of {size} x {size}; portraits have {RESOLUTION} x {RESOLUTION}. Use "
            "one exported by train_generator."
        )
    return generator


def embedded_regressor() -> Regressor:
    """The attribute regressor with its identity feature."""
    return regressor_in(REGRESSOR)


def regressor_in(path: Path) -> Regressor:
    """Load an exported attribute regressor.

    Raises:
        RequirementError: the file is missing, unreadable, or contains something else.
    """
    content = load(path)
    try:
        return frozen(Regressor(), content["state"])
    except (KeyError, TypeError, RuntimeError):
        raise RequirementError(
            f"{path} contains no portrait regressor; expected a file written by train_regressor --export."
        ) from None


def embedded_encoder() -> Encoder:
    """The base-code encoder of the embedded generator."""
    content = load(ENCODER)
    return frozen(Encoder(content["outputs"]), content["state"])


def frozen(network: Network, state: dict[str, object]) -> Network:
    """A network with a state loaded, for inference only."""
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)
