"""``zplus demo``: run the demo, write its files, and print the results."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zplus_plugins.compare.command import NOT_COUNTED, say_missing, table
from zplus_plugins.compare.prepare import Prepared, Request, prepare
from zplus_plugins.compare.report.results import plain, versions
from zplus_plugins.compare.statistics.figures import mean_of
from zplus_plugins.demo.side_by_side import side_by_side
from zplus_plugins.demo.trial import EDITS, Attempt, EqualEdit, attempt, equal_edits
from zplus_plugins.errors import UsageError
from zplus_plugins.execution.progress import Announced
from zplus_plugins.inversion import Space
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.system.console import bar, columns, result, say
from zplus_plugins.system.results import Results
from zplus_plugins.system.threads import limited_to

SPACES = "f/wplus,f/zplus"
STRENGTHS = tuple(step / 2 for step in range(-6, 7))  # as far as zplus edit goes
PORTRAIT = 1  # a held-out portrait: young, serious and without glasses, so that every edit is possible
ONE_PICTURE = "A single image proves nothing: zplus compare measures many, with tests."
_OF_A_SPACE = (".npz", ".png")
_EDIT_FIGURES = {"change": "change", "identity_input": "identity", "leakage": "leakage"}


def run(image: Path | None, out: Path, steps: int, overwrite: bool = False, align: bool = False) -> None:
    """Invert and edit one image in both spaces.

    Args:
        image: a square image; None for a held-out portrait.
        out: folder for the results, which are written all together or not at all. Files with their names that are not
            ours are never overwritten.
        steps: number of optimizer steps in each space.
        overwrite: replace an earlier demo in that folder.
        align: whether the image is a photograph, whose largest face is to be aligned.

    Raises:
        UsageError: an image is to be aligned, but none was given; or there is a demo with other settings, or a file
            that is not ours.
        RequirementError: the image is unusable, or the folder cannot be written to.
        RecordError: an inversion ended in codes that are not finite.
    """
    ready = _prepared(image, steps, align)
    say_missing(ready.instruments.missing)
    settings = ready.plan.identified(ready.model, ready.instruments)
    files = _files(ready)
    with limited_to(ready.share.threads), Results(out, overwrite) as results:
        if results.finished(files, settings):
            say("this demo exists already; --overwrite runs it again.")
        else:
            _make(ready, results, f"held-out portrait {PORTRAIT}" if image is None else image.name, settings)
    for file in files:
        result(out / file)
    record = shlex.quote(str(out / f"{_stem(ready.plan.spaces[-1])}.npz"))
    result(f"\nNext:\n  zplus edit {record} --direction {next(iter(EDITS))} --out edited\n  zplus compare")


def _make(ready: Prepared, results: Results, picture: str, settings: Mapping[str, str]) -> None:
    """Invert, edit, write the files, and print the results."""
    attempts = _attempts(ready)
    edits, left_out = equal_edits(ready, attempts)
    evidence = f"{ready.evidence} {ONE_PICTURE}"
    with results.writing(settings) as folder:
        _write(folder, ready, attempts, edits, {"picture": picture, "evidence": evidence, "left_out": left_out})
    result(f"\n{picture}, {ready.plan.settings.steps} steps in each space")
    _show(attempts, edits, left_out)
    result(f"{evidence}\n")


def _files(ready: Prepared) -> list[str]:
    stems = [_stem(space) for space in ready.plan.spaces]
    return sorted(["target.png", "side_by_side.png", "summary.json", *(s + end for s in stems for end in _OF_A_SPACE)])


def _prepared(image: Path | None, steps: int, align: bool) -> Prepared:
    if align and image is None:
        raise UsageError("--align applies to --image FILE, but none was given: the drawn portrait is aligned.")
    if image is None:
        ready = prepare(Request(pictures=1, seed=PORTRAIT, spaces=SPACES, steps=steps))
    else:
        ready = prepare(Request(images=(image,), resize=not align, align=align, spaces=SPACES, steps=steps))
    edits = {edit.name: edit for edit in ready.plan.edits}
    chosen = tuple(edits[name] for name in EDITS if name in edits)
    return replace(ready, plan=replace(ready.plan, edits=chosen, strengths=STRENGTHS))


def _attempts(ready: Prepared) -> list[Attempt]:
    plan, resolution = ready.plan, ready.model.generator.architecture.resolution
    spaces = " and ".join(space.title for space in plan.spaces)
    work = f"inverting 1 image of {resolution} px in {spaces}, {plan.settings.steps} steps each"
    with bar(len(plan.spaces) * plan.steps, "step") as shown:
        advance = Announced(shown, work, len(plan.spaces) * plan.settings.steps, ready.place, rest=NOT_COUNTED)
        return [attempt(ready, space, advance) for space in plan.spaces]


def _stem(space: Space) -> str:
    """The stem of a space's file names."""
    return space.name.replace("/", "_")


def _write(
    folder: Path, ready: Prepared, attempts: Sequence[Attempt], edits: Sequence[EqualEdit], said: dict[str, Any]
) -> None:
    target = ready.plan.sets[0].pictures[:]
    sheet(target, 1).save(folder / "target.png")
    for one in attempts:
        sheet(one.picture, 1).save(folder / f"{_stem(one.space)}.png")
        one.record.save(folder / f"{_stem(one.space)}.npz")
    side_by_side(target, attempts, edits).save(folder / "side_by_side.png")
    summary = {
        **said,
        "settings": ready.plan.identified(ready.model, ready.instruments),
        "missing": dict(ready.instruments.missing),
        "spaces": {one.space.name: _summary(one, edits) for one in attempts},
        "run": {"versions": versions(), "seconds": {one.space.name: round(one.seconds, 2) for one in attempts}},
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n")


def _summary(one: Attempt, edits: Sequence[EqualEdit]) -> dict[str, Any]:
    made = {edit.name: (edit.title, edit.spaces[one.space.name]) for edit in edits}
    return {
        "title": one.space.title,
        "max_sphere_error": one.sphere_error,
        **_finite(one.figures),
        "edits": {
            name: {"title": title, "strength": edited.strength, **_finite(edited.figures)}
            for name, (title, edited) in made.items()
        },
    }


def _finite(figures: dict[str, float]) -> dict[str, Any]:
    return {name: plain(np.array(value)) for name, value in figures.items()}


def _show(attempts: Sequence[Attempt], edits: Sequence[EqualEdit], left_out: Sequence[str]) -> None:
    means = {a.space.name: {name: mean_of(np.array([v])) for name, v in a.figures.items()} for a in attempts}
    result(f"{table(means, 1)}\n")
    if edits:
        heads = [f"{a.space.title} {name}" for name in _EDIT_FIGURES.values() for a in attempts]
        rows = [("EDIT", *heads)]
        for edit in edits:
            figures = [edit.spaces[a.space.name].figures[name] for name in _EDIT_FIGURES for a in attempts]
            rows.append((edit.title, *(f"{value:.3f}" for value in figures)))
        heading = f"Edits, each at the largest change that both spaces reach up to strength {STRENGTHS[-1]:g}"
        result(f"{heading}\n{columns(rows)}\n")
    for text in left_out:
        say(text)
