"""What a move of a slider in ``zplus studio`` costs over the synthesis of its two pictures.

A move is a scene with another strength, from the request to the encoded frames of F/W+ and F/Z+, when the waypoints were
found before. (The change of a moving slider is that of the curve; it is measured when the slider rests.) It is timed in
turn with the syntheses of the same two pictures alone, so that a noisy machine slows both; what counts are medians of
CPU time.

Example: OMP_NUM_THREADS=1 python tests/benchmarks/studio_move.py --moves 100
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import torch
from interleaved import json_option, show

from zplus_plugins.directions import find_ganspace
from zplus_plugins.directions.edits.combination import Combination, Part
from zplus_plugins.directions.edits.region import Region
from zplus_plugins.generators import Architecture
from zplus_plugins.inversion.opening import Models
from zplus_plugins.studio.engine.desk import Desk
from zplus_plugins.studio.engine.painting import Painter, spaces_of
from zplus_plugins.studio.engine.scene import Scene
from zplus_plugins.studio.engine.work import SceneWork

sys.path.insert(0, str(Path(__file__).parents[1]))
from support import generator_files as files

WARM_UP = 3
LARGE = Architecture(256, (512, 512, 512, 512, 256, 128, 64), z_dim=512, w_dim=512, mapping_layers=8)
Value = TypeVar("Value")


def no_region(id: str, resolution: int, feather: float) -> Region:
    raise AssertionError("there is no mask")


def timed(times: list[float], work: Callable[[], Value]) -> Value:
    """What some work gives; its CPU milliseconds are added to a list."""
    begin = time.process_time()
    result = work()
    times.append((time.process_time() - begin) * 1000)
    return result


def moves(desk: Desk, path: str, count: int) -> dict[str, Any]:
    """Medians of CPU milliseconds of moves along a path, and of the syntheses of the same pictures."""
    painter = Painter(desk, no_region)
    name, direction = next(iter(desk.directions.items()))
    origin = {"v": 1, "source": {"seed": 3}, "spaces": ["f/wplus", "f/zplus"], "path": path}
    spaces = spaces_of(Scene.of(origin))
    model = desk.model
    combination = Combination.of([Part(direction, None)])
    points = [painter.base(Scene.of(origin), space)[1] for space in spaces]
    along = [combination.move(model, point, path == "local") for point in points]
    seen: dict[str, str] = {}
    taken: list[float] = []
    alone: list[float] = []
    for strength in (0.5, 1.5, 2.5):
        for space in spaces:
            painter.finished(Scene.of({**origin, "edits": {name: strength}}), space)
    for index in range(count + WARM_UP):
        strength = round(0.1 + 2.8 * index / (count + WARM_UP), 3)
        plain = {**origin, "edits": {name: strength}}
        frames = timed(taken, lambda plain=plain: list(SceneWork(painter, 1, Scene.of(plain), seen).at_once()))
        assert all(frame.header["exact"] for frame in frames)
        edited = [move(strength) for move in along]
        timed(alone, lambda edited=edited: [model.pictures(point)[0] for point in edited])
    pairs = list(zip(taken, alone, strict=True))[WARM_UP:]
    move_ms, alone_ms = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(move / synthesis for move, synthesis in pairs)
    return {f"{path}_move_cpu_ms": move_ms, f"{path}_synthesis_cpu_ms": alone_ms, f"{path}_ratio": ratio}


@click.command(help=__doc__)
@click.option("--moves", "count", default=100, show_default=True)
@click.option("--large/--no-large", default=True, help="Also a random generator of 256 px, with a tenth of the moves.")
@json_option
@torch.no_grad()
def main(count: int, large: bool, output: Path | None) -> None:
    torch.set_num_threads(1)
    figures: dict[str, Any] = {"torch": torch.__version__, "threads": 1, "moves": count}
    with tempfile.TemporaryDirectory() as folder:
        desks = {"embedded": Desk(Models(None, "cpu"))}
        if large:
            generator = Path(folder) / "generator.pt"
            torch.save(files.rosinality(files.trained(LARGE)), generator)
            models = Models(generator, "cpu")
            direction = Path(folder) / "ganspace.zplus.npz"
            find_ganspace(models.usual, 1)[0].save(direction)
            desks["256px"] = Desk(models, [direction])
        for name, desk in desks.items():
            for path in ("local", "global"):
                moved = moves(desk, path, count if name == "embedded" else max(5, count // 10))
                figures |= {f"{name}_{key}": value for key, value in moved.items()}
    show(figures, output)


if __name__ == "__main__":
    main()
