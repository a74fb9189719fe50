"""The pictures that a command makes of one record or two: a file for each, and all of them side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from torch import Tensor

from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.system.results import MARK, Results, Settings, result_name

_COLUMNS = 11


@dataclass(frozen=True)
class Series:
    """The files of a series of pictures.

    Attributes:
        pictures: one for each.
        sheet: all of them side by side; None for a single one.
    """

    pictures: list[str]
    sheet: str | None

    @classmethod
    def of_edit(cls, record: Path, direction: str, strengths: Sequence[float]) -> Series:
        """Names after the record's and the direction's: ``anna.smile+1.000.zplus.png``."""
        name = f"{_name(record)}.{direction}"
        ends = f"{strengths[0]:+.3f}..{strengths[-1]:+.3f}x{len(strengths)}"
        sheet = result_name(f"{name}{ends}", ".png") if len(strengths) > 1 else None
        return cls([result_name(f"{name}{strength:+.3f}", ".png") for strength in strengths], sheet)

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

    def __iter__(self) -> Iterator[str]:
        yield from [] if self.sheet is None else [self.sheet]
        yield from self.pictures

    def write(self, pictures: Iterable[Tensor], results: Results, settings: Settings) -> None:
        """Write pictures (3, R, R) in [-1, 1], of which one at a time is in memory as numbers; all or none.

        Raises:
            RequirementError: they cannot be written.
        """
        with results.writing(settings) as folder:
            images = []
            for file, picture in zip(self.pictures, pictures, strict=True):
                images.append(sheet(picture[None], 1))
                images[-1].save(folder / file)
            if self.sheet is not None:
                _side_by_side(images).save(folder / self.sheet)


def _name(record: Path) -> str:
    return record.stem.removesuffix(MARK)


def _side_by_side(images: Sequence[Image.Image]) -> Image.Image:
    columns, (width, height) = min(len(images), _COLUMNS), images[0].size
    whole = Image.new("RGB", (columns * width, -(-len(images) // columns) * height))
    for index, image in enumerate(images):
        whole.paste(image, (index % columns * width, index // columns * height))
    return whole
