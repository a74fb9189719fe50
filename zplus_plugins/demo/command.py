"""``zplus demo``: run the demo, write its files, and print the results."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zplus_plugins.compare.command import table
from zplus_plugins.compare.prepare import Prepared, Request, prepare
from zplus_plugins.compare.running import say_missing
from zplus_plugins.compare.statistics.figures import mean_of
from zplus_plugins.demo.blocks import KINDS
from zplus_plugins.demo.candidates import DIRECTIONS
from zplus_plugins.demo.finding import Found, find
from zplus_plugins.demo.side_by_side import side_by_side
from zplus_plugins.demo.summary import notes, summary
from zplus_plugins.errors import UsageError
from zplus_plugins.inversion import Space
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.system.console import columns, result, say
from zplus_plugins.system.results import Results
from zplus_plugins.system.threads import limited_to

SPACES = "f/wplus,f/zplus"
STRENGTHS = tuple(float(strength) for strength in range(-6, 7))
PORTRAIT = 1  # a held-out portrait: young, serious and without glasses, so that every edit is possible
ONE_PICTURE = "A single image proves nothing: zplus compare measures many, with tests."
_OF_A_SPACE = (".npz", ".png")


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
    result(f"\nNext:\n  zplus edit {record} --direction {next(iter(DIRECTIONS))} --out edited\n  zplus compare")


def _make(ready: Prepared, results: Results, picture: str, settings: Mapping[str, str]) -> None:
    """Invert, edit, write the files, and print the results."""
    found = find(ready)
    evidence = f"{ready.evidence} {ONE_PICTURE}"
    with results.writing(settings) as folder:
        _write(folder, ready, found, {"picture": picture, "evidence": evidence, "left_out": found.left_out})
    result(f"\n{picture}, {ready.plan.settings.steps} steps in each space")
    _show(found)
    result(f"{evidence}\n")
    say_missing(ready.instruments.missing)


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
    chosen = tuple(edits[name] for name in DIRECTIONS if name in edits)
    return replace(ready, plan=replace(ready.plan, edits=chosen, strengths=STRENGTHS))


def _stem(space: Space) -> str:
    """The stem of a space's file names."""
    return space.name.replace("/", "_")


def _write(folder: Path, ready: Prepared, found: Found, said: dict[str, Any]) -> None:
    target = ready.plan.sets[0].pictures[:]
    sheet(target, 1).save(folder / "target.png")
    for one in found.attempts:
        sheet(one.picture, 1).save(folder / f"{_stem(one.space)}.png")
        one.record.save(folder / f"{_stem(one.space)}.npz")
    side_by_side(target, found.attempts, found.blocks, notes(found)).save(folder / "side_by_side.png")
    (folder / "summary.json").write_text(json.dumps(summary(ready, found, said), indent=2, allow_nan=False) + "\n")


def _show(found: Found) -> None:
    means = {a.space.name: {name: mean_of(np.array([v])) for name, v in a.figures.items()} for a in found.attempts}
    result(f"{table(means, 1)}\n")
    for block in found.blocks:
        rows = [("SPACE", "change", "net identity", "realism", "strength", "outcome")]
        for one in found.attempts:
            side = block.sides[one.space.name]
            last = side.shown[-1]
            figures = (f"{last.change:+.3f}", f"{last.net_identity:.3f}", f"{last.realism:.2f}", f"{last.strength:.3f}")
            rows.append((one.space.title, *figures, side.outcome))
        result(f"{KINDS[block.kind]}: {block.edit.title}\n{columns(rows)}\n")
    for note in notes(found):
        result(note)
    for text in found.left_out:
        say(text)
