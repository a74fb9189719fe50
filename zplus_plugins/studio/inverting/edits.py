"""Edits of records as files: those that ``zplus edit`` writes, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from zplus_plugins.directions import Direction
from zplus_plugins.directions.edits.editing import Edited, Editor, There
from zplus_plugins.directions.edits.request import Request
from zplus_plugins.directions.edits.series import Series
from zplus_plugins.inversion.opening import Models
from zplus_plugins.studio.inverting.folder import first_free, numbered, working_in
from zplus_plugins.system.results import MARK, Settings
from zplus_plugins.system.threads import limited_to, threads_for

Kind = Literal["picture", "record", "video", "pasted"]
KINDS: tuple[Kind, ...] = ("picture", "record", "video", "pasted")


def save_edit(
    models: Models,
    record: Path,
    request: Request,
    kind: Kind,
    out: Path,
    directions: Mapping[str, Direction] | None = None,
) -> list[Path]:
    """Write an edit of a record. What is there already is left, and if other results have the names, a number is added.

    Args:
        models: of the generator.
        record: the file of the record.
        request: one edit, as ``zplus edit`` is asked for it; with a film, or a photograph, if that is to be written.
        kind: what to write. The picture and the record are both written, whichever is asked for.
        out: the folder of results.
        directions: as for :class:`~zplus_plugins.directions.edits.editing.Editor`.

    Returns:
        The files of the kind.

    Raises:
        ZPlusError: as :meth:`Editor.check` and :meth:`Editor.write`.
    """
    editor = Editor(models, request, directions)
    (one,), _ = editor.check([record])
    with working_in(out) as results, limited_to(threads_for(models.generator)):
        one = _renamed(one, first_free(results, lambda n: _written(_renamed(one, n), kind)))
        files = _written(one, kind)
        if not all(results.finished([name], settings) for name, settings in files.items()):
            editor.write(one, results, There(kind not in ("picture", "record"), kind != "video", kind != "pasted"))
    suffix = {"picture": ".png", "record": ".npz"}.get(kind, "")
    return [out / name for name in files if name.endswith(suffix)]


def _written(one: Edited, kind: Kind) -> Mapping[str, Settings]:
    """The settings of all that is written, by the names of the files."""
    if kind == "video" and one.film is not None:
        return {one.film.file: one.film.settings(one.settings)}
    if kind == "pasted" and one.photographs is not None:
        return dict.fromkeys(one.photographs.files, one.photographs.settings(one.settings))
    return dict.fromkeys(one.files, one.settings)


def _renamed(one: Edited, n: int) -> Edited:
    """The same with other names: ``anna.smile+1.500.2.zplus.png``."""

    def other(file: str) -> str:
        name, mark, suffix = file.rpartition(f"{MARK}.")
        return numbered(name, n) + mark + suffix

    files = Series(list(map(other, one.files.pictures)), None, list(map(other, one.files.records)))
    film = None if one.film is None else replace(one.film, file=other(one.film.file))
    photographs = None
    if one.photographs is not None:
        photographs = replace(one.photographs, files=tuple(map(other, one.photographs.files)))
    return replace(one, files=files, film=film, photographs=photographs)
