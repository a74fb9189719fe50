"""The files that a script writes: each is written atomically, and all are listed.

If a script saves an image's code last, the image's files are complete once the code has been saved. If
the script ends before that, because of an error or Ctrl-C, the files of the incomplete image are removed.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from zplus_plugins.errors import RequirementError
from zplus_plugins.system.files import whole_file
from zplus_plugins.upstreams.adapter.functions import Writer
from zplus_plugins.upstreams.patching.journal import Journal

writing_own: ContextVar[bool] = ContextVar("writing_own", default=False)
"""Whether what is written now is of this package: patches of global functions let it through."""

OnWrite = Callable[[Path, Any], None]


class Outputs:
    """The files written so far.

    Args:
        on_write: called after each file with its path and content.
        before: called before each file is written; may raise.

    Attributes:
        complete: the files of finished images, in the order they were written.
        pending: the files of the image that is being worked on.
    """

    def __init__(
        self, on_write: OnWrite = lambda path, content: None, before: Callable[[], object] = lambda: None
    ) -> None:
        self._on_write = on_write
        self._before = before
        self.complete: list[Path] = []
        self.pending: list[Path] = []
        self._inputs: dict[tuple[int, int], Path] = {}

    def protect(self, inputs: Iterable[Path]) -> None:
        """Refuse to overwrite these files, under any of their names."""
        for path in inputs:
            with contextlib.suppress(OSError):  # the file does not exist
                found = path.stat()
                self._inputs[found.st_dev, found.st_ino] = path

    def follow(self, journal: Journal, writer: Writer) -> None:
        """Track the files that a function writes."""
        journal.wrap_when_imported(writer.where, functools.partial(self._following, writer))

    def _following(self, writer: Writer, write: Callable[..., Any]) -> Callable[..., Any]:
        def followed(*args: Any, **kwargs: Any) -> Any:
            path = args[writer.path] if len(args) > writer.path else None
            # An open file cannot be written atomically here; and our own files are written elsewhere.
            if writing_own.get() or not isinstance(path, str | os.PathLike):
                return write(*args, **kwargs)
            self._before()
            target = Path(path)
            if not target.name.endswith(writer.suffix):
                target = target.with_name(target.name + writer.suffix)
            self._require_no_input(target)
            with whole_file(target) as unfinished:
                arguments = [*args[: writer.path], str(unfinished), *args[writer.path + 1 :]]
                result = write(*arguments, **kwargs)
                if result is False:  # how OpenCV reports a failure
                    raise RequirementError(f"{writer.where} could not write {target}. Check its format and the disk.")
            self.pending.append(target)
            self._on_write(target, _content(writer, args, kwargs))
            return result

        return followed

    def _require_no_input(self, target: Path) -> None:
        try:
            there = target.stat()
        except OSError:
            return
        own = self._inputs.get((there.st_dev, there.st_ino))
        if own is not None:
            raise RequirementError(
                f"The script was about to overwrite its own input {own}. It was stopped, and the file is unchanged. "
                "Choose an output folder that contains no inputs."
            )

    def add(self, path: Path) -> None:
        """Add a file that was written in another way."""
        self.pending.append(path)

    def finish_image(self) -> None:
        """Mark everything written so far as complete."""
        self.complete += self.pending
        self.pending = []

    def folder(self) -> Path:
        """The folder of the last file; the current one if there is none."""
        written = [*self.complete, *self.pending]
        return written[-1].parent if written else Path()

    def discard_pending(self) -> None:
        """Remove the files of an incomplete image."""
        for path in self.pending:
            path.unlink(missing_ok=True)
        self.pending = []


def _content(writer: Writer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if writer.content is None:
        return kwargs
    return args[writer.content] if len(args) > writer.content else None
