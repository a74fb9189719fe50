"""The images that a run works on: those of its shard that no earlier run has finished with the same settings.

A script's own loop goes through them: the list that it takes them from is shortened, and the function with which it
opens an image tells when it starts on the next one. Every image starts at the same random state, so that its results
are those of a run on it alone, whichever images come before it, and whichever process they are in.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.execution.shards import Shard
from zplus_plugins.system.downloads import NeededFile
from zplus_plugins.system.files import checksum
from zplus_plugins.upstreams.adapter.loop import Loop
from zplus_plugins.upstreams.patching.journal import Journal
from zplus_plugins.upstreams.results.finished import Marks
from zplus_plugins.upstreams.results.outputs import writing_own
from zplus_plugins.upstreams.results.randomness import Draws
from zplus_plugins.upstreams.script.settings import called_from

IMAGE = "the image"
_MOST_NAMED = 5


@dataclass(frozen=True)
class Asked:
    """What the user asks for.

    Attributes:
        shard: the share of the images.
        resume: whether to skip finished images; None leaves it to the latent and the adapter.
        off: whether the script runs unchanged, in which case finished images are skipped only on request.
    """

    shard: Shard
    resume: bool | None
    off: bool

    @property
    def expressly(self) -> str:
        """The option that needs the loop; empty if there is none, and the loop is used only if it is known."""
        return f"--shard {self.shard}" if not self.shard.is_all else "--resume" if self.resume else ""

    @property
    def skips(self) -> bool:
        """Whether finished images are skipped."""
        return not self.off if self.resume is None else self.resume

    @property
    def marks(self) -> bool:
        """Whether finished images are marked."""
        return not self.off or bool(self.resume)


@dataclass(frozen=True)
class Progress:
    """What a run has made.

    Attributes:
        written: its files so far, in order.
        complete: counts that grow with each complete code.
        spoiling: counts that grow when an image's results are not the settings' own, such as codes of earlier runs.
    """

    written: Sequence[Path]
    complete: int
    spoiling: int


class Worklist:
    """See the module.

    Args:
        loop: the script's loop; None if the adapter does not give it.
        asked: what the user asks for.
        whose: the script and its adapter, for messages.
        inverts: whether every image must have a record to be complete.
        progress: what the run has made so far.

    Attributes:
        total: number of images in this shard; 0 until they are known.
        skipped: number of images among them that were finished before.
        left: names of the results of the images to work on; None if the script works on whatever it finds.
    """

    def __init__(
        self, loop: Loop | None, asked: Asked, whose: str, *, inverts: bool, progress: Callable[[], Progress]
    ) -> None:
        if asked.expressly and (loop is None or not (loop.divides or asked.shard.is_all)):
            raise UsageError(f"{asked.expressly}: {_unknown(whose) if loop is None else _single(whose)}")
        self._loop = loop if asked.marks or asked.expressly else None
        self._asked = asked
        self._whose = whose
        self._inverts = inverts
        self._progress = progress
        self._images: dict[str, str] = {}
        self._unclear: set[str] = set()
        self._chosen: set[str] = set()
        self._started: set[str] = set()
        self._current: str | None = None
        self._before = progress()
        self._draws = Draws(None)
        self._settings: Mapping[str, Any] = {}
        self._of_current: Mapping[str, Any] = {}
        self._marks: Marks | None = None
        self._process = os.getpid()
        self._closed = False
        self.total = self.skipped = 0
        self.left: frozenset[str] | None = None

    @property
    def line(self) -> str:
        """What of the list this run has left out, for people; empty if nothing."""
        parts = [] if self._asked.shard.is_all else [f"shard {self._asked.shard}: {_count(self.total)}"]
        if self.skipped:
            were = "was" if self.skipped == 1 else "were"
            parts.append(
                f"{self.skipped} of {_count(self.total)} {were} finished before; --redo does them again"
                if self.total > 1
                else "the image was finished before; --redo does it again"
            )
        return ", ".join(parts)

    @property
    def is_done(self) -> bool:
        """Whether no image is left to work on."""
        return self.left is not None and not self.left

    def install(self, journal: Journal, root: Path) -> None:
        """Follow the script's loop, once the images are known."""
        if self._loop is None:
            return
        # A module that copies the names of another, as cv2 does, keeps what has replaced a function there.
        journal.callback(self._close)
        journal.wrap_when_imported(self._loop.opened, self._opening)
        if self._loop.listed:
            journal.wrap_when_imported(self._loop.listed, lambda function: self._listing(function, root.resolve()))

    def choose(
        self,
        arguments: Mapping[str, Any],
        files: Sequence[NeededFile],
        settings: Callable[[Loop], Mapping[str, Any]],
        *,
        reuses: bool,
        seed: int | None,
    ) -> None:
        """Choose the images to work on, before the script starts.

        Args:
            arguments: the script's arguments.
            files: the files that the script needs, the images among them.
            settings: all that an image's results depend on, apart from the image.
            reuses: whether the script will take codes of earlier runs for its own.
            seed: of the random numbers of each image; None if the script itself seeds them before its first image.

        Raises:
            UsageError: images were finished with other settings, or cannot be divided.
        """
        if self._loop is None or not self._independent(arguments):
            return
        self._draws = Draws(seed)
        self._draws.begin()
        self._images = {_place(file.path): file.results for file in files if file.work}
        counts = Counter(self._images.values())
        self._unclear = {name for name in counts if counts[name] > 1}
        if self._unclear and not self._asked.shard.is_all:
            name = min(self._unclear)
            paths = [path for path, own in self._images.items() if own == name]
            raise UsageError(
                f"--shard {self._asked.shard}: the results of {paths[0]} and {paths[1]} have the same name, {name!r}, "
                "so two runs would overwrite each other's. Rename one of the images."
            )
        mine = self._asked.shard.of(list(self._images))
        finished: set[str] = set()
        # With the latent off nobody sees which images the codes of earlier runs are for.
        if self._asked.marks and mine and not (reuses and self._asked.off):
            self._settings = settings(self._loop)
            apart = (self._whose, *(str(arguments[name]) for name in self._loop.apart))
            self._marks = Marks(self._loop.folder(arguments), apart)
            finished = self._finished(mine, reuses) if self._asked.skips else set()
        self._chosen = {place for place in mine if place not in finished}
        self.total, self.skipped = len(mine), len(finished)
        self.left = frozenset(self._images[place] for place in self._chosen)

    def read_lines(self, namespace: dict[str, Any], journal: Journal, arguments: Mapping[str, Any]) -> None:
        """Let the script, whose variables these are, read only the lines with chosen images of its list."""
        if self._loop is None or not self._loop.lines or not self._shortens:
            return
        path = _place(self._loop.lines.format_map(arguments))

        def opened(file: Any, *args: Any, **kwargs: Any) -> Any:
            stream = open(file, *args, **kwargs)  # noqa: SIM115, PTH123 - the script closes it
            if not isinstance(file, str | os.PathLike) or _place(file) != path or not isinstance(stream, io.TextIOBase):
                return stream
            with stream:
                return io.StringIO("".join(line for line in stream if _place(line.strip()) in self._chosen))

        journal.set_item(namespace, "open", opened)

    def finish(self) -> None:
        """The script has ended well.

        Raises:
            RequirementError: it has not worked on all images, although the list was shortened for it.
        """
        self._end_image()
        absent = sorted(self._chosen - self._started)
        if absent and (self._shortens or self._asked.expressly):
            raise RequirementError(
                f"{self._whose} ended without opening {_named(absent)}, so it does not go through its images as the "
                "adapter says. Run it with --redo and without --shard."
            )

    def _close(self) -> None:
        self._closed = True

    @property
    def _shortens(self) -> bool:
        return self.left is not None and len(self._chosen) < len(self._images)

    def _independent(self, arguments: Mapping[str, Any]) -> bool:
        """Whether each image can be done by itself."""
        assert self._loop is not None
        findings = [finding.text for need in self._loop.needs for finding in need.check(arguments)]
        if findings and self._asked.expressly:
            raise UsageError(f"{self._asked.expressly}: {' '.join(findings)}")
        return not findings

    def _finished(self, places: Sequence[str], reuses: bool) -> set[str]:
        """Those of the images that were finished with the same settings."""
        assert self._marks is not None
        finished: set[str] = set()
        others: dict[str, list[str]] = {}
        for place in places:
            mark = None if self._images[place] in self._unclear else self._marks.read(self._images[place])
            if mark is None:
                continue
            differences = mark.differences(self._with_image(place))
            if self._marks.intact(mark):
                others |= {place: differences} if differences else {}
                finished |= set() if differences else {place}
        if others:
            lines = dict.fromkeys(line for differences in others.values() for line in differences)
            raise UsageError(
                "\n".join(
                    [
                        f"{_named([self._images[place] for place in others])} of {_count(len(places))} "
                        f"{'was' if len(others) == 1 else 'were'} finished with other settings:",
                        *(f"  - {line}" for line in lines),
                        "Choose another output folder, or give --redo to overwrite these results."
                        if not reuses
                        else "Choose another output folder, or remove these results: the script takes the codes that "
                        "it finds for its own.",
                    ]
                )
            )
        return finished

    def _with_image(self, place: str) -> dict[str, Any]:
        return {**self._settings, IMAGE: checksum(Path(place))}

    def _listing(self, function: Callable[..., Any], root: Path) -> Callable[..., Any]:
        def listing(*args: Any, **kwargs: Any) -> Any:
            found = function(*args, **kwargs)
            if self._closed or not self._shortens or not isinstance(found, list) or not called_from(root):
                return found
            places = [_place(item[-1] if isinstance(item, tuple) and item else item) for item in found]
            if not self._images.keys() & set(places):  # a list of something else
                return found
            return [item for item, place in zip(found, places, strict=True) if place in self._chosen]

        return listing

    def _opening(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def opening(*args: Any, **kwargs: Any) -> Any:
            # Processes that a script loads its data in have nothing to do with the order of its work.
            follows = self.left is not None and not self._closed and os.getpid() == self._process
            if follows and args and not writing_own.get():
                self._opened(_place(args[0]))
            return function(*args, **kwargs)

        return opening

    def _opened(self, place: str) -> None:
        if place not in self._images or place == self._current:
            return
        if place not in self._chosen:
            raise RequirementError(
                f"{self._whose} opened {place}, which it was not given to do, so it does not go through its images as "
                "the adapter says. Run it with --redo and without --shard."
            )
        self._end_image()
        self._current = place
        self._started.add(place)
        self._before = self._progress()
        if self._marks is not None:
            self._of_current = self._with_image(place)
            self._marks.remove(self._images[place])
        self._draws.again()

    def _end_image(self) -> None:
        """Mark the image that the script has worked on, if its results are complete."""
        place, self._current = self._current, None
        if place is None or self._marks is None or self._images[place] in self._unclear:
            return
        before, now = self._before, self._progress()
        files = dict.fromkeys(now.written[len(before.written) :])
        whole = now.complete > before.complete or not self._inverts
        if files and whole and now.spoiling == before.spoiling:
            self._marks.write(self._images[place], self._of_current, files)


def _place(path: Any) -> str:
    """A path as images are compared by; empty for what is none."""
    return os.path.abspath(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) and path else ""  # noqa: PTH100


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _count(images: int) -> str:
    return f"{images} image" + ("" if images == 1 else "s")


def _unknown(whose: str) -> str:
    return (
        f"how {whose} goes through its images is not known, so none can be left out. Give the script a list or folder "
        "with only the images that it should do."
    )


def _single(whose: str) -> str:
    return f"{whose} inverts one image a run, so there is nothing to divide. Start it once for each image."
