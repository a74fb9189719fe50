"""The demo: a photograph inverted in F/W+ and in F/Z+ by a miniature repository of our own.

``repository/`` has the shape of somebody else's research code and knows nothing of this package. It
is run by the very launcher that runs real upstreams, through an adapter of its own.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from zplus_plugins import plugins
from zplus_plugins.errors import RequirementError
from zplus_plugins.launcher import launch
from zplus_plugins.run import Options, Run
from zplus_plugins.summary import Summary

REPOSITORY = Path(__file__).parent / "repository"
_CAPTION = 24
_ENLARGED = 256


def run_demo(image: Path | None, out: Path, steps: int | None) -> list[Path]:
    """Invert ``image`` in F/W+ and in F/Z+ and put the results side by side.

    Args:
        image: a photograph; the embedded one if None.
        out: folder for the results; all of them appear there together, or none.
        steps: of the optimizer; None takes the script's default.

    Returns:
        The files written.

    Raises:
        RequirementError: the image cannot be read, or the folder not be written to.
    """
    image = REPOSITORY / "photo.jpg" if image is None else image
    _require_picture(image)
    try:
        out.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=out))
    except OSError as error:
        raise RequirementError(f"Cannot write to {out}: {error.strerror}. Choose another folder with --out.") from None
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a small network: more threads are no faster, and many times slower on a busy machine
    try:
        spaces = {"F_W+": "off", "F_Z+": "zplus"}
        summaries = {name: _invert(image, work / name, latent, steps) for name, latent in spaces.items()}
        _side_by_side(work, list(spaces)).save(work / "side_by_side.png")
        (work / "summary.json").write_text(json.dumps(_report(work, summaries), indent=2) + "\n")
        return _publish(work, out)
    finally:
        torch.set_num_threads(threads)
        shutil.rmtree(work, ignore_errors=True)


def _invert(image: Path, folder: Path, latent: str, steps: int | None) -> Summary:
    script = REPOSITORY / "invert.py"
    arguments = ["--image", str(image.resolve()), "--out", str(folder)]
    if steps is not None:
        arguments += ["--steps", str(steps)]
    return launch(Run(plugins.choose(script, "demo"), Options(latent=latent)), script, arguments)


def _report(work: Path, summaries: dict[str, Summary]) -> dict[str, object]:
    report: dict[str, object] = {"generator": "random weights: mechanics, no evidence of quality"}
    for name, summary in summaries.items():
        error = float(np.mean((_pixels(work / name, "reconstruction") - _pixels(work / name, "target")) ** 2))
        files = ("outputs", "records")
        run = {key: value for key, value in asdict(summary).items() if key not in files}
        report[name] = {"mse": error, "psnr": 10 * math.log10(4 / error) if error else None, "run": run}
    return report


def _pixels(folder: Path, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """A picture in [-1, 1]."""
    with Image.open(folder / f"{name}.png") as picture:
        return np.asarray(picture, dtype=np.float64) / 127.5 - 1


def _side_by_side(work: Path, names: list[str]) -> Image.Image:
    """Target and reconstructions in a row, enlarged, with captions."""
    panels = [("target", work / names[0] / "target.png")]
    panels += [(name.replace("_", "/"), work / name / "reconstruction.png") for name in names]
    sheet = Image.new("RGB", (_ENLARGED * len(panels), _ENLARGED + _CAPTION), "white")
    draw = ImageDraw.Draw(sheet)
    for column, (caption, path) in enumerate(panels):
        with Image.open(path) as picture:
            enlarged = picture.resize((_ENLARGED, _ENLARGED), Image.Resampling.LANCZOS)
        sheet.paste(enlarged, (column * _ENLARGED, _CAPTION))
        draw.text((column * _ENLARGED + _ENLARGED // 2, _CAPTION // 2), caption, fill="black", anchor="mm")
    return sheet


def _publish(work: Path, out: Path) -> list[Path]:
    """Move the finished results to where they belong, over those of an earlier demo."""
    files = sorted(path.relative_to(work) for path in work.rglob("*") if path.is_file())
    for file in files:
        (out / file).parent.mkdir(parents=True, exist_ok=True)
        (work / file).replace(out / file)
    return [out / file for file in files]


def _require_picture(image: Path) -> None:
    try:
        with Image.open(image) as picture:
            picture.verify()
    except (OSError, SyntaxError, ValueError) as error:
        raise RequirementError(f"{image} cannot be read as a picture: {error}.") from None
