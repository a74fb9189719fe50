"""The pictures that a command makes of one record or two: a file for each, and all of them side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from torch import Tensor

from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.system.results import MARK, Results, Settings, result_name

_COLUMNS = 11


@dataclass(frozen=True)
class Series:
    """The files of a series of pictures.

    Attributes:
        pictures: one for each.
        sheet: all of them side by side; None for a single one.
        records: of the points that they show, if there are any.
    """

    pictures: list[str]
    sheet: str | None
    records: list[str] = field(default_factory=list)

    @classmethod
    def of_edit(cls, record: Path, edit: str, strengths: Sequence[float]) -> Series:
        """Names after the record's and the edit's: ``anna.smile+1.000.zplus.png``, and a record ``.npz`` for each.

        Args:
            record: the file of the record to edit.
            edit: the name of what varies; if nothing does, of the whole edit.
            strengths: of what varies; none if nothing does.
        """
        name = f"{_name(record)}.{edit}"
        names = [f"{name}{strength:+.3f}" for strength in strengths] or [name]
        sheet = result_name(f"{name}{ends_of(strengths)}", ".png") if len(strengths) > 1 else None
        pictures, records = ([result_name(one, suffix) for one in names] for suffix in (".png", ".npz"))
        return cls(pictures, sheet, records)

    @classmethod
    def of_path(cls, start: Path, end: str | Path, frames: int) -> Series:
        """Names after where a path leads: ``anna.to.bert.x11.003.zplus.png``, ``anna.walk5.x24.003.zplus.png``."""
        name = f"{_name(start)}.{end if isinstance(end, str) else f'to.{_name(end)}'}.x{frames}"
        pictures = [result_name(f"{name}.{index:03d}", ".png") for index in range(frames)]
        return cls(pictures, result_name(name, ".png"))

    @classmethod
    def of_seeds(cls, seeds: Sequence[int]) -> Series:
        """Names after the seeds, as the scripts of the authors of arXiv 2307.08995 have them; no sheet."""
        return cls([result_name(f"seed{seed:010d}", ".png") for seed in seeds], None)

    @property
    def name(self) -> str:
        """The name of the sheet without its mark and suffix, for a film of the same path."""
        return "" if self.sheet is None else self.sheet.removesuffix(result_name("", ".png"))

    def __iter__(self) -> Iterator[str]:
        yield from [] if self.sheet is None else [self.sheet]
        yield from self.pictures
        yield from self.records

    def write(self, pictures: Iterable[Tensor], results: Results, settings: Settings) -> None:
        """Write pictures (3, R, R) in [-1, 1], of which one at a time is in memory as numbers; all or none.

        Raises:
            RequirementError: they cannot be written.
        """
        self._write(((picture, None) for picture in pictures), results, settings)

    def write_with_records(
        self, edited: Iterable[tuple[Tensor, PointRecord]], results: Results, settings: Settings
    ) -> list[Image.Image]:
        """:meth:`write` for pictures with their records; the images as they were written."""
        return self._write(edited, results, settings)

    def _write(
        self, pairs: Iterable[tuple[Tensor, PointRecord | None]], results: Results, settings: Settings
    ) -> list[Image.Image]:
        with results.writing(settings) as folder:
            images = []
            names = zip(self.pictures, self.records or [""] * len(self.pictures), strict=True)
            for (picture_name, record_name), (picture, record) in zip(names, pairs, strict=True):
                images.append(sheet(picture[None], 1))
                images[-1].save(folder / picture_name)
                if record is not None:
                    (folder / record_name).write_bytes(record.as_bytes())
            if self.sheet is not None:
                _side_by_side(images).save(folder / self.sheet)
        return images


def ends_of(strengths: Sequence[float]) -> str:
    """A series of strengths in the names of results: ``-3.000..+3.000x11``."""
    return f"{strengths[0]:+.3f}..{strengths[-1]:+.3f}x{len(strengths)}"


def _name(record: Path) -> str:
    return record.stem.removesuffix(MARK)


def _side_by_side(images: Sequence[Image.Image]) -> Image.Image:
    columns, (width, height) = min(len(images), _COLUMNS), images[0].size
    whole = Image.new("RGB", (columns * width, -(-len(images) // columns) * height))
    for index, image in enumerate(images):
        whole.paste(image, (index % columns * width, index // columns * height))
    return whole
