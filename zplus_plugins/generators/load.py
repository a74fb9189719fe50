"""Load a generator from a file of a supported format, which is recognised by its content."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from zplus_plugins.errors import GeneratorError, GeneratorFileError
from zplus_plugins.generators.formats import genforce, nvlabs, own, rosinality, stylegan3, tensorflow
from zplus_plugins.generators.formats.describe import described
from zplus_plugins.generators.formats.layout import build
from zplus_plugins.generators.formats.modules import with_states
from zplus_plugins.generators.network.interface import StyleGenerator
from zplus_plugins.generators.unpickling.torchfile import read
from zplus_plugins.untrusted.filekinds import not_a_network

_log = logging.getLogger("zplus_plugins")

EMBEDDED = Path(__file__).parents[1] / "weights" / "generator.pt"
KINDS = (stylegan3, nvlabs, tensorflow, rosinality, genforce, own)


def load_generator(path: Path | str | None = None) -> StyleGenerator:
    """Load a generator to the CPU, in evaluation mode and without gradients. No code in the file is executed.

    Anything that had to be chosen, assumed or replaced, such as noise buffers missing from the file, is logged.

    Args:
        path: the file; None for the embedded portrait generator.

    Raises:
        GeneratorFileError: the file does not exist, is damaged, contains something that could run a program, or has an
            unknown format; its network is not an unconditional StyleGAN2 with skip connections or StyleGAN3; or its
            weights are incomplete or not finite.
    """
    path = EMBEDDED if path is None else Path(path)
    _require_a_checkpoint(path)
    content = with_states(read(path))
    try:
        source = next((found for kind in KINDS if (found := kind.find(content)) is not None), None)
        if source is not None:
            generator, notes = build(source)
            if notes:
                _log.info("%s: %s.", path, "; ".join(notes))
            return generator
    except GeneratorError as error:
        raise GeneratorFileError(f"The generator in {path} cannot be used. {error}") from error
    what, remedy = described(content)
    known = "; ".join(kind.EXPECTED for kind in KINDS)
    raise GeneratorFileError(
        f"{path} contains no supported generator; found {what}. {remedy}{' ' * bool(remedy)}Supported are: {known}."
    )


def weights_hash(generator: StyleGenerator) -> str:
    """An identifier of a generator: the sha256 of its weights and constants, as 64 hexadecimal digits."""
    constants, tensors = generator.identity
    digest = hashlib.sha256(constants.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype} ".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def generator_hash(path: Path | str | None = None) -> str:
    """:func:`weights_hash` of the generator in a file.

    Raises:
        GeneratorFileError: as :func:`load_generator`.
    """
    return weights_hash(load_generator(path))


def _require_a_checkpoint(path: Path) -> None:
    """Raise GeneratorFileError if the first bytes show another file type; unreadable files are left to ``read``."""
    try:
        kind = not_a_network(path)
    except OSError:
        return
    if kind is not None:
        raise GeneratorFileError(f"{path} ({path.stat().st_size:,} bytes) is {kind.what}. {kind.remedy}")
