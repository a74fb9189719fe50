"""Photographs with edits in them: ``zplus edit --paste``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from zplus_plugins.errors import RecordError, UsageError
from zplus_plugins.inversion.record import edits_of
from zplus_plugins.photos.alignment import Alignment, require_same_photo
from zplus_plugins.photos.blend import paste
from zplus_plugins.photos.pasting import alignment_in_record, as_png, pasted_name, photo_of
from zplus_plugins.photos.photograph import Photograph
from zplus_plugins.system.cache import digest
from zplus_plugins.system.results import MARK, Results, Settings

AUTO = "auto"
PHOTOS = "photos"
"""The folder beside records in which ``zplus studio`` keeps photographs."""


@dataclass(frozen=True)
class Photographs:
    """The photographs with the edits of a record.

    Attributes:
        photo: the file of the photograph.
        alignment: how the image of the record had been cut out of it.
        files: to be written, one for each edit.
        match_colour: as for :func:`~zplus_plugins.photos.paste`.
    """

    photo: Path
    alignment: Alignment
    files: tuple[str, ...]
    match_colour: bool = False

    @classmethod
    def of(
        cls, given: str, path: Path, about: Mapping[str, Any], edits: Sequence[str], match_colour: bool = False
    ) -> Photographs:
        """The photographs of a record, when all that they need is there.

        Args:
            given: the photograph, or ``auto`` for the one that the record names, in the current folder, beside the
                record, in the folder ``photos`` there, or in the folder above it.
            path: the record's file.
            about: what the record says about its image.
            edits: the names of the edited images' files.
            match_colour: see above.

        Raises:
            UsageError: there is no such photograph.
            RecordError: the record has no alignment, or is that of an edit, so that the image before it is not known.
            RequirementError: the record's photograph is not there, is another one now, or cannot be used.
        """
        if given != AUTO and not Path(given).is_file():
            raise UsageError(
                f"--paste {given}: there is no such file (looked in {Path.cwd()}). Expected a photograph, or {AUTO} "
                "for the one that the record names."
            )
        alignment = alignment_in_record(about, path)
        if edits_of(about):
            raise RecordError(
                f"{path} is the record of an edit, and does not contain the reconstruction, from which the photograph "
                "differs by all edits together. Give all directions at once to the record of the inversion, or put "
                "the edited images in with zplus paste."
            )
        places = (Path(), path.parent, path.parent / PHOTOS, path.resolve().parent.parent)
        photo = photo_of(alignment, places) if given == AUTO else Path(given)
        read = Photograph.of(photo)
        require_same_photo(alignment, photo, read.sha256, read.image.size)
        files = tuple(pasted_name(name.removesuffix(f"{MARK}.png")) for name in edits)
        return cls(photo, alignment, files, match_colour)

    def settings(self, settings: Settings) -> dict[str, str]:
        """All on which they depend, given those of the edits."""
        alignment = digest(json.dumps(self.alignment.plain()))[:16]
        colour = {"match colour": "True"} if self.match_colour else {}
        return {**settings, "photograph": self.alignment.photo_sha256[:16], "alignment": alignment, **colour}

    def write(
        self, edits: Iterable[Image.Image], reconstruction: Image.Image, results: Results, settings: Settings
    ) -> None:
        """Write them, all or none.

        Args:
            edits: the edited images, in the order of :attr:`files`.
            reconstruction: the image before the edits.
            results: the folder to write to.
            settings: of the edits.

        Raises:
            RequirementError: they cannot be written, or the photograph is another one now.
        """
        photo = Photograph.of(self.photo)
        with results.writing(self.settings(settings)) as folder:
            for file, edit in zip(self.files, edits, strict=True):
                made = paste(photo, self.alignment, edit, reconstruction, match_colour=self.match_colour)
                (folder / file).write_bytes(as_png(made))
