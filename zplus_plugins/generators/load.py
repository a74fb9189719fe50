"""Load a generator from a file of a supported format, which is recognised by its content."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

from zplus_plugins.errors import GeneratorError, GeneratorFileError, LabelError
from zplus_plugins.generators.assembly.build import Built, build
from zplus_plugins.generators.assembly.labelled import of_label
from zplus_plugins.generators.formats import genforce, nvlabs, own, rosinality, safetensors, stylegan3, tensorflow
from zplus_plugins.generators.formats.describe import described
from zplus_plugins.generators.formats.modules import with_states
from zplus_plugins.generators.network.interface import StyleGenerator
from zplus_plugins.generators.network.label import Label
from zplus_plugins.generators.unpickling.torchfile import read
from zplus_plugins.untrusted.filekinds import not_a_network

_log = logging.getLogger("zplus_plugins")

EMBEDDED = Path(__file__).parents[1] / "weights" / "generator.pt"
KINDS = (stylegan3, nvlabs, tensorflow, rosinality, genforce, own)


def load_generator(path: Path | str | None = None, label: Label | None = None) -> StyleGenerator:
    """Load a generator to the CPU, in evaluation mode and without gradients. No code in the file is executed.

    Anything that had to be chosen, assumed or replaced, such as noise buffers missing from the file, is logged.

    Args:
        path: the file; None for the embedded portrait generator.
        label: of a conditional generator of NVlabs': the index of a class, the numbers of a label, or a ``.npy`` file
            with them. The mapping network is then that of this label, and so is :func:`weights_hash`; ``w_mean``
            remains that of the file, which is the mean over all labels.

    Raises:
        LabelError: the generator is conditional and has no such label, or it takes none.
        RequirementError: the file is one of safetensors, and that package is not installed.
        GeneratorFileError: the file does not exist, is damaged, contains something that could run a program, or has an
            unknown format; its network is neither a StyleGAN2 with skip connections nor a StyleGAN3; or its
            weights are incomplete or not finite.
    """
    path = EMBEDDED if path is None else Path(path)
    generator, notes = built(path, label)
    if notes:
        _log.info("%s: %s.", path, "; ".join(notes))
    return generator


def built(path: Path, label: Label | None = None) -> Built:
    """The generator, and the notes that :func:`load_generator`, with the same arguments and errors, logs."""
    content = _content(path)
    try:
        source = next((found for kind in KINDS if (found := kind.find(content)) is not None), None)
        if source is not None:
            found = build(of_label(source, label))
            _require_unchanged(found.generator, content)
            return found
    except LabelError as error:
        raise LabelError(f"The generator in {path} cannot be used. {error}") from None
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


def generator_hash(path: Path | str | None = None, label: Label | None = None) -> str:
    """:func:`weights_hash` of the generator in a file; arguments and errors as for :func:`load_generator`."""
    return weights_hash(load_generator(path, label))


def _content(path: Path) -> Any:
    """What a file contains, of whatever kind; state dicts replace the objects of networks."""
    try:
        if safetensors.is_safetensors(path):
            return safetensors.read(path)
    except OSError:
        pass  # the reader of other files says why
    _require_a_checkpoint(path)
    return with_states(read(path))


def _require_unchanged(generator: StyleGenerator, content: Any) -> None:
    """Raise GeneratorFileError if a file of ours states another checksum than that of its weights."""
    stated = content.get(safetensors.HASH) if isinstance(content, dict) else None
    if isinstance(stated, str) and stated != weights_hash(generator):
        raise GeneratorFileError(
            "Its weights are not those of which it states the checksum: it was changed or damaged."
        )


def _require_a_checkpoint(path: Path) -> None:
    """Raise GeneratorFileError if the first bytes show another file type; unreadable files are left to ``read``."""
    try:
        kind = not_a_network(path)
    except OSError:
        return
    if kind is not None:
        raise GeneratorFileError(f"{path} ({path.stat().st_size:,} bytes) is {kind.what}. {kind.remedy}")
