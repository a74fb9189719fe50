"""The documents that commands print with ``--json``, as plain dictionaries; ``docs/json.md`` describes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zplus_plugins.directions.edits.combination import Combination
    from zplus_plugins.directions.edits.editing import Edited
    from zplus_plugins.directions.edits.film import Film
    from zplus_plugins.directions.edits.series import Series
    from zplus_plugins.errors import RequirementError, ZPlusError
    from zplus_plugins.generators.convert import Converted
    from zplus_plugins.inversion.files import Order
    from zplus_plugins.photos.alignment import Alignment
    from zplus_plugins.photos.files import AlignedFile
    from zplus_plugins.upstreams.checkout.checkout import Upstream
    from zplus_plugins.upstreams.checkout.plugins import Plugin
    from zplus_plugins.upstreams.doctor import Diagnosis

FORMAT = 1
Document = dict[str, Any]


def of_doctor(findings: Sequence[Diagnosis]) -> Document:
    """The document of ``zplus doctor``: what is installed and what is missing."""
    rows = [{"subject": one.subject, "text": one.text, "remedy": one.remedy} for one in findings]
    return {"format": FORMAT, "missing": sum(row["remedy"] is not None for row in rows), "findings": rows}


def of_check(upstream: Upstream) -> Document:
    """The document of ``zplus check``: the state of everything that an adapter relies on."""
    from zplus_plugins.upstreams.checkout.report import verdict

    readings = [
        {"state": one.state, "kind": one.kind, "where": one.where, "text": one.text, "fatal": one.fatal}
        for one in upstream.readings
    ]
    fits = upstream.status != "incompatible"
    script = None if upstream.script is None else upstream.script.path
    own = {"adapter": upstream.adapter.name, "script": script, "fits": fits, "verdict": verdict(upstream)}
    return {"format": FORMAT, **own, "checkout": _checkout(upstream), "readings": readings}


def of_adapters(plugins: Sequence[Plugin], folder: Path) -> Document:
    """The document of ``zplus adapters``: the installed adapters, and which of them a folder belongs to."""
    return {"format": FORMAT, "adapters": [_of_plugin(plugin, folder) for plugin in plugins]}


def of_inversion(order: Order, out: Path, before: Collection[str], unfit: Sequence[RequirementError]) -> Document:
    """The document of ``zplus invert``.

    Args:
        order: the order that was carried out.
        out: the output folder.
        before: names of the images whose results already existed.
        unfit: the reasons why images were left out.
    """
    return {
        "format": FORMAT,
        "space": order.space.name,
        "generator": order.generator,
        "likeness": order.likeness,
        "settings": order.settings.stated(),
        "results": [_of_picture(name, image, out, name not in before) for name, image in order.files.items()],
        "left_out": list(map(str, unfit)),
    }


def of_alignments(
    size: int, detector: str, made: Sequence[AlignedFile], unfit: Sequence[RequirementError], out: Path
) -> Document:
    """The document of ``zplus align``; ``unfit`` are the reasons why photographs were left out."""
    results = [
        {"photo": str(one.photo), "image": str(out / one.file), "made": not one.before, **_of_alignment(one.alignment)}
        for one in made
    ]
    left_out = list(map(str, unfit))
    return {"format": FORMAT, "size": size, "detector": detector, "results": results, "left_out": left_out}


def of_pasting(photo: Path, alignment: Alignment, made: Mapping[Path, tuple[str, bool]], out: Path) -> Document:
    """The document of ``zplus paste``; ``made`` are the files by their edits, with whether they existed before."""
    results = [
        {"edit": str(edit), "image": str(out / file), "made": not before} for edit, (file, before) in made.items()
    ]
    return {"format": FORMAT, "photo": str(photo), **_of_alignment(alignment), "results": results}


def _of_alignment(alignment: Alignment) -> Document:
    return {"face": alignment.face, "quad": alignment.plain()["quad"]}


def of_edits(
    combination: Combination | None,
    strengths: Sequence[float],
    edits: Sequence[Edited],
    before: Sequence[bool],
    unfit: Sequence[ZPlusError],
    out: Path,
) -> Document:
    """The document of ``zplus edit`` for a folder or several records; the lists are as for :func:`of_inversion`.

    Without records, the directions were not looked at: there is no combination.
    """
    of_all = {"direction": None, "directions": []} if combination is None else _of_combination(combination)
    each = [
        of_edit(one, one.combination, strengths, out, finished) for one, finished in zip(edits, before, strict=True)
    ]
    return {
        "format": FORMAT,
        **of_all,
        "records": [{name: value for name, value in one.items() if name not in ("format", *of_all)} for one in each],
        "left_out": list(map(str, unfit)),
    }


def of_edit(one: Edited, combination: Combination, strengths: Sequence[float], out: Path, before: bool) -> Document:
    """The document of ``zplus edit``; ``before`` is true if the edits already existed.

    The names of directions are those of the combination, which has them without layers.
    """
    files, varies, photos = one.files, combination.varying is not None, one.photographs
    photographs = [None] * len(strengths) if photos is None else [str(out / photo) for photo in photos.files]
    return {
        "format": FORMAT,
        "record": str(one.record),
        **_of_combination(combination),
        "made": not before,
        "sheet": None if files.sheet is None else str(out / files.sheet),
        "video": None if one.film is None else str(out / one.film.file),
        "results": [
            {
                "strength": strength if varies else None,
                "image": str(out / image),
                "record": str(out / record),
                "photograph": photograph,
            }
            for strength, image, record, photograph in zip(
                strengths, files.pictures, files.records, photographs, strict=True
            )
        ],
    }


def _of_combination(combination: Combination) -> Document:
    directions = [{"name": part.direction.name, "strength": part.strength} for part in combination.parts]
    return {"direction": combination.name, "directions": directions}


def of_interpolation(start: Path, end: Path, files: Series, out: Path, before: bool, film: Film | None) -> Document:
    """The document of ``zplus interpolate``; ``before`` is true if the images, or the film, already existed."""
    return {
        "format": FORMAT,
        "start": str(start),
        "end": str(end),
        "made": not before,
        **_of_path(files, len(files.pictures) - 1, out, film),
    }


def of_walk(
    record: Path, radius: float, seed: int, files: Series, out: Path, before: bool, film: Film | None
) -> Document:
    """The document of ``zplus walk``; ``before`` is true if the images, or the film, already existed."""
    return {
        "format": FORMAT,
        "record": str(record),
        "radius": radius,
        "seed": seed,
        "made": not before,
        **_of_path(files, len(files.pictures), out, film),
    }


def _of_path(files: Series, whole: int, out: Path, film: Film | None) -> Document:
    """The files along a path, which is ``whole`` images long; a film takes the place of the images."""
    pictures = files.pictures if film is None else []
    return {
        "sheet": str(out / files.sheet) if files.sheet is not None and film is None else None,
        "video": None if film is None else str(out / film.file),
        "results": [{"share": index / whole, "image": str(out / file)} for index, file in enumerate(pictures)],
    }


def of_generation(
    seeds: Sequence[int], psi: float, cutoff: int | None, files: Series, out: Path, before: bool
) -> Document:
    """The document of ``zplus generate``; ``before`` is true if the images already existed."""
    pictures = zip(seeds, files.pictures, strict=True)
    return {
        "format": FORMAT,
        "psi": psi,
        "cutoff": cutoff,
        "made": not before,
        "results": [{"seed": seed, "image": str(out / file)} for seed, file in pictures],
    }


def _of_plugin(plugin: Plugin, folder: Path) -> Document:
    from zplus_plugins.upstreams.checkout.checkout import match_folder

    adapter = plugin.adapter
    here = None if adapter is None else match_folder(adapter, folder)
    return {
        "name": plugin.name if adapter is None else adapter.name,
        "from": plugin.origin,
        "summary": None if adapter is None else adapter.summary,
        "scripts": [] if adapter is None else [script.path for script in adapter.scripts],
        "broken": plugin.error,
        "checkout": None if here is None else _checkout(here),
    }


def _checkout(upstream: Upstream) -> Document:
    return {
        "root": str(upstream.root),
        "commit": upstream.commit,
        "tested_commits": list(upstream.adapter.tested_commits),
        "status": upstream.status,
    }


def _of_picture(name: str, image: Path, out: Path, made: bool) -> Document:
    from zplus_plugins.inversion.batches import REDUCED_LOSS
    from zplus_plugins.inversion.files import reconstruction_name, record_name
    from zplus_plugins.inversion.record import PointRecord

    record = out / record_name(name)
    about = PointRecord.load(record).about
    return {
        "image": str(image),
        "record": str(record),
        "reconstruction": str(out / reconstruction_name(name)),
        "made": made,
        "loss": about.get("loss"),
        **({REDUCED_LOSS: about[REDUCED_LOSS]} if REDUCED_LOSS in about else {}),
        "mse": about.get("mse"),
    }


def of_conversion(source: Path, done: Converted) -> Document:
    """The document of ``zplus convert``."""
    return {
        "format": FORMAT,
        "source": str(source),
        "result": str(done.path),
        "to": done.to,
        "made": done.made,
        "difference": done.difference,
        "weights_hash": done.weights_hash,
        "notes": list(done.notes),
    }


def of_studio(url: str, port: int, out: Path) -> Document:
    """The document of ``zplus studio``: where the page is."""
    return {"format": FORMAT, "url": url, "port": port, "out": str(out)}
