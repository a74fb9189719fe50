"""Required files, including those that a library downloads, and what to do if one is missing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch.hub

from zplus_plugins.errors import DownloadError


@dataclass(frozen=True)
class NeededFile:
    """A file that a script or a library will request.

    Attributes:
        path: its path, or a pattern for several files.
        what: a description of the file.
        source: where to get it.
        present: whether it exists.
        work: whether it is an image to invert.
        made: whether an earlier run created it, so that the script may overwrite it; other files are never overwritten.
        name: of an image's results, if it is not the stem.
    """

    path: Path
    what: str
    source: str
    present: bool
    work: bool = False
    made: bool = False
    name: str = ""

    @property
    def results(self) -> str:
        """The name of an image's results."""
        return self.name or self.path.stem


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
    """Inside this context, a library loads ``file``, and downloads it if it is missing.

    Raises:
        DownloadError: that failed; the message names the source of the file and where to put it.
    """
    try:
        yield
    except Exception as error:  # a library may raise anything for a damaged file
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        state = "is damaged" if file.path.exists() else "is missing and cannot be downloaded"
        raise DownloadError(
            f"The {file.what} {file.path} {state} ({reason.rstrip('.')}). Download {file.source} on a machine with a "
            "network, and put it there."
        ) from None
