"""What a studio is started with: images, records, and folders of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from zplus_plugins.errors import RequirementError
from zplus_plugins.inversion.images import picture_files
from zplus_plugins.system.picture_file import UnfitError, reason, require_file
from zplus_plugins.system.results import MARK

_RECORD = ".npz"
RECORDS = f"*{MARK}{_RECORD}"


@dataclass(frozen=True)
class Inputs:
    """Files that exist, by what they seem to be.

    Attributes:
        records: of inverted images.
        photographs: images to be inverted.
    """

    records: tuple[Path, ...] = ()
    photographs: tuple[Path, ...] = ()

    @classmethod
    def of(cls, paths: Iterable[Path | str]) -> Inputs:
        """The inputs that paths name; a folder stands for the records in it, or else for its images.

        Raises:
            RequirementError: one does not exist, or is a folder with neither; the message names all of them.
        """
        records: list[Path] = []
        photographs: list[Path] = []
        problems = []
        for path in dict.fromkeys(map(Path, paths)):
            try:
                if not path.is_dir():
                    _require_file(path)
                    (records if path.suffix.lower() == _RECORD else photographs).append(path)
                elif inside := sorted(path.glob(RECORDS)):
                    records += inside
                else:
                    photographs += _pictures(path)
            except RequirementError as error:
                problems.append(str(error))
        if problems:
            raise RequirementError("\n".join(problems))
        return cls(tuple(records), tuple(photographs))


def _require_file(path: Path) -> None:
    if not path.is_symlink() and not path.exists():
        raise RequirementError(f"There is no image, record or folder {path} (looked in {Path.cwd()}).")
    try:
        require_file(str(path))
    except UnfitError as error:
        raise RequirementError(f"{error} Leave it out.") from None


def _pictures(folder: Path) -> list[Path]:
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        raise RequirementError(f"The folder {folder} cannot be read: {reason(error)}.") from None
    try:
        return picture_files([folder])
    except RequirementError:
        text = f"There is neither a record ({RECORDS}) nor an image in the folder {folder}."
        raise RequirementError(f"{text} Leave it out, or invert images first: zplus invert.") from None
