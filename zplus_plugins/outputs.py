"""Files that a script writes: each appears whole or not at all, and all are listed.

Where a script saves an image's code last, the image's files are complete once it has been saved. If
the script ends before that, by an error or Ctrl-C, the files of the unfinished image are taken away.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from zplus_plugins.adapter import Writer
from zplus_plugins.errors import RequirementError
from zplus_plugins.journal import Journal

_UNFINISHED = ".unfinished-"
OnWrite = Callable[[Path, Any], None]


class Outputs:
    """The files written so far.

    Args:
        on_write: called after each file with its path and what was written.

    Attributes:
        complete: files of finished images, in the order they were written.
        pending: files of the image at work.
    """

    def __init__(self, on_write: OnWrite = lambda path, content: None) -> None:
        self._on_write = on_write
        self.complete: list[Path] = []
        self.pending: list[Path] = []

    def follow(self, journal: Journal, writer: Writer) -> None:
        """Follow a function that writes a file."""
        journal.wrap_when_imported(writer.where, functools.partial(self._following, writer))

    def _following(self, writer: Writer, write: Callable[..., Any]) -> Callable[..., Any]:
        def followed(*args: Any, **kwargs: Any) -> Any:
            path = args[writer.path] if len(args) > writer.path else None
            if not isinstance(path, str | os.PathLike):  # an open file is its owner's business
                return write(*args, **kwargs)
            target = Path(path)
            if not target.name.endswith(writer.suffix):
                target = target.with_name(target.name + writer.suffix)
            with whole_file(target) as unfinished:
                arguments = [*args[: writer.path], str(unfinished), *args[writer.path + 1 :]]
                result = write(*arguments, **kwargs)
                if result is False:  # OpenCV's way to say that it failed
                    raise RequirementError(f"{writer.where} could not write {target}: check the format and the disk.")
            self.pending.append(target)
            self._on_write(target, args[writer.content] if len(args) > writer.content else None)
            return result

        return followed

    def add(self, path: Path) -> None:
        """Note a file that was written otherwise."""
        self.pending.append(path)

    def finish_image(self) -> None:
        """What was written so far is complete."""
        self.complete += self.pending
        self.pending = []

    def discard_pending(self) -> None:
        """Take away the files of an unfinished image."""
        for path in self.pending:
            path.unlink(missing_ok=True)
        self.pending = []


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A temporary path of the same name, in a folder beside ``target``, that becomes it if all goes well.

    The name is the same because some formats, such as ``torch.save``'s, carry it.

    Raises:
        RequirementError: the folder cannot be written to, or the disk is full.
    """
    folder = target.with_name(f"{_UNFINISHED}{os.getpid()}-{target.name}")
    unfinished = folder / target.name
    try:
        folder.mkdir(exist_ok=True)
        yield unfinished
        unfinished.replace(target)
    except OSError as error:
        raise RequirementError(
            f"Cannot write {target}: {error.strerror or error}. Free some space or choose another output folder."
        ) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_whole(target: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with whole_file(target) as unfinished:
        unfinished.write_bytes(content)


@contextlib.contextmanager
def results_folder(target: Path) -> Iterator[None]:
    """See to it, before work is spent, that a folder can be written to; it is taken away again if nothing came of it.

    Raises:
        RequirementError: the folder cannot be written to, or the disk is full.
    """
    absent = [folder for folder in (target, *target.parents) if not folder.exists()]
    try:
        with _explained(target):
            target.mkdir(parents=True, exist_ok=True)
            Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=target)).rmdir()
        yield
    finally:
        with contextlib.suppress(OSError):  # it holds results
            for folder in absent:
                folder.rmdir()


@contextlib.contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A temporary folder whose files all go to the folder ``target`` if all goes well, over those of the same names.

    Raises:
        RequirementError: the folder cannot be written to, or the disk is full.
    """
    with results_folder(target), _explained(target):
        unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=target))
        try:
            yield unfinished
            for file in sorted(unfinished.iterdir()):
                file.replace(target / file.name)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


@contextlib.contextmanager
def _explained(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RequirementError(
            f"Cannot write to {target}: {error.strerror or error}. Free some space or choose another output folder."
        ) from None
