"""``zplus align``: align photographs one after the other, and write the aligned images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from zplus_plugins.errors import RequirementError
from zplus_plugins.photos.aligner import Aligner, cut_out
from zplus_plugins.photos.alignment import Alignment, alignment_in
from zplus_plugins.photos.photograph import Photograph, hash_of
from zplus_plugins.records.arrays import ContentError
from zplus_plugins.system.results import Results, results_in


@dataclass(frozen=True)
class AlignedFile:
    """An aligned image in a folder of results.

    Attributes:
        photo: the photograph's file.
        file: the name of the image's file.
        alignment: how it was cut out of the photograph.
        before: whether it existed before.
    """

    photo: Path
    file: str
    alignment: Alignment
    before: bool


def aligned_name(name: str, face: int | None) -> str:
    """The file name of an aligned image; ``face`` is its number, unless the largest face was asked for.

    Without the mark of other results, ``.zplus``, because the image is to be used like one of the user's.
    """
    return f"{name}.aligned.png" if face is None else f"{name}.face{face}.aligned.png"


def photographs(files: Mapping[str, Path], asked: Sequence[Path]) -> dict[str, Path]:
    """The files without aligned images that an earlier command has put into one of the folders that were asked for."""
    own = {file for folder in asked if folder.is_dir() for file in results_in(folder, with_aligned=True)}
    return {name: path for name, path in files.items() if path in asked or path not in own}


def align_files(
    files: Mapping[str, Path],
    aligner: Aligner,
    results: Results,
    advance: Callable[[int], object] = lambda files: None,
) -> tuple[list[AlignedFile], list[RequirementError]]:
    """Align photographs; the images of one photograph are written together.

    Args:
        files: photographs by the names of their results.
        aligner: for all of them.
        results: the folder to write to.
        advance: called after each photograph, with 1.

    Returns:
        The aligned images; and why photographs were left out: no face was found in them, or they are unusable.

    Raises:
        UsageError: before any work, if an image would overwrite a file that is not ours, or one that was made with
            other settings.
        RequirementError: an image cannot be written.
        PluginError: the detector failed.
    """
    for name, path in files.items():
        if (sha256 := hash_of(path)) is not None:
            results.finished([_first_name(name, aligner)], _settings(sha256, aligner))
    made: list[AlignedFile] = []
    unfit: list[RequirementError] = []
    for name, path in files.items():
        before = _made_before(name, path, aligner, results)
        if before is not None:
            made.append(before)
        else:
            try:
                photo = Photograph.of(path)
                alignments = aligner.alignments(photo)
            except RequirementError as error:
                unfit.append(error)
            else:
                made += _write(name, photo, alignments, aligner, results)
        advance(1)
    return made, unfit


def _settings(sha256: str, aligner: Aligner) -> dict[str, str]:
    return {"photograph": sha256[:16], **aligner.settings}


def _first_name(name: str, aligner: Aligner) -> str:
    return aligned_name(name, {"largest": None, "all": 1}.get(str(aligner.face), aligner.face))  # type: ignore[arg-type]


def _made_before(name: str, path: Path, aligner: Aligner, results: Results) -> AlignedFile | None:
    """The image of the one face that is asked for, if it was made before; how many there are of all is not known."""
    file, sha256 = _first_name(name, aligner), hash_of(path)
    if aligner.face == "all" or sha256 is None or not results.finished([file], _settings(sha256, aligner)):
        return None
    try:
        alignment = alignment_in(results.folder / file)
    except ContentError:
        return None
    return None if alignment is None else AlignedFile(path, file, alignment, True)


def _write(
    name: str, photo: Photograph, alignments: Sequence[Alignment], aligner: Aligner, results: Results
) -> list[AlignedFile]:
    numbers = [None if aligner.face == "largest" else alignment.face for alignment in alignments]
    names = [aligned_name(name, number) for number in numbers]
    settings = _settings(photo.sha256, aligner)
    before = results.finished(names, settings)
    if not before:
        with results.writing(settings) as folder:
            for file, alignment in zip(names, alignments, strict=True):
                (folder / file).write_bytes(cut_out(photo, alignment).as_png())
    return [AlignedFile(photo.path, *one, before) for one in zip(names, alignments, strict=True)]
