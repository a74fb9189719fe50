"""Files that are needed, and those that a library downloads: the file, or what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch.hub

from zplus_plugins.errors import DownloadError


@dataclass(frozen=True)
class NeededFile:
    """A file that a script or a library will ask for.

    Attributes:
        path: of the file, or a pattern for several.
        what: the file is.
        source: where it comes from.
        present: whether it is there.
        work: whether it is a picture to work on, whose results are named by its stem.
        made: whether an earlier run made it, so that the script may write it anew; over others, nothing is written.
    """

    path: Path
    what: str
    source: str
    present: bool
    work: bool = False
    made: bool = False


LPIPS_BACKBONES = {
    "alex": "alexnet-owt-7be5be79.pth",
    "squeeze": "squeezenet1_1-b8a52dc0.pth",
    "vgg": "vgg16-397923af.pth",
}


def hub_weights(file: str, what: str) -> NeededFile:
    """Weights that torch.hub downloads once."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / file
    return NeededFile(path, what, f"https://download.pytorch.org/models/{file}", path.exists())


def lpips_weights(net: str) -> NeededFile:
    """The backbone that LPIPS builds on, one of :data:`LPIPS_BACKBONES`, which torchvision downloads once."""
    return hub_weights(LPIPS_BACKBONES[net], "LPIPS backbone weights")


@contextlib.contextmanager
def downloading(file: NeededFile) -> Iterator[None]:
    """While it lasts, a library loads ``file``, which it downloads if it is not there.

    Raises:
        DownloadError: that failed; says where the file comes from, and where it belongs.
    """
    try:
        yield
    except Exception as error:  # what a library does with a damaged file, nobody knows
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        state = "is damaged" if file.path.exists() else "is missing and cannot be downloaded"
        raise DownloadError(
            f"The {file.what} {file.path} {state} ({reason.rstrip('.')}). Download {file.source} on a machine with a "
            "network, and put it there."
        ) from None
