"""Films: frames are encoded one at a time, as they come, so that memory does not grow with their number."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import GifImagePlugin, Image
from torch import Tensor

from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.system.results import Results, Settings, result_name

_CRF = "18"  # of x264: hardly distinguishable from the frames
_MOST_OF_GIF = 50
_BT709 = 1  # in H.264's tables of colour spaces


@dataclass(frozen=True)
class Film:
    """A film of the frames along a path.

    Attributes:
        file: its name, or, while it has none, its format.
        frames: along the path, both ends included.
        fps: frames per second.
        back: whether it goes back, so that it can be played in a loop; the ends are not repeated.
    """

    file: str
    frames: int
    fps: int
    back: bool = False

    @property
    def has_name(self) -> bool:
        """Whether it has the name of a file, not only a format."""
        return "." in self.file

    def named(self, path: str) -> Film:
        """The film of a path; if it has no name, it is named after the path."""
        return self if self.has_name else replace(self, file=result_name(path, f".{self.file}"))

    def require(self) -> None:
        """Require, before anything is computed, what the format needs.

        Raises:
            RequirementError: a package is missing.
            UsageError: there are more frames per second than it can have.
        """
        if self.file.endswith("gif") and self.fps > _MOST_OF_GIF:
            raise UsageError(
                f"--fps {self.fps}: a GIF counts in hundredths of a second, and browsers show no more than "
                f"{_MOST_OF_GIF} frames in one. Use fewer, or MP4 or WebP."
            )
        if self.file.endswith("mp4") and importlib.util.find_spec("av") is None:
            raise RequirementError(
                'MP4 needs the package av, which is not installed: pip install "zplus-plugins[video]". GIF and WebP '
                "need nothing."
            )

    @property
    def order(self) -> list[int]:
        """The index along the path of each frame of the film."""
        there = list(range(self.frames))
        return there + (there[-2:0:-1] if self.back else [])

    def settings(self, settings: Settings) -> dict[str, str]:
        """All on which it depends, given those of its frames."""
        return {**settings, "frames": str(self.frames), "fps": str(self.fps), "loop": str(self.back)}

    def write(self, pictures: Iterable[Tensor], results: Results, settings: Settings) -> None:
        """Write it whole or not at all.

        Args:
            pictures: (3, R, R) in [-1, 1], in :attr:`order`.
            results: the folder to write to.
            settings: of the frames.

        Raises:
            RequirementError: it cannot be written.
        """
        images = (sheet(picture[None], 1) for picture in pictures)
        with results.writing(self.settings(settings)) as folder:
            _WRITERS[Path(self.file).suffix](folder / self.file, images, self.fps, len(self.order))


def _write_mp4(file: Path, images: Iterator[Image.Image], fps: int, count: int) -> None:
    """H.264 in the pixel format that every player reads, with the index in front, so that it plays while it loads."""
    import av

    with av.open(str(file), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = None
        for image in images:
            if stream is None:
                stream = container.add_stream("libx264", rate=Fraction(fps), options={"crf": _CRF})
                stream.width, stream.height, stream.pix_fmt = *image.size, "yuv420p"
                context = stream.codec_context
                context.colorspace = context.color_primaries = context.color_trc = _BT709
            frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode())


def _write_gif(file: Path, images: Iterator[Image.Image], fps: int, count: int) -> None:
    """Frames with 256 colours each, in a loop; Pillow's own way of saving several keeps all of them in memory."""
    ends = [round(100 * (index + 1) / fps) for index in range(count)]  # in hundredths of a second, as the format has it
    with file.open("wb") as film:
        for index, image in enumerate(images):
            frame = image.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG)
            if index == 0:
                blocks, _ = GifImagePlugin.getheader(frame, info={"loop": 0})
                film.writelines(blocks)
            duration = 10 * (ends[index] - (ends[index - 1] if index else 0))
            film.writelines(GifImagePlugin.getdata(frame, duration=duration, include_color_table=True))
        film.write(b";")


def _write_webp(file: Path, images: Iterator[Image.Image], fps: int, count: int) -> None:
    ends = [round(1000 * (index + 1) / fps) for index in range(count)]
    durations = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    _Reel(images, count).save(file, "WEBP", save_all=True, duration=durations, loop=0, quality=90)


class _Reel(Image.Image):
    """An image whose frames are made when Pillow goes on to them, so that only one is in memory."""

    def __init__(self, images: Iterator[Image.Image], count: int) -> None:
        super().__init__()
        self._images, self.n_frames, self.is_animated, self._at = images, count, count > 1, -1
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Go on to the next frame; Pillow asks for the current one, and in the end for the first, which is gone."""
        if frame == self._at + 1:
            image, self._at = next(self._images), frame
            self.im, self._size, self._mode = image.im, image.size, image.mode

    def tell(self) -> int:
        """The index of the current frame."""
        return self._at


_WRITERS = {".mp4": _write_mp4, ".gif": _write_gif, ".webp": _write_webp}
FORMATS = tuple(suffix[1:] for suffix in _WRITERS)
