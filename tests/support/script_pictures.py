"""What a script itself takes for pictures and makes of them: pieces of its own source, run alone."""

from __future__ import annotations

import ast
import importlib.util
import itertools
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Taken:
    """A picture as a script takes it; its pixels (H, W, 3) are RGB, or None where the script fails."""

    name: str
    path: str
    pixels: np.ndarray | None


def pti(root: Path, folder: str) -> list[Taken]:
    """By PTI's ``ImagesDataset``."""
    with _modules(root / "utils", "data_utils", "ImagesDataset") as (_, module):
        dataset = module.ImagesDataset(folder)
        return [
            Taken(name, path, _or_none(lambda index=index: np.asarray(dataset[index][1])))
            for index, (name, path) in enumerate(dataset.source_paths)
        ]


def sam(root: Path, folder: str) -> list[Taken]:
    """By the main part of SAM's ``single_latent_inv.py``: how it makes its list, then the head of its loop."""
    main = ast.parse((root / "src" / "single_latent_inv.py").read_text()).body[-1]
    assert isinstance(main, ast.If)
    arguments = Namespace(image_folder_path=folder, output_path="out", target_W=4, target_H=4)
    system = Namespace(path=os.path, makedirs=lambda *_, **__: None)
    names: dict[str, Any] = {"args": arguments, "os": system, "glob": glob, "Image": Image, "build_t": lambda **_: None}
    parsing_and_seeding = 2
    _execute([*itertools.takewhile(lambda node: isinstance(node, ast.Assign), main.body[parsing_and_seeding:])], names)
    (loop,) = (node for node in main.body if isinstance(node, ast.For) and "Image.open" in ast.unparse(node))
    reading = next(index for index, node in enumerate(loop.body) if "Image.open" in ast.unparse(node))

    def take(path: str) -> Taken:
        here = {**names, ast.unparse(loop.target): path}
        _execute(loop.body[:reading], here)
        pixels = _or_none(lambda: (_execute([loop.body[reading]], here), np.asarray(here["img_pil"]))[1])
        return Taken(here.get("bname") or here["name"], path, pixels)

    return [take(path) for path in names[ast.unparse(loop.iter)]]


def bdinvert(root: Path, image_list: Path) -> list[Taken]:
    """By BDInvert's ``invert.py``: how it reads its list, and by ``cv2.imread`` and its own ``preprocess``."""
    tree = ast.parse((root / "BDInvert" / "invert.py").read_text())
    (reading,) = (n for n in ast.walk(tree) if isinstance(n, ast.With) and "args.image_list" in ast.unparse(n.items[0]))
    names: dict[str, Any] = {"args": Namespace(image_list=str(image_list)), "image_list": []}
    _execute([reading], names)
    with _modules(root / "BDInvert", "image_tools") as (tools,):

        def pixels(path: str) -> np.ndarray:
            image = tools.preprocess(cv2.imread(path)[np.newaxis, :], channel_order="BGR")
            return np.rint((image[0].transpose(1, 2, 0) + 1) * 127.5).astype(np.uint8)

        paths = names.get("paths", names["image_list"])
        stems = [os.path.splitext(os.path.basename(path))[0] for path in paths]  # noqa: PTH119, PTH122 - its own calls
        return [
            Taken(stem, path, _or_none(lambda path=path: pixels(path))) for stem, path in zip(stems, paths, strict=True)
        ]


def _execute(nodes: list[ast.stmt], names: dict[str, Any]) -> None:
    exec(compile(ast.Module(nodes, type_ignores=[]), "<a piece of a script>", "exec"), names)


def _or_none(read: Callable[[], np.ndarray]) -> np.ndarray | None:
    try:
        return read()
    except Exception:  # whatever ends the script
        return None


@contextmanager
def _modules(folder: Path, *names: str) -> Iterator[list[ModuleType]]:
    """Modules of an upstream, each with the ones before it in place, as long as the block runs."""
    package = folder.name
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == package}
    try:
        modules = []
        for name in names:
            spec = importlib.util.spec_from_file_location(f"{package}.{name}", folder / f"{name}.py")
            assert spec is not None and spec.loader is not None
            module = sys.modules[f"{package}.{name}"] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            modules.append(module)
        yield modules
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            del sys.modules[name]
        sys.modules.update(before)
