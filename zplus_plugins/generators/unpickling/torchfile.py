"""Read what other people's trainers wrote, by its content: a pickle, or what ``torch.save`` writes."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from zplus_plugins.errors import GeneratorFileError
from zplus_plugins.generators.unpickling import unpickle
from zplus_plugins.generators.unpickling.unpickle import STORAGES_AS_TENSORS, VOCABULARY
from zplus_plugins.untrusted import RefusedError, container
from zplus_plugins.untrusted.problems import reason_of

REFUSED = (
    "{path} holds {name}, which no weights need, and which could run any program. It was refused, and nothing of it "
    "was run. Take the file from its authors' own site, or save the weights alone."
)


def read(path: Path) -> Any:
    """Everything in a file, on the CPU: tensors, plain Python values, and lifeless stand-ins for objects.

    Raises:
        GeneratorFileError: there is no such file, it is damaged, or it holds what could run a program.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except RefusedError as error:
        raise GeneratorFileError(REFUSED.format(path=path, name=error)) from error
    except FileNotFoundError as error:
        raise GeneratorFileError(f"There is no generator {path} (looked in {Path.cwd()}).") from error
    except OSError as error:
        raise GeneratorFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # what nobody vouches for can fail in any way
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
