"""How scripts build and use their generators, each in a small script: captures, mappings, redirected calls."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import Tensor, nn

from support.patching import importable
from support.toy_scripts import HEAD, SAVED, Toys, records, require_mapped
from zplus_plugins import Truncation
from zplus_plugins.upstreams import (
    LATENT,
    ArgumentOf,
    Call,
    FunctionMapping,
    ImageFiles,
    InstanceOf,
    Journal,
    OneOf,
    Patch,
    ResultOf,
    RunContext,
    When,
)
from zplus_plugins.upstreams.requirements.pictures.readers import PILLOW_RGB

CAPTURES: dict[str, tuple[str, Any]] = {
    "a key of what a function returns": (
        "def load(): return {'D': 0, 'G_ema': Generator()}\nload()",
        ResultOf("invert:load", pick="G_ema"),
    ),
    "an attribute of an object": (
        "class Trainer:\n    def __init__(self): self.nets = [None, Generator()]\nTrainer()",
        InstanceOf("invert:Trainer", pick="nets.1"),
    ),
    "an attribute of a method's object": (
        "class Solver:\n    def solve(self, image): return None\n"
        "solver = Solver(); solver.net = Generator(); solver.solve(0)",
        ArgumentOf("invert:Solver.solve", "self", pick="net"),
    ),
    "from the arguments and the result": (
        "def build(kind): return {kind: Generator()}\nbuild('ema')",
        ResultOf("invert:build", pick=lambda call: call.result[call.arguments["kind"]]),
    ),
    "a class of the script": (
        "class Own(Generator):\n    def __init__(self, size=4): super().__init__()\nOwn()",
        InstanceOf("invert:Own"),
    ),
    "a class of the script that inherits its constructor": (
        "class Own(Generator): pass\nOwn()",
        InstanceOf("invert:Own"),
    ),
}


@pytest.mark.parametrize("name", CAPTURES)
def test_a_generator_is_captured_there(toy: Toys, name: str) -> None:
    source, capture = CAPTURES[name]
    script = HEAD + source + "\nnp.save('a.npy', optimise(torch.zeros(1, 3, 8)).numpy())\n"
    done = toy.run(script, generator=(capture,))
    assert done.exit_code == 0, done.output
    assert "4 steps, 4 retractions" in done.output
    require_mapped(records(toy)["a.zplus.npz"])


def test_what_no_capture_saw_is_named(toy: Toys) -> None:
    done = toy.run(SAVED + "np.save('a.npy', w)", generator=(ResultOf("toy_generator:optimise"),), codes="*.npy")
    assert done.exit_code == 1 and "toy_generator:optimise" in done.output
    assert not list(toy.folder.glob("*.np*"))


def test_a_path_that_leads_nowhere_says_what_is_there(toy: Toys) -> None:
    script = HEAD + "def load(): return {'D': 0, 'G': Generator()}\nload()"
    done = toy.run(script, generator=(ResultOf("invert:load", pick="G_ema"),))
    assert done.exit_code == 1
    assert "'G_ema'" in done.output and "D, G" in done.output and "Traceback" not in done.output


def test_the_script_s_own_names_work_as_ever(toy: Toys) -> None:
    """Its top level runs in a namespace of ours where something of it is awaited, but remains the module's."""
    script = HEAD + (
        "def first(): return second()\n"
        "def second(): return 5\n"
        "total = [one * first() for one in range(3)]\n"
        "del second\n"
        "assert 'second' not in globals() and 'second' not in locals() and 'second' not in dir()\n"
        "exec('third = 3'); assert third == 3 == vars()['third'] == eval('third')\n"
        "hint: int = 4\nassert __annotations__ == {'hint': int}\n"
        "def change():\n    global total\n    total = 7\n"
        "change(); assert total == 7 and __name__ == '__main__' and sys.modules['__main__'].total == 7\n"
        "from math import *\nassert tau > 6\n"
        "generator = Generator(); np.save('a.npy', optimise(torch.zeros(1, 3, 8)).numpy())\n"
    )
    for capture in (InstanceOf("toy_generator:Generator"), ArgumentOf("invert:unused", "x")):
        done = toy.run(script, generator=(capture, InstanceOf("toy_generator:Generator")))
        assert done.exit_code == 0, done.output


def test_calls_are_redirected_to_what_the_script_defines_below(toy: Toys) -> None:
    script = HEAD + (
        "generator = Generator()\n"
        "def w_only(): raise SystemExit('not here')\n"
        "def w_plus(): return optimise(torch.zeros(1, 3, 8))\n"
        "np.save('a.npy', w_only())\n"
    )
    done = toy.run(script, redirect={"invert:w_only": "invert:w_plus"})
    assert done.exit_code == 0, done.output
    require_mapped(records(toy)["a.zplus.npz"])


def test_the_map_of_an_unknown_generator_is_the_adapter_s(toy: Toys) -> None:
    def mapping(generator: Any, truncation: Truncation) -> FunctionMapping:
        def labelled(z: Tensor) -> Tensor:
            made: Tensor = generator.style(z + generator.label)
            return made

        return FunctionMapping(generator, labelled, z_dim=8, w_dim=8, num_ws=3, truncation=truncation)

    script = HEAD + (
        "class Unknown(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__(); self.style, self.label = Generator().style, torch.ones(8)\n"
        "Unknown(); np.save('a.npy', optimise(torch.zeros(1, 3, 8)))\n"
    )
    done = toy.run(script, generator=(InstanceOf("invert:Unknown"),), mapping=mapping)
    assert done.exit_code == 0, done.output
    assert "4 retractions" in done.output and "a.zplus.npz" in records(toy)


def test_a_patch_sees_the_run_and_not_our_own_writing(toy: Toys) -> None:
    seen: list[tuple[str, Any]] = []

    def install(journal: Journal, run: RunContext) -> None:
        def watching(save: Any) -> Any:
            def saving(path: Any, *args: Any, **kwargs: Any) -> Any:
                seen.append((str(path), run.arguments["name"]))
                assert run.latent == "zplus" and isinstance(run.generator, nn.Module)
                assert len(run.swaps) <= 1 and run.mapping().num_ws == 3
                return save(path, *args, **kwargs)

            return saving

        def finding(find: Any) -> Any:
            def found(*args: Any) -> Any:
                w = find(*args)
                assert run.save_record(Path("kept.bin"), w) == [Path("kept.zplus.npz")]
                return w

            return found

        run.wrap("numpy:savez", watching)
        run.wrap("toy_generator:optimise", finding)

    script = SAVED.replace(
        "argparse.ArgumentParser().parse_args()",
        "p = argparse.ArgumentParser(); p.add_argument('--name', default='x'); p.parse_args()",
    )
    patch = Patch("watch", "nothing breaks", install)
    done = toy.run(script + "np.savez('a.npz', w=w)", patches=(patch,), codes="*.npz", code_item="w")
    assert done.exit_code == 0, done.output
    assert len(seen) == 1 and seen[0][1] == "x"
    assert set(records(toy)) == {"a.zplus.npz", "kept.zplus.npz"}


def test_not_even_a_patch_of_numpy_itself_reaches_our_own_writing(toy: Toys) -> None:
    def install(journal: Journal, run: RunContext) -> None:
        def watching(save: Any) -> Any:
            def saving(path: Any, **arrays: Any) -> Any:
                assert "about" not in arrays, "a record"
                return save(path, **arrays)

            return saving

        journal.wrap(np, "savez", watching)

    patch = Patch("watch", "nothing breaks", install)
    done = toy.run(SAVED + "np.savez('a.npz', w=w)", patches=(patch,), codes="*.npz", code_item="w")
    assert done.exit_code == 0, done.output
    assert set(records(toy)) == {"a.zplus.npz"}


def test_a_call_has_arguments_by_name_and_the_result() -> None:
    assert Call({"a": 1}, 2).arguments["a"] == 1


def test_folders_that_the_adapter_or_the_script_adds_are_looked_into(toy: Toys) -> None:
    for folder in ("declared", "added"):
        (toy.folder / folder).mkdir()
        (toy.folder / folder / f"toy_{folder}.py").write_text("\ufefffrom toy_generator import Generator\n", "utf-8")
    script = HEAD + (
        "sys.path.append('added/')\nimport toy_added, toy_declared\n"
        "generator = Generator(); np.save('a.npy', optimise(torch.zeros(1, 3, 8)))\n"
    )
    done = toy.run(script, paths=("declared",))
    assert done.exit_code == 0, done.output


def test_a_module_of_the_script_s_own_wins_over_one_that_is_imported_already(toy: Toys, tmp_path: Path) -> None:
    """Such as a repository's copy of a package, which a process of the script's own would find first, too."""
    for folder, whose in ((tmp_path / "installed", "installed"), (toy.folder, "the script's")):
        (folder / "toy_namesake").mkdir(parents=True)
        (folder / "toy_namesake" / "__init__.py").write_text("from toy_namesake.part import WHOSE\n")
        (folder / "toy_namesake" / "part.py").write_text(f"WHOSE = {whose!r}\n")
    with importable(tmp_path / "installed"):
        before = [importlib.import_module(name) for name in ("toy_namesake", "toy_namesake.part")]
        script = SAVED + "import toy_namesake; print('it is', toy_namesake.WHOSE)\nnp.save('a.npy', w)"
        done = toy.run(script)
        assert done.exit_code == 0, done.output
        assert "it is the script's" in done.output
        assert [sys.modules[module.__name__] for module in before] == before


def test_needs_know_the_latent_of_the_run(toy: Toys) -> None:
    wide = When(LATENT, "zplus", (OneOf("wide", (True,), why="one code is not enough."),))
    parser = "p = argparse.ArgumentParser(); p.add_argument('--wide', action='store_true'); p.parse_args()"
    script = SAVED.replace("argparse.ArgumentParser().parse_args()", parser) + "np.save('a.npy', w)"
    refused = toy.run(script, needs=(wide,))
    assert refused.exit_code == 2 and "one code is not enough" in refused.output
    assert not list(toy.folder.glob("*.np*"))
    for options, given in ((("--latent", "z"), ()), ((), ("--wide",)), (("--latent", "off"), ())):
        assert toy.run(script, *given, options=options, needs=(wide,)).exit_code == 0


def test_pictures_that_a_script_is_given_by_name(toy: Toys) -> None:
    parser = "p = argparse.ArgumentParser(); p.add_argument('files', nargs='+'); p.parse_args()"
    script = SAVED.replace("argparse.ArgumentParser().parse_args()", parser) + "np.save(sys.argv[1], w)"
    (toy.folder / "b").mkdir()
    for name in ("a.png", "b/a.png"):
        Image.new("RGB", (8, 8)).save(toy.folder / name)
    need = ImageFiles("files", reader=PILLOW_RGB)
    done = toy.run(script, "a.png", "absent.png", needs=(need,))
    assert done.exit_code == 1 and "absent.png" in done.output and "a.png will" not in done.output
    noted = toy.run(script, "a.png", "b/a.png", "a.png", options=("--dry-run",), needs=(need,))
    assert noted.exit_code == 0 and noted.output.count("a.png will be overwritten by those of b/a.png") == 1
