"""Runs that leave images out: those that are finished, and those of other shards."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import Result
from PIL import Image

from support.outcome import failed, files, refused
from support.toy_scripts import Toys
from zplus_plugins.upstreams import PILLOW_RGB, ImageList, Loop, OneOf, Writable
from zplus_plugins.upstreams.results.claims import claimed

IMAGES = """\
import glob, os
import numpy as np
from PIL import Image
def read(path):
    return np.array(Image.open(path))
def listed(folder):
    return [(os.path.basename(path), path) for path in sorted(glob.glob(os.path.join(folder, "*.png")))]
"""
# Its pictures show what it draws at random, its codes what it was given.
SCRIPT = """
import argparse, os, signal
import numpy as np, torch
from toy_generator import Generator, optimise
from toy_images import listed, read
parser = argparse.ArgumentParser()
for name, default in (("list", "images.list"), ("out", "out"), ("steps", 2), ("killed", ""), ("folder", "")):
    parser.add_argument("--" + name, default=default, type=type(default))
def images(args):
    if args.folder:
        return [path for _, path in listed(args.folder)]
    with open(args.list) as lines:
        return [line.strip() for line in lines]
def main():
    args = parser.parse_args()
    generator = Generator()
    for path in images(args):
        image = read(path)
        name = os.path.splitext(os.path.basename(path))[0]
        w = optimise(torch.zeros(1, 3, 8), args.steps)
        np.savez(os.path.join(args.out, name), picture=torch.randn(4).numpy() + image.mean())
        if name == args.killed:
            os.kill(os.getpid(), signal.SIGKILL)
        np.save(os.path.join(args.out, name + ".npy"), w.numpy())
        print("inverted", name)
if __name__ == "__main__":
    main()
"""
SEEDING = SCRIPT.replace('("killed", "")', '("killed", ""), ("seed", 5)').replace(
    "generator = Generator()", "generator = Generator()\n    torch.manual_seed(args.seed)\n    torch.randn(3)"
)
NAMES = ("a", "b", "c", "d", "e")
LOOP = Loop("{out}", opened="toy_images:read", lines="{list}", beside=("list", "out", "killed"))
LISTED = Loop("{out}", opened="toy_images:read", listed="toy_images:listed", beside=("out",))
NEEDS = (ImageList("{list}", remedy="", reader=PILLOW_RGB), Writable("{out}"))
Run = Callable[..., Result]


@pytest.fixture
def run(toy: Toys) -> Run:
    """``zplus run OPTIONS invert.py``, with five images in a list."""
    (toy.folder / "toy_images.py").write_text(IMAGES)
    (toy.folder / "images").mkdir()
    for number, name in enumerate(NAMES):
        Image.new("RGB", (8, 8), (40 * number, 0, 0)).save(toy.folder / "images" / f"{name}.png")
    (toy.folder / "images.list").write_text("".join(f"images/{name}.png\n" for name in NAMES))

    def running(*options: str, script: str = SCRIPT, words: tuple[str, ...] = (), **described: Any) -> Result:
        (toy.folder / "out").mkdir(exist_ok=True)
        torch.seed()  # as every process begins
        return toy.run(script, *words, options=options, **{"loop": LOOP, "needs": NEEDS, **described})

    return running


def inverted(result: Result) -> str:
    """The images that a run has inverted, in order."""
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.output.splitlines()]
    return "".join(words[1] for words in lines if words[:1] == ["inverted"])


def whole(run: Run, toy: Toys, **described: Any) -> dict[str, bytes]:
    """The results of one run on all images, which are then moved out of the way."""
    assert inverted(run(**described)) == "abcde"
    found = files(toy.folder / "out")
    (toy.folder / "out").rename(toy.folder / "whole")
    return found


@pytest.mark.parametrize("described", [{}, {"loop": LISTED, "words": ("--folder", "images")}, {"script": SEEDING}])
def test_shards_together_are_one_run_file_by_file(run: Run, toy: Toys, described: dict[str, Any]) -> None:
    expected = whole(run, toy, **described)
    assert len(expected) == 4 * len(NAMES)
    done = [run("--shard", f"{number}/3", **described) for number in (3, 1, 2)]
    assert [inverted(one) for one in done] == ["c", "ad", "be"]
    assert "shard 3/3: 1 image" in done[0].output
    assert files(toy.folder / "out") == expected


def test_an_image_gives_what_it_gives_alone(run: Run, toy: Toys) -> None:
    expected = whole(run, toy)
    (toy.folder / "images.list").write_text("images/d.png\n")
    assert inverted(run()) == "d"
    found = files(toy.folder / "out")
    assert found == {name: expected[name] for name in found} and len(found) == 4


def test_a_killed_run_goes_on_where_it_was(run: Run, toy: Toys) -> None:
    expected = whole(run, toy)
    child = os.fork()
    if child == 0:
        run(words=("--killed", "c"))
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert {"a.npy", "b.npy", "c.npz"} <= files(toy.folder / "out").keys()
    again = run()
    assert inverted(again) == "cde"
    assert "2 of 5 images were finished before; --redo does them again" in again.output
    assert files(toy.folder / "out") == expected


def test_when_all_are_finished_nothing_is_run(run: Run, toy: Toys) -> None:
    expected = whole(run, toy)
    (toy.folder / "whole").rename(toy.folder / "out")
    done = run("--summary", "summary.json")
    assert inverted(done) == "" and "5 of 5 images were finished before" in done.output
    summary = json.loads((toy.folder / "summary.json").read_text())
    assert (summary["skipped"], summary["images"], summary["outputs"]) == (5, 0, [])
    assert files(toy.folder / "out") == expected
    dry = run("--dry-run").output
    assert "5 of 5 images were finished before" in dry
    assert dry.endswith("  every image was finished before, so a run would change nothing\n") and "ready" not in dry
    assert inverted(run("--redo")) == "abcde"
    assert files(toy.folder / "out") == expected


def test_other_settings_are_refused_and_named(run: Run, toy: Toys) -> None:
    assert inverted(run()) == "abcde"
    before = files(toy.folder / "out")
    refused(
        run("--seed", "7", words=("--steps", "3")), 2, "5 images", "  - --seed: 0, now 7\n", "  - steps: 2, now 3\n"
    )
    refused(run("--dry-run", words=("--steps", "3")), 2, "--redo")
    source = toy.folder / "toy_generator.py"
    text = source.read_text()
    source.write_text(text.replace("lr=0.1", "lr=0.2"))
    refused(run(), 2, "  - the sources: sha256 ")
    source.write_text(text)
    Image.new("RGB", (8, 8), (1, 2, 3)).save(toy.folder / "images" / "d.png")
    refused(run(), 2, "d of 5 images was finished", "  - the image: sha256 ")
    assert files(toy.folder / "out") == before
    assert inverted(run("--redo", words=("--steps", "3"))) == "abcde"
    assert inverted(run(words=("--steps", "3"))) == ""


def test_what_was_changed_since_is_not_finished(run: Run, toy: Toys) -> None:
    expected = whole(run, toy)
    (toy.folder / "whole").rename(toy.folder / "out")
    out = toy.folder / "out"
    np.save(out / "b.npy", np.zeros((1, 3, 8), np.float32))  # of the same size
    (out / "c.npz").unlink()
    next((out / ".zplus-finished").glob("d-*")).write_text("{}")
    assert inverted(run()) == "bcd"
    assert files(out) == expected
    (out / "e.zplus.npz").unlink()
    assert inverted(run(words=("--steps", "2"))) == "e"


def test_results_without_marks_are_done_again(run: Run, toy: Toys) -> None:
    assert inverted(run(loop=None)) == "abcde"
    assert not (toy.folder / "out" / ".zplus-finished").exists()
    assert inverted(run()) == "abcde"


def test_off_is_left_alone_unless_asked(run: Run, toy: Toys) -> None:
    assert inverted(run("--latent", "off")) == "abcde"
    assert not (toy.folder / "out" / ".zplus-finished").exists()
    assert inverted(run("--latent", "off", "--resume", "--shard", "1/2")) == "ace"
    assert inverted(run("--latent", "off", "--resume")) == "bd"
    assert inverted(run("--latent", "off")) == "abcde"


def test_codes_of_earlier_runs_do_not_count_as_these_settings_results(run: Run, toy: Toys) -> None:
    reusing = SCRIPT.replace(
        "w = optimise(torch.zeros(1, 3, 8), args.steps)",
        "there = os.path.join(args.out, name + '.npy')\n"
        "        w = torch.from_numpy(np.load(there)) if os.path.exists(there) else optimise(torch.zeros(1, 3, 8))",
    )
    assert inverted(run(script=reusing)) == "abcde"
    assert inverted(run("--redo", script=reusing)) == "abcde"
    assert not list((toy.folder / "out" / ".zplus-finished").iterdir())


def test_shards_run_side_by_side(run: Run, toy: Toys) -> None:
    (toy.folder / "out").mkdir()
    with claimed([toy.folder / "out"], {"b", "d"}):  # as the second of two does
        assert inverted(run("--shard", "1/2")) == "ace"
        failed(run("--shard", "2/2"), "Another run", "b, d")


def test_more_shards_than_images(run: Run) -> None:
    done = run("--shard", "7/9")
    assert inverted(done) == "" and "shard 7/9: 0 images" in done.output


def test_what_cannot_be_divided_is_refused(run: Run, toy: Toys) -> None:
    refused(run("--shard", "1/2", loop=None), 2, "--shard 1/2", "is not known")
    refused(run("--resume", loop=None), 2, "--resume", "is not known")
    refused(run("--shard", "1/2", loop=Loop("{out}", "toy_images:read")), 2, "one image a run")
    together = Loop(LOOP.results, LOOP.opened, lines=LOOP.lines, needs=(OneOf("steps", (1,), why="so it is."),))
    refused(run("--shard", "1/2", loop=together), 2, "--shard 1/2: steps is 2", "so it is.")
    assert inverted(run(loop=together)) == "abcde"
    (toy.folder / "more").mkdir()
    (toy.folder / "images" / "a.png").rename(toy.folder / "more" / "b.png")
    (toy.folder / "images.list").write_text("images/b.png\nmore/b.png\nimages/c.png\n")
    refused(run("--shard", "1/2"), 2, "images/b.png", "more/b.png", "'b'")
    assert [inverted(run()) for _ in range(2)] == ["bbc", "bb"]


def test_a_loop_that_is_not_the_script_s_is_noticed(run: Run) -> None:
    failed(run("--shard", "2/2", loop=LISTED), "opened", "a.png", "not given to do")
    opened = Loop("{out}", opened="toy_generator:optimise", lines="{list}")
    failed(run("--shard", "2/2", loop=opened), "without opening", "b.png")
