"""Which arguments name images, by what a script's sources open."""

from __future__ import annotations

import ast
import textwrap

import pytest

from zplus_plugins.upstreams.opened_images import Opened, opened_images

ARGUMENTS = ("image", "images", "image_list", "ckpt", "folder")


def found(script: str, module: str = "") -> list[Opened]:
    sources = {"invert.py": script, "utils/reading.py": module}
    return opened_images({file: ast.parse(textwrap.dedent(text)) for file, text in sources.items()}, ARGUMENTS)


@pytest.mark.parametrize(
    ("script", "line", "reader"),
    [
        ("Image.open(args.image)", 1, "PILLOW_RGB"),
        ("with PIL.Image.open(args.image) as image:\n    pass", 1, "PILLOW_RGB"),
        ("cv2.imread(str(Path(opts.image).resolve()))", 1, "OPENCV"),
        ("imageio.v2.imread(args.image)", 1, "PILLOW_RGB"),
        ("path = args.image\nname: str = path\ncv2.imread(name)", 3, "OPENCV"),
        ("def run(image, seed):\n    return Image.open(image)", 2, "PILLOW_RGB"),  # as click and fire call it
        ("if args.ckpt:\n    Image.open(args.image)", 2, "PILLOW_RGB"),
    ],
)
def test_an_image(script: str, line: int, reader: str) -> None:
    assert found(script) == [Opened("image", False, reader, f"invert.py:{line}")]


@pytest.mark.parametrize(
    "script",
    [
        "for number, name in enumerate(tqdm(args.images)):\n    Image.open(name)",
        "names = sorted(args.images)\nloaded = [\nImage.open(name) for name in names]",
        "args\nImage.open(args.images[0])",
    ],
)
def test_images(script: str) -> None:
    assert [(one.argument, one.listed) for one in found(script)] == [("images", False)]


@pytest.mark.parametrize(
    "script",
    [
        "with open(args.image_list) as f:\n    names = [line.strip() for line in f]\ncv2.imread(names[0])",
        "image_list = []\nfor line in open(args.image_list):\n    image_list.append(line.strip())\n"
        "def main():\n    for n in range(3):\n        cv2.imread(image_list[n])",
        "for name in Path(args.image_list).resolve().open():\n    pass\n"
        "for name in open(args.image_list).read().splitlines():\n    cv2.imread(name)",
    ],
)
def test_a_list_of_images(script: str) -> None:
    assert [(one.argument, one.listed, one.reader) for one in found(script)] == [("image_list", True, "OPENCV")]


READING = """
    def load(path, size=8):
        return Image.open(path)

    class Reader:
        def read(self, name):
            return self._open(size=1, path=name)
        def _open(self, path, size):
            return cv2.imread(path)
        def all(self, opts):
            return self.read(opts.images)
"""


def test_a_path_is_followed_into_functions() -> None:
    script = "from utils.reading import load\nload(args.image)\ntorch.load(args.ckpt)\n"
    assert found(script, READING) == [
        Opened("image", False, "PILLOW_RGB", "utils/reading.py:3"),
        Opened("images", False, "OPENCV", "utils/reading.py:9"),
    ]
    assert found("from utils import reading\nreading.load(size=3, path=args.image)", READING)[0].argument == "image"


@pytest.mark.parametrize(
    "script",
    [
        "Image.open(os.path.join(args.folder, 'a.png'))",
        "Image.open(args.folder + name)",
        "torch.load(args.ckpt)\nImage.open('a.png')",
        "from torch import load\nload(args.ckpt)",  # not the function of this name in the other file
        "Image.open(self.image)",
        "image = 'a.png'\nImage.open(image)",
        "path = path\nImage.open(path)",
        "Image.open()",
    ],
)
def test_what_no_argument_names(script: str) -> None:
    assert [one for one in found(script, READING) if one.argument != "images"] == []


def test_under_a_condition_on_it() -> None:
    (one,) = found("if os.path.isfile(args.image):\n    Image.open(args.image)\n")
    assert one.conditional
