"""Read what other people's trainers wrote, by its content: a pickle, or what ``torch.save`` writes.

``torch.load`` is not used on files that nobody vouches for, because its ``weights_only`` is no wall in every torch that
we support: before 2.6 it runs TorchScript archives all the same (CVE-2025-32434), and before 2.10 it trusts the sizes
that a file claims, and reads beyond what is there (CVE-2026-24747).
"""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import IO, Any

from torch import Tensor

from zplus_plugins.errors import GeneratorFileError
from zplus_plugins.generators import unpickle
from zplus_plugins.generators.storages import storage_from, storage_id

REFUSED = (
    "{path} holds {name}, which no weights need, and which could run any program. It was refused, and nothing of it "
    "was run. Take the file from its authors' own site, or save the weights alone."
)
TENSORFLOW = {
    "dnnlib.tflib.network.Network": "{path} is a pickle of the TensorFlow version of StyleGAN. If it is a StyleGAN2, "
    "convert it with legacy.py of https://github.com/NVlabs/stylegan3: python legacy.py --source={path} --dest=NEW.pkl"
}

_ZIP = b"PK\3\4"
_LEGACY = pickle.dumps(unpickle.LEGACY_MAGIC, protocol=2)


def read(path: Path) -> Any:
    """Everything in a file, on the CPU: tensors, plain Python values, and lifeless stand-ins for objects.

    Raises:
        GeneratorFileError: there is no such file, it is damaged, or it holds what could run a program.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except unpickle.RefusedError as error:
        raise GeneratorFileError(TENSORFLOW.get(str(error), REFUSED).format(path=path, name=error)) from error
    except FileNotFoundError as error:
        raise GeneratorFileError(f"There is no generator {path} (looked in {Path.cwd()}).") from error
    except OSError as error:
        raise GeneratorFileError(f"{path} cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # what nobody vouches for can fail in any way
        raise GeneratorFileError(
            f"{path} ({path.stat().st_size:,} bytes) is truncated, damaged, or neither a pickle nor a file of "
            f"torch.save: {str(error) or type(error).__name__}. Download it again."
        ) from error


def _read(file: IO[bytes]) -> Any:
    head = file.read(len(_LEGACY))
    file.seek(0)
    if head.startswith(_ZIP):
        return _read_zip(zipfile.ZipFile(file), room=file.seek(0, io.SEEK_END))
    return unpickle.load_legacy(file) if head == _LEGACY else unpickle.load(file)


def _read_zip(archive: zipfile.ZipFile, room: int) -> Any:
    """What ``torch.save`` writes since torch 1.6: a pickle, and every storage as an entry beside it.

    Args:
        archive: the open file.
        room: its size, which the storages may not exceed: older versions of Python let entries overlap.
    """
    pickled = next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)
    if pickled is None:
        raise ValueError("an archive without data.pkl")
    root = pickled.removesuffix("data.pkl")
    if f"{root}constants.pkl" in archive.namelist():
        raise unpickle.RefusedError("a TorchScript program")
    if f"{root}byteorder" in archive.namelist() and _stored(archive, f"{root}byteorder") != b"little":
        raise ValueError("another byte order")
    storages: dict[str, Tensor] = {}

    def storage_of(pid: Any) -> Tensor:
        nonlocal room
        key, dtype, length = storage_id(pid)
        if key not in storages:
            room -= length * dtype.itemsize
            if room < 0:
                raise ValueError("storages that are larger than the file")
            storages[key] = storage_from(_stored(archive, f"{root}data/{key}"), dtype, length)
        return storages[key]

    return unpickle.load(io.BytesIO(_stored(archive, pickled)), storage_of)


def _stored(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed, which torch.save never does")
    return archive.read(name)
