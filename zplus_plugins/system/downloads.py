"""Required files, including those that a library downloads, and what to do if one is missing."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch.hub

from zplus_plugins.errors import DownloadError
from zplus_plugins.system.console import shows_bars
from zplus_plugins.system.options import is_offline

_log = logging.getLogger("zplus_plugins")


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
        megabytes: its size; None if it is not known.
    """

    path: Path
    what: str
    source: str
    present: bool
    work: bool = False
    made: bool = False
    name: str = ""
    megabytes: int | None = None

    @property
    def results(self) -> str:
        """The name of an image's results."""
        return self.name or self.path.stem


FACENET = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/20180402-114759-vggface2.pt"
LPIPS_BACKBONES = {
    "alex": "alexnet-owt-7be5be79.pth",
    "squeeze": "squeezenet1_1-b8a52dc0.pth",
    "vgg": "vgg16-397923af.pth",
}
_MEGABYTES = {
    LPIPS_BACKBONES["alex"]: 244,
    LPIPS_BACKBONES["squeeze"]: 5,
    LPIPS_BACKBONES["vgg"]: 553,
}


def hub_weights(file: str, what: str) -> NeededFile:
    """Weights that torch.hub downloads once."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / file
    url = f"https://download.pytorch.org/models/{file}"
    return NeededFile(path, what, url, path.exists(), megabytes=_MEGABYTES.get(file))


def lpips_weights(net: str) -> NeededFile:
    """The backbone that LPIPS builds on, one of :data:`LPIPS_BACKBONES`, which torchvision downloads once."""
    return hub_weights(LPIPS_BACKBONES[net], "LPIPS backbone weights")


def facenet_weights() -> NeededFile:
    """FaceNet, trained on VGGFace2, where facenet-pytorch looks for it."""
    path = Path(torch.hub.get_dir()).parent / "checkpoints" / FACENET.rpartition("/")[2]
    return NeededFile(path, "weights of the identity network", FACENET, path.exists(), megabytes=112)


def obtain(file: NeededFile) -> None:
    """Download a file, unless it is there: whole or not at all, after a message that says how large it is.

    Raises:
        DownloadError: downloads are forbidden.
        Exception: of the network or the file system.
    """
    if file.path.exists():
        return
    if is_offline():
        raise DownloadError("--offline or ZPLUS_OFFLINE forbids it")
    size = "of unknown size" if file.megabytes is None else f"{file.megabytes} MB"
    _log.info("downloading the %s (%s) from %s to %s, once.", file.what, size, file.source, file.path)
    file.path.parent.mkdir(parents=True, exist_ok=True)
    sha256 = re.search(r"-([0-9a-f]{8})\.pth$", file.path.name)
    torch.hub.download_url_to_file(file.source, str(file.path), sha256 and sha256[1], progress=shows_bars())


@contextlib.contextmanager
def or_without(option: str) -> Iterator[None]:
    """Inside this context, an error of a download also names the option that does without the file."""
    try:
        yield
    except DownloadError as error:
        raise DownloadError(f"{error} Or do without it: {option}.") from None


@contextlib.contextmanager
def downloading(file: NeededFile) -> Iterator[None]:
    """Inside this context, ``file`` is loaded; it is downloaded first if it is missing.

    Raises:
        DownloadError: that failed; the message names the source of the file and where to put it.
    """
    try:
        obtain(file)
        yield
    except Exception as error:  # a library may raise anything for a damaged file
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        state = "is damaged" if file.path.exists() else "is missing and cannot be downloaded"
        raise DownloadError(
            f"The {file.what} {file.path} {state} ({reason.rstrip('.')}). Download {file.source}{_sized(file)} on a "
            "machine with a network, and put it there."
        ) from None


def _sized(file: NeededFile) -> str:
    return "" if file.megabytes is None else f" ({file.megabytes} MB)"
