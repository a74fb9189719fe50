"""Whether a file of weights is whole and of the right kind, judged by its first bytes and its structure.

The numbers of its tensors are not read, so that a file of any size costs a few reads; nothing in it is run.
"""

from __future__ import annotations

from pathlib import Path

from zplus_plugins.untrusted import filekinds
from zplus_plugins.untrusted.filekinds import Kind
from zplus_plugins.upstreams.requirements.outline import outline

SUFFIXES = (".pth", ".pt", ".pkl")
"""Names of files with weights end like this; of others, only the traces of a failed download are looked for."""


def fault(path: Path) -> Kind | None:
    """What an existing file is, and what to do about it; None if it seems to be as its name says.

    Which networks it holds is not considered, and a TorchScript program is no fault: only the script can tell.
    """
    try:
        if not path.is_file():
            return _not_a_file(path)
        if path.suffix.lower() not in SUFFIXES:
            return filekinds.failed_download(path)
        kind = filekinds.not_a_network(path)
        if kind is not None:
            return None if kind is filekinds.TORCHSCRIPT else kind
        outline(path)
    except ValueError:
        return Kind(f"truncated or damaged: it begins like {_beginning(path)}", "Delete it and download it again.")
    except OSError as error:
        return Kind(f"unreadable ({error.strerror or error})", "Check its permissions, and where it links to.")
    return None


def _beginning(path: Path) -> str:
    with path.open("rb") as file:
        return filekinds.described(file.read(filekinds.FIRST), path.stat().st_size)


def _not_a_file(path: Path) -> Kind:
    if path.is_symlink() and not path.exists():
        return Kind(f"a link to {path.readlink()}, which does not exist", "Delete it, or put the file there.")
    return Kind("a folder, not a file" if path.is_dir() else "not a regular file", "Move it elsewhere.")
