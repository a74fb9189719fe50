"""The images of one edited code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from zplus_plugins.directions.edits.combination import Combination
from zplus_plugins.directions.edits.region import Region
from zplus_plugins.inversion import Model, Point
from zplus_plugins.inversion.record import PointRecord


class Making:
    """Makes the images of one edited code, with float values mostly in [-1, 1], and the records of what they show.

    Args:
        record, model, point: the code.
        combination: the directions along which it moves.
        local: as for :meth:`Combination.move`.
        region: the region of the images to which the edit is confined; None for all.
    """

    def __init__(
        self,
        record: PointRecord,
        model: Model,
        point: Point,
        combination: Combination,
        local: bool,
        region: Region | None = None,
    ) -> None:
        self._record, self._model, self._point = record, model, point
        self._combination, self._local, self._region = combination, local, region

    @cached_property
    def unedited(self) -> Tensor:
        """The image (3, R, R) of the code before the edit, on the CPU."""
        return self._picture(self._point)

    def at(self, strength: float) -> tuple[Point, Tensor]:
        """The edited point, and its image (3, R, R) on the CPU, in the region only.

        Args:
            strength: of the direction that varies; if none does, the share of the edit.
        """
        with torch.no_grad():
            point = self._move(strength)
        picture = self._picture(point)
        return point, picture if self._region is None else self._region.blend(self.unedited, picture)

    def pictures(self, strengths: Iterable[float], on_picture: Callable[[], object] = lambda: None) -> Iterator[Tensor]:
        """The images at several strengths, one at a time."""
        for strength in strengths:
            yield self.at(strength)[1]
            on_picture()

    def with_records(self, strengths: Iterable[float]) -> Iterator[tuple[Tensor, PointRecord]]:
        """The same with the records of the points."""
        for strength in strengths:
            point, picture = self.at(strength)
            yield picture, self._record.moved(self._model, point, self._stated(strength))

    @cached_property
    def _move(self) -> Callable[[float], Point]:
        return self._combination.move(self._model, self._point, self._local)

    @torch.no_grad()
    def _picture(self, point: Point) -> Tensor:
        return self._model.pictures(point)[0].cpu()

    def _stated(self, strength: float) -> dict[str, Any]:
        region = self._region
        mask = None if region is None else {"name": region.name, "digest": region.digest}
        return self._combination.stated(strength, self._point.space, self._local, mask)
