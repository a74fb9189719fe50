"""The images of a comparison, which are read from their files for each part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from zplus_plugins.inversion.picture_files import PictureFiles, checked
from zplus_plugins.photos.aligner import Aligner
from zplus_plugins.system.cache import DigestInPieces


@dataclass(frozen=True)
class StreamedPictures:
    """Images in files; a slice of it is a tensor (B, 3, R, R) in [-1, 1].

    Attributes:
        files: where they are.
        first: the first of them, which the report shows, (k, 3, R, R).
        fingerprint: :func:`~zplus_plugins.compare.work.plan.fingerprint` of all of them.
    """

    files: PictureFiles
    first: Tensor
    fingerprint: str

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, part: slice) -> Tensor:
        """Some of the images; those that are not among the first are read.

        Raises:
            RequirementError: a file has changed since it was checked, or can no longer be read.
        """
        within = range(len(self))[part]
        return self.first[part] if within.stop <= len(self.first) else self.files[part]

    @classmethod
    def of(
        cls, files: Sequence[Path], resolution: int, resize: bool, kept: int, aligner: Aligner | None = None
    ) -> StreamedPictures:
        """The images in these files.

        Args:
            files: image files.
            resolution, resize: as for :func:`~zplus_plugins.inversion.images.read_pictures`.
            kept: how many to keep in memory.
            aligner: as for :func:`~zplus_plugins.inversion.picture_files.checked`.

        Raises:
            RequirementError: files are unusable; the message names all.
        """
        first: list[Tensor] = []
        state = DigestInPieces(len(files) * 3 * resolution**2 * torch.float32.itemsize)

        def see(picture: Tensor) -> None:
            state.update(picture.numpy().tobytes())
            if len(first) < kept:
                first.append(picture)

        whole, _ = checked(files, resolution, resize, on_picture=see, aligner=aligner)
        return cls(whole, torch.stack(first), state.digest()[:16])
