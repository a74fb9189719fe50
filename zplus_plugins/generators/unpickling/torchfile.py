"""Read an untrusted file of weights: a pickle or a file of ``torch.save``, recognised by its content."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from zplus_plugins.errors import GeneratorFileError
from zplus_plugins.generators.unpickling import unpickle
from zplus_plugins.generators.unpickling.unpickle import STORAGES_AS_TENSORS, VOCABULARY
from zplus_plugins.untrusted import RefusedError, container
from zplus_plugins.untrusted.problems import reason_of

REFUSED = (
    "{path} contains {name}, which weights do not need and which could run any program. It was refused, and none of it "
    "was run. Download the file from its authors' own site, or save only the weights."
)


def read(path: Path) -> Any:
    """The content of a file, on the CPU: tensors, plain Python values, and stand-ins for objects.

    Raises:
        GeneratorFileError: the file does not exist, is damaged, or contains something that could run a program.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except RefusedError as error:
        raise GeneratorFileError(REFUSED.format(path=path, name=error)) from error
    except FileNotFoundError as error:
        raise GeneratorFileError(
            f"There is no generator {path} (looked in {Path.cwd()}). docs/weights.md of zplus-plugins says which there "
            "are, and where to get them; without one, zplus invert uses the embedded one, of small drawn portraits."
        ) from error
    except OSError as error:
        raise GeneratorFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # an untrusted file can cause any error
        raise GeneratorFileError(
            f"{path} ({path.stat().st_size:,} bytes) is truncated, damaged, or neither a pickle nor a file of "
            f"torch.save: {reason_of(error)}. Download it again."
        ) from error


def _read(file: IO[bytes]) -> Any:
    kind = container.format_of(file)
    if kind == container.ZIP:
        return container.load_zip(file, VOCABULARY, STORAGES_AS_TENSORS, verify=True)
    if kind == container.LEGACY:
        return container.load_legacy(file, VOCABULARY, STORAGES_AS_TENSORS)
    return unpickle.load(file)
