"""Kill a command at a random moment, look at what is there, run it again, and look once more."""

from __future__ import annotations

import io
import json
import random
import shutil
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from killing.scenes import Scene
from support.outcome import files
from zplus_plugins.system.results import BOOK

_TEMPORARY = ".unfinished-"


@dataclass
class Outcome:
    """Of many kills.

    Attributes:
        kills: how many processes were killed.
        after: how many had ended by themselves before.
        left: how many left temporary folders, which is no fault.
        torn: results that were not whole, or inputs that were changed, in words.
        leftovers: what was there beside results after the next run.
        different: results of the next run that are not those of an undisturbed one.
        failed: next runs that failed.
    """

    kills: int = 0
    after: int = 0
    left: int = 0
    torn: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """All of them."""
        return [*self.torn, *self.leftovers, *self.different, *self.failed]

    def __str__(self) -> str:
        return (
            f"{self.kills} kills ({self.after} after the end, {self.left} left temporary folders): torn or lost "
            f"{len(self.torn)}, leftovers {len(self.leftovers)}, different {len(self.different)}, "
            f"failed {len(self.failed)}"
        )


def kill(scene: Scene, work: Path, times: int, seed: int = 0) -> Iterator[Outcome]:
    """Kill a scene's command so many times; the outcome so far, after each.

    Args:
        scene: of the command.
        work: a new folder to work in.
        times: how often.
        seed: of the moments.
    """
    stream, outcome = random.Random(seed), Outcome()
    scene.prepare(_new(work / "inputs"))
    whole, seconds = _undisturbed(scene, work)
    for number in range(times):
        folder = work / f"{number:04}" / "here"
        shutil.copytree(work / "inputs", folder)
        running = scene.start(folder)
        time.sleep(stream.uniform(0, seconds))
        running.kill()
        outcome.kills += 1
        _look(scene, number, files(work / "inputs"), whole, files(folder), outcome)
        status = scene.start(folder).wait()
        if status != 0:
            outcome.failed.append(f"{number}: status {status}, see {folder.parent}")
        else:
            _compare(scene, number, whole, files(folder), outcome)
            shutil.rmtree(folder.parent)
        yield outcome


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _undisturbed(scene: Scene, work: Path) -> tuple[dict[str, bytes], float]:
    """The files of a run that nobody disturbs, and its time; the second of two, for the first one fills caches."""
    for name in ("first", "whole"):
        folder = work / name / "here"
        shutil.copytree(work / "inputs", folder)
        began = time.monotonic()
        status = scene.start(folder).wait()
        if status != 0:
            raise RuntimeError(f"The command fails by itself, with {status}: see {folder.parent}")
        seconds = time.monotonic() - began
    return files(folder), seconds


def _look(
    scene: Scene,
    number: int,
    inputs: dict[str, bytes],
    whole: dict[str, bytes],
    found: dict[str, bytes],
    outcome: Outcome,
) -> None:
    """At what a killed process has left."""
    outcome.left += any(_TEMPORARY in name for name in found)
    results = {name: content for name, content in found.items() if _is_result(scene, name)}
    outcome.after += len(results) == sum(_is_result(scene, name) for name in whole)
    for name, content in inputs.items():
        if found.get(name) != content and BOOK not in name:
            outcome.torn.append(f"{number}: the input {name} is not what it was")
    for name, content in results.items():
        right = _is_readable(name, content) if scene.changing.fullmatch(name) else whole.get(name) == content
        if not right:
            outcome.torn.append(f"{number}: {name} is not whole ({len(content)} bytes)")


def _compare(scene: Scene, number: int, whole: dict[str, bytes], found: dict[str, bytes], outcome: Outcome) -> None:
    """The next run's files with those of an undisturbed run."""
    outcome.leftovers += [f"{number}: {name} is left" for name in sorted(found.keys() - whole.keys())]
    outcome.torn += [f"{number}: {name} is lost" for name in sorted(whole.keys() - found.keys())]
    for name in filter(lambda name: _is_result(scene, name), whole.keys() & found.keys()):
        if not scene.changing.fullmatch(name) and found[name] != whole[name]:
            outcome.different.append(f"{number}: {name} is not that of an undisturbed run")


def _is_result(scene: Scene, name: str) -> bool:
    return _TEMPORARY not in name and scene.results.fullmatch(name) is not None


def _is_readable(name: str, content: bytes) -> bool:
    try:
        if name.endswith(".json"):
            json.loads(content)
        elif name.endswith(".npz"):
            with np.load(io.BytesIO(content)) as arrays:
                dict(arrays)
        elif name.endswith(".pt"):
            return zipfile.ZipFile(io.BytesIO(content)).testzip() is None
        elif name.endswith(".html"):
            return content.rstrip().endswith(b"</html>")
        else:
            return len(content) > 0
    except Exception:
        return False
    return True
